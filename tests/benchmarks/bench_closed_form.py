"""Timelines without an event queue against the engine; a thousand simulated clusters."""

import time

import numpy as np
import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import Exponential, LogNormal, Recorded, equal, sqrt

N, ROUNDS = 10_000, 10
RULES = [rules.Rennala(3 * N), rules.Malenia(3 * N), rules.Synchronous(), rules.MSynchronous(N // 2)]
TIMES = {
    "any": (1 + np.random.default_rng(0).random(N)).tolist(),
    "√i": sqrt(N),  # rounding makes jobs end together, by turns
    "equal": equal(N),
}


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def bench_closed_form(against, rule, times):
    cluster = Cluster(TIMES[times], 0.1)

    against(
        f"{type(rule).__name__}, n = {N:,}, h {times}",
        lambda: simulate(rule, cluster, updates=ROUNDS),
        lambda: simulate(rule, cluster, updates=ROUNDS, events=True),
        wanted=("ratio", ">=", 10),
        bound="memory: the columns that are written",
        rounds=5,
    )


DRAWN = {
    "exponential": Exponential(1.0),
    "lognormal": LogNormal(1.0, 0.5),
    "recorded": Recorded(tuple((0.5 + np.random.default_rng(0).random(1000)).tolist())),
}
JOBS = 200_000
WITHOUT = {  # a rule, and what stops it after some so many jobs
    "Greedy": (rules.Greedy(), {"updates": JOBS}),
    "FedBuff, K = 100": (rules.FedBuff(100), {"gradients": JOBS}),
    "Ringmaster, R = 2n": (rules.Ringmaster(2000), {"updates": JOBS}),
    "Rennala, M = n": (rules.Rennala(1000), {"gradients": JOBS}),
    "Malenia, M = n": (rules.Malenia(1000), {"gradients": JOBS}),
    "Synchronous": (rules.Synchronous(), {"gradients": JOBS}),
}


@pytest.mark.parametrize("times", DRAWN)
@pytest.mark.parametrize("name", WITHOUT)
def bench_random_times(against, name, times):
    cluster, (rule, stop) = Cluster([DRAWN[times]] * 1000, 0.1), WITHOUT[name]
    against(
        f"{name}, n = 1,000, h {times}",
        lambda: simulate(rule, cluster, **stop),
        lambda: simulate(rule, cluster, **stop, events=True),
        wanted=("ratio", ">=", 5),
        bound="drawing the times, and a stream of random numbers per worker",
        rounds=3,
    )


def bench_a_thousand_clusters(row):
    """Of a hundred workers, a hundred gradients each, on one core."""
    start = time.process_time()
    for seed in range(1000):
        rule = (rules.Greedy(), rules.Rennala(100), rules.Synchronous())[seed % 3]
        simulate(rule, Cluster([LogNormal(1.0, 0.5)] * 100, 0.1), gradients=10_000, seed=seed)
    row(
        "a thousand clusters of 100 workers, 100 gradients each; Greedy, Rennala and Synchronous by turns: CPU time",
        time.process_time() - start,
        wanted=("ours", "<=", 60),
        bound="drawing the times",
    )
