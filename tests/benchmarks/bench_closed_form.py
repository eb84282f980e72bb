"""Rounds in closed form against the engine, at ten thousand workers."""

import numpy as np
import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import equal, sqrt

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
