"""Clusters that differ in one thing."""

import math

import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import Exponential, Jitter, Outage, ParameterServer, Phases, Ring
from asyncsim.cluster.changes import copied, mean_times, slower_network, slower_worker, slowest, with_workers

RING = Ring(0.1, 1e3, 50)
NETWORKS = [2.0, (1.0, 3.0), RING, ParameterServer(0.1, 1e3, 50), Jitter(RING, Exponential(0.5))]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_a_slower_network(network):
    """Every price is multiplied, and what is drawn."""
    was = Cluster([1.0, 2.0], network)
    now = slower_network(was, 4.0)
    assert now.kappas == pytest.approx([4 * kappa for kappa in was.kappas])
    assert now.round_communication == pytest.approx(4 * was.round_communication)
    assert now.compute == was.compute
    if was.jitter:
        assert now.jitter.time.mean == 4 * was.jitter.time.mean


def test_a_network_that_costs_nothing_cannot_be_slower():
    with pytest.raises(ValueError, match="communication takes no time: give seconds"):
        slower_network(Cluster([1.0]), 2.0)


def test_a_slower_worker():
    cluster = Cluster([Exponential(5.0), 1.0, math.inf, 5.0])
    assert slowest(cluster) == 3  # of equals the last, and none that never finishes
    assert mean_times(slower_worker(cluster, 0, 3.0)) == [15.0, 1.0, math.inf, 5.0]
    assert slower_worker(cluster, 1, 0.5).compute[1] == 0.5
    with pytest.raises(ValueError, match="no worker with a finite mean time"):
        slowest(Cluster([math.inf]))


def test_more_workers_of_the_same_kinds():
    cluster = Cluster([1.0, 2.0], (0.1, 0.2), speeds={1: Phases((3.0,), (0.5,))}, outages={0: Outage(4.0, 5.0)})
    more = with_workers(cluster, 5)
    assert more.compute == (1.0, 2.0, 1.0, 2.0, 2.0) and more.kappas == (0.1, 0.2, 0.1, 0.2, 0.2)
    assert [worker for worker, _ in more.speeds] == [1, 3, 4] and [worker for worker, _ in more.outages] == [0, 2]
    assert with_workers(cluster, 2) == cluster
    double = with_workers(Cluster([1.0, 2.0]), 4)
    assert simulate(rules.Greedy(), double, until=12.0).counts()["used"] == 2 * 18


def test_jitter_on_kappas_of_each_worker():
    jittered = Cluster([1.0, 2.0], Jitter(Cluster([1.0, 2.0], (0.1, 0.2)).network, Exponential(1.0)))
    assert with_workers(jittered, 3).kappas == (0.1, 0.2, 0.2)


def test_more_workers_keep_the_mix():
    """However the file orders them, and whatever their times are drawn from."""
    slow_first = Cluster([Exponential(9.0), Exponential(8.0), 1.0, 2.0])
    assert mean_times(with_workers(slow_first, 6)) == [9.0, 8.0, 1.0, 2.0, 9.0, 2.0]  # and not both slow ones again
    assert mean_times(with_workers(slow_first, 2)) == [9.0, 2.0]
    assert [*copied([1.0, 2.0, 3.0], 7)] == [0, 1, 2] * 2 + [1]
