"""Finished jobs per second of the engine, and of `simulate`, against bare SimPy; a million workers in one process."""

from functools import partial

import numpy as np
import pytest
import simpy

from asyncsim import Cluster, rules, simulate

JOBS = 400_000


def cluster(n):
    return Cluster((1 + np.random.default_rng(0).random(n)).tolist())


def bare(seconds, count):
    """A Timeout per worker that is armed anew by its callback; nothing is recorded."""
    env = simpy.Environment()
    done = env.event()

    def again(event):
        nonlocal count
        count -= 1
        if not count:
            done.succeed()
        worker = event._value
        env.timeout(seconds[worker], worker).callbacks.append(again)

    for worker, h in enumerate(seconds):
        env.timeout(h, worker).callbacks.append(again)
    env.run(done)


by_engine = partial(simulate, events=True)


@pytest.mark.parametrize("n", [10, 1_000, 10_000])
@pytest.mark.parametrize("run", [simulate, by_engine], ids=["simulate", "engine"])
@pytest.mark.parametrize("rule", ["Greedy", "Rennala"])
def bench_jobs_per_second(against, n, run, rule):
    machines = cluster(n)
    updates = JOBS if rule == "Greedy" else max(1, JOBS // (3 * n))
    made = rules.Greedy() if rule == "Greedy" else rules.Rennala(3 * n)
    finished = JOBS if rule == "Greedy" else 3 * n * updates
    closed = run is simulate  # for these rules and fixed times
    bound = "memory: the columns that are written" if closed else "Python's interpreter: one event and one ticket a job"
    against(
        f"{rule}{', M = 3n' * (rule == 'Rennala')}, n = {n:,}, {'simulate' if run is simulate else 'engine alone'}",
        lambda: run(made, machines, updates=updates),
        lambda: bare(machines.compute, JOBS),
        count=(finished, JOBS),
        unit="jobs/s",
        wanted=("ratio", ">=", 0.5 if closed else 0.4),
        bound=bound,
        rounds=5,
    )


CHILD = """
import json, sys, time
from statistics import median
from asyncsim import Cluster, rules, simulate

n, jobs, rule = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
cluster = Cluster([1 + (i * 0.6180339887498949) % 1 for i in range(n)])
seconds = []
for _ in range(6):  # the first pays for memory that the machine gives for the first time
    start = time.process_time()
    if rule == "Greedy":
        timeline = simulate(rules.Greedy(), cluster, updates=jobs)
    else:
        timeline = simulate(rules.Rennala(3 * n), cluster, gradients=jobs)
    seconds.append(time.process_time() - start)
    finished = int((timeline.jobs["outcome"] == "used").sum())
    del timeline
print(json.dumps([median(seconds[1:]) / finished, peak(), finished]))
"""


@pytest.mark.parametrize("rule", ["Greedy", "Rennala"])
def bench_a_million_workers(row, in_child, rule):
    seconds, peak, finished = in_child(CHILD, 1_000_000, 10_000_000, rule)
    fewer, _, _ = in_child(CHILD, 1_000, 10_000_000, rule)
    name = f"{rule}, a million workers, {finished / 1e6:.0f} million jobs"
    row(
        f"{name}: peak memory",
        peak / 2**30,
        unit="GiB",
        wanted=("ours", "<=", 4),
        bound="the timeline's columns, and boxed numbers of the workers",
    )
    row(
        f"{name}: time per job, and with a thousand",
        seconds,
        fewer,
        ratio=seconds / fewer,
        wanted=("ratio", "<=", 4),
        bound="sorting jobs that no longer fit the caches",
    )
