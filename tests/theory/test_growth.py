"""Closed forms of how fast gradients come, against what is known of order statistics and against the engine."""

import math

import pytest

from asyncsim import Cluster, methods, simulate
from asyncsim.cluster import Exponential, LogNormal, ParameterServer, Ring, Uniform
from asyncsim.theory.growth import gradient_rate, order_statistic

LINK = {"latency": 0.01, "bandwidth": 4e4, "parameters": 1000}  # a message takes 0.1 s on the link
RENNALA, SYNCHRONOUS, AFEDPG = methods.rennala_nigt(10, 0.1), methods.synchronous_nigt(0.1), methods.afedpg(0.1)
SOME = methods.m_synchronous_nigt(10, 0.1)


@pytest.mark.parametrize("n, k", [(4, 4), (1000, 1000), (10**6, 10**6), (10**6, 1000), (1000, 1)])
def test_order_statistics_of_exponential_and_uniform_times(n, k):
    known = math.fsum(1 / j for j in range(n - k + 1, n + 1))
    assert order_statistic(Exponential(1.0), n, k) == pytest.approx(known, rel=1e-6)
    assert order_statistic(Uniform(0.0, 3.0), n, k) == pytest.approx(3 * k / (n + 1), rel=1e-6)


def test_there_are_as_many_jobs_as_workers():
    with pytest.raises(ValueError, match="k=5 is no number of jobs of 4 workers: give 1 to 4"):
        order_statistic(Exponential(1.0), 4, 5)


def rate(method, cluster):
    timeline = simulate(method, cluster, updates=100 if method.rule.communication == "round" else 4000)
    time = timeline.updates["time"].to_numpy()
    return timeline.updates["gradients"][len(time) // 2 :].sum() / (time[-1] - time[len(time) // 2 - 1])


@pytest.mark.parametrize(
    "method, cluster, relation, near",
    [
        (SYNCHRONOUS, Cluster([1.0, 2.0, 3.0], Ring(**LINK)), "exact", 1e-9),
        (RENNALA, Cluster([1.0, 2.0, 3.0], Ring(**LINK)), "exact", 1e-9),
        (SYNCHRONOUS, Cluster([LogNormal(1.0, 0.5)] * 20, Ring(**LINK)), "on average", 0.05),
        (SOME, Cluster([LogNormal(1.0, 0.5)] * 20, Ring(**LINK)), "on average", 0.05),
        (RENNALA, Cluster([LogNormal(1.0, 0.5)] * 80, Ring(**LINK)), "at least", 0.05),
        (AFEDPG, Cluster([LogNormal(1.0, 0.5)] * 20, Ring(**LINK)), "on average", 0.05),
        (AFEDPG, Cluster([LogNormal(1.0, 0.5)] * 5, ParameterServer(**LINK)), "at most", 0.2),
        (AFEDPG, Cluster([LogNormal(1.0, 0.5)] * 40, ParameterServer(**LINK)), "at most", 0.01),  # the port is full
    ],
)
def test_rates_are_those_of_the_engine(method, cluster, relation, near):
    found, simulated = gradient_rate(method, cluster), rate(method, cluster)
    assert found.relation == relation and simulated == pytest.approx(found.gradients, rel=near)
    assert relation != "at most" or simulated <= found.gradients * 1.01
    assert relation != "at least" or simulated >= found.gradients * 0.99


@pytest.mark.parametrize(
    "method, cluster",
    [
        (RENNALA, Cluster([LogNormal(1.0, 0.5)] * 5)),  # M > n
        (SYNCHRONOUS, Cluster([LogNormal(1.0, 0.5), 1.0])),
        (SYNCHRONOUS, Cluster([LogNormal(1.0, 0.5)] * 2, 0.5, collective="contributors")),
        (AFEDPG, Cluster([1.0], update_seconds=0.1)),
    ],
)
def test_where_there_is_no_formula(method, cluster):
    assert math.isnan(gradient_rate(method, cluster).gradients)
