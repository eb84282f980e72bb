"""How the time of a replay grows: with updates, M, n, lanes and parameters, a slope each; and what memory it takes.

Slopes are of the last step, from 4 to 16 times as much: of small runs, what does not grow hides what does.
"""

import time

import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, Quadratic, TabularMDP, methods, replay, simulate
from asyncsim.cluster import sqrt
from asyncsim.rl.policies import MLP

# Of each problem: how it is made at k times the parameters, or nearly; what a run has at least; the parameters.
PROBLEMS = {
    "TabularMDP": (lambda k: TabularMDP.garnet(states=20 * k), {"updates": 200, "M": 8, "n": 16, "lanes": 2}),
    "Quadratic": (lambda k: Quadratic(1000 * k, noise=1.0), {"updates": 100, "M": 8, "n": 16, "lanes": 2}),
    "CartPole": (
        lambda k: PolicyGradient("CartPole-v1", 50, 0.99, MLP((32 * round(k**0.5),) * 2), evaluation_episodes=1),
        {"updates": 20, "M": 8, "n": 16, "lanes": 2},
    ),
}
QUANTITIES = ("updates", "M", "n", "lanes", "parameters")
TIMES = (1, 4, 16)


def measured(name, quantity, times):
    """The size, and the least CPU seconds of a few replays that are compiled."""
    make, sizes = PROBLEMS[name]
    sizes = {key: size * (times if key == quantity else 1) for key, size in sizes.items()}
    problem = make(times if quantity == "parameters" else 1)
    # More workers are more delay of a greedy method; others do not see them.
    method = methods.afedpg(0.01) if quantity == "n" else methods.rennala_nigt(sizes["M"], 0.01)
    timeline = simulate(method, Cluster(sqrt(sizes["n"])), updates=sizes["updates"] * (8 if quantity == "n" else 1))
    seconds = []
    for _ in range(7):
        start = time.process_time()
        history = replay(timeline, method, problem, seeds=range(sizes["lanes"]))
        seconds.append(time.process_time() - start)
    return sizes.get(quantity, history.params.shape[-1]), min(seconds[1:])


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("name", PROBLEMS)
def bench_scaling(row, name, quantity):
    points = [measured(name, quantity, times) for times in TIMES]
    (size, seconds), (more, longer) = points[-2:]
    slope = np.log(longer / seconds) / np.log(more / size)
    row(
        f"{name}: {quantity}",
        slope,
        unit="(slope)",
        wanted=("ours", "<=", 1.1),
        bound="what does not grow, while it is small; then the gradients",
        points=points,
    )


CHILD = """
import json
from asyncsim import Cluster, Quadratic, methods, replay, simulate

method = methods.afedpg(1e-3)
timeline = simulate(method, Cluster([1.0] * 64), updates=200)
run = lambda d: replay(timeline, method, Quadratic(d, noise=1.0), seeds=range(4))
run(10)
before, d = peak(), 1_000_000
run(d)
print(json.dumps([peak() - before, (timeline.max_delay + 1) * d * 4 * 4]))
"""


def bench_memory(row, in_child):
    """AFedPG on 64 workers, a million parameters, 4 lanes, in single precision."""
    ours, bound = np.array(in_child(CHILD)) / 2**30
    row(
        "memory of a replay, and (max delay + 1) · parameters · lanes",
        ours,
        bound,
        unit="GiB",
        ratio=ours / bound,
        wanted=("ratio", "<=", 2),
        bound="the query points that are still to be asked at, and the gradients that are computed side by side",
    )
