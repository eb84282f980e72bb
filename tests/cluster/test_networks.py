import math

import pytest

from asyncsim.cluster import (
    Constant,
    Exponential,
    Fixed,
    Jitter,
    ParameterServer,
    Pareto,
    PerWorker,
    Recorded,
    Ring,
    Tree,
    stream,
)

LINK = (0.5, 100.0, 1000)  # α = 0.5 s, B = 100 bytes/s, d = 1000: a message of 4000 bytes takes 40 s


def test_constant_and_per_worker():
    assert Constant(0.1).round_seconds(7) == Constant(0.1).gradient_seconds(3) == 0.1
    network = PerWorker([1, 3, 2])
    assert network.round_seconds(3) == 3.0
    assert [network.gradient_seconds(worker) for worker in range(3)] == [1.0, 3.0, 2.0]
    with pytest.raises(ValueError, match="seconds has 3 values for 4 workers: give as many"):
        network.round_seconds(4)


@pytest.mark.parametrize("n, seconds", [(1, 0), (2, 2 * (0.5 + 20)), (4, 6 * (0.5 + 10)), (10, 18 * (0.5 + 4))])
def test_ring(n, seconds):
    assert Ring(*LINK).round_seconds(n) == pytest.approx(seconds, rel=1e-15)
    assert Ring(*LINK).gradient_seconds(0) == 40.5


@pytest.mark.parametrize("n, levels", [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (1024, 10), (1025, 11)])
def test_tree(n, levels):
    assert Tree(*LINK).round_seconds(n) == 2 * levels * 40.5
    assert Tree(*LINK).gradient_seconds(0) == 40.5


def test_parameter_server():
    network = ParameterServer(*LINK)
    assert network.service_seconds == 40.0 and network.latency == 0.5
    assert network.gradient_seconds(0) == network.round_seconds(1) == 40.5
    assert network.round_seconds(10) == 400.5


def test_those_who_send_are_gathered():
    assert Constant(0.5).gathered([4, 2], [1.0, 3.0]) == 3.5
    assert PerWorker((1.0, 9.0, 2.0)).gathered([0, 2], [3.0, 1.0]) == 4.0  # worker 1 has nothing to send
    server = ParameterServer(*LINK)  # 40 s each, one after another
    assert server.gathered([0, 1, 2], [7.0, 7.0, 7.0]) == 7 + server.round_seconds(3)
    assert server.gathered([0, 1], [100.0, 0.0]) == 140.5  # the link is free again
    assert server.gathered([0, 1, 2], [30.0, 0.0, 110.0]) == 150.5  # 0 to 40, 40 to 80, 110 to 150
    assert Jitter(server, Exponential(0.1)).gathered([0], [1.0]) == 41.5
    assert not hasattr(Ring(*LINK), "gathered") and not hasattr(Tree(*LINK), "gathered")


def test_an_unlimited_bandwidth_leaves_the_latency():
    assert Ring(0.5, math.inf, 10).round_seconds(3) == 2.0
    assert Tree(0.5, math.inf, 10).round_seconds(3) == 2.0
    assert ParameterServer(0.5, math.inf, 10).round_seconds(3) == 0.5


def test_jitter_adds_its_draws():
    network = Jitter(Ring(*LINK), Exponential(0.1))
    assert network.round_seconds(4) == Ring(*LINK).round_seconds(4)
    assert network.gradient_seconds(1) == 40.5
    assert (network.draw(stream(0, 1, 2), 5) == Exponential(0.1).draw(stream(0, 1, 2), 5)).all()
    assert Jitter(Constant(1.0), Recorded((1.0, 2.0))).draw(stream(0, 0), 3, start=1).tolist() == [2, 1, 2]
    Jitter(Constant(1.0), Pareto(1.0, 0.5))  # heavy tails are jitter too


NETWORKS = (Constant(0.5), PerWorker((1.0, 2.0)), Ring(*LINK), Tree(*LINK), ParameterServer(*LINK))


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_network_says_whether_it_queues_and_whether_it_is_random(network):
    jitter = Jitter(network, Exponential(2.0))
    assert (network.queues, network.random) == (isinstance(network, ParameterServer), False)
    assert (jitter.queues, jitter.random) == (network.queues, True)
    for one in (network, jitter):
        for key in ("queues", "random"):
            with pytest.raises(AttributeError):
                setattr(one, key, True)
    for key in ("service_seconds", "latency", "parameters"):
        assert getattr(jitter, key, None) == getattr(network, key, None)
    assert hasattr(network, "service_seconds") == network.queues


def test_networks_are_values():
    for network in (*NETWORKS, Jitter(Constant(0.5), Exponential(2.0))):
        twin = eval(repr(network))
        assert twin == network and hash(twin) == hash(network)
    assert Ring(1, 2, 3) == Ring(1.0, 2.0, 3) and Ring(*LINK) != Tree(*LINK)


@pytest.mark.parametrize(
    "make, line",
    [
        (lambda: Constant(-1), "seconds=-1 is"),
        (lambda: Constant(math.inf), "seconds=inf is"),
        (lambda: PerWorker(()), "seconds=() has no worker"),
        (lambda: PerWorker((1, math.nan)), "seconds[1]=nan is"),
        (lambda: PerWorker("12"), "seconds='12' is not a list"),
        (lambda: Ring(-1, 1, 1), "latency=-1 is"),
        (lambda: Tree(0, 0, 1), "bandwidth=0 is"),
        (lambda: Tree(0, math.nan, 1), "bandwidth=nan is"),
        (lambda: ParameterServer(0, 1, 0), "parameters=0 is"),
        (lambda: ParameterServer(0, 1, 1.5), "parameters=1.5 is"),
        (lambda: Jitter(1.0, Exponential(1.0)), "network=1.0 is"),
        (lambda: Jitter(Jitter(Constant(1), Fixed(1)), Fixed(1)), "network=Jitter("),
        (lambda: Jitter(Constant(1), 0.5), "time=0.5 is"),
        (lambda: Jitter(Constant(1), Fixed(math.inf)), "time=Fixed(seconds=inf) is"),
    ],
)
def test_bad_arguments_are_named(make, line):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value).startswith(line) and ": give" in str(error.value) and "\n" not in str(error.value)
