"""Training while simulating, where how long a job takes depends on its own trajectory.

An episode that ends early takes less time, so the engine has to sample the trajectory when the job starts: one compiled
call per job, also for jobs that are cancelled later. The rules are the same. Where every trajectory has H steps, the
timeline is that of `simulate` and the values are those of `replay`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ..base import Method, Problem, Update, adapted, measure
from ..cluster import Cluster
from ..engine import Used, simulate
from ..timeline import Timeline
from .history import EVALUATE_EVERY, History, checked_evaluate_every, evaluated_updates, lane_frame, measured
from .keys import initial_key, job_key
from .lanes import checked_lanes
from .programs import evaluate


class Training:
    """One run's server: the engine's `Coupling`."""

    def __init__(self, method: Method, problem: Problem, seed: int, step_size: float):
        self.rule, self.problem = adapted(problem, method.update), problem
        self.seed, self.step_size = np.uint32(seed), step_size
        self.state = self.rule.init(np.asarray(problem.init(initial_key(self.seed))))
        self.query = self.rule.query(self.state)
        self._measures = self.rule if hasattr(self.rule, "measure") else None  # all others share a program
        self.gradients: dict[tuple[int, int, int], np.ndarray] = {}  # of jobs that started and may still be used
        self.points, self.directions = [self.state.point], [self.state.direction]
        self.returns, self.env_steps = [np.nan], [0]
        self._stats: dict[tuple[int, int, int], tuple[float, int]] = {}  # return and steps, until they are used

    def steps(self, worker: int, version: int, index: int) -> int:
        job = self.seed, version, worker, index
        gradient, returns, steps = sampled_job(self.problem, self._measures, self.query, *job)
        self.gradients[worker, version, index] = np.asarray(gradient)
        self._stats[worker, version, index] = float(returns), int(steps)
        return int(steps)

    def update(self, jobs: Sequence[Used], alive: Collection[tuple[int, int, int]]) -> None:
        weights = np.asarray([job.weight for job in jobs], self.points[0].dtype)
        keys = [(job.worker, job.version, job.index) for job in jobs]
        gradient = sum(weight * self.gradients[key] for weight, key in zip(weights, keys))
        version = min(job.version for job in jobs)
        step_size = self.points[0].dtype.type(self.step_size)
        delay = len(self.points) - 1 - version
        self.state = self.rule.apply(self.state, gradient, step_size, version, delay)
        self.query = self.rule.query(self.state)
        self.points.append(self.state.point)
        self.directions.append(self.state.direction)
        first = [self._stats.pop(key) for key in keys if key in self._stats]  # those that were not used before
        self.returns.append(sum(returns for returns, _ in first))
        self.env_steps.append(sum(steps for _, steps in first))
        self.gradients = {key: self.gradients[key] for key in alive if key in self.gradients}
        self._stats = {key: self._stats[key] for key in alive if key in self._stats}


def train(
    method: Method,
    cluster: Cluster,
    problem: Problem,
    *,
    seeds: Sequence[int],
    step_sizes: Sequence[float] | None = None,
    evaluate_every: int = EVALUATE_EVERY,
    **run,
) -> tuple[History, dict[tuple[int, float], Timeline]]:
    """Simulate and learn at once, one run per seed and step size. ``cluster.compute`` is ḣ_i, seconds per env step.

    run: what `simulate` takes: stop conditions, ``seed`` of the cluster, ``stale``. Returns the history, whose times
    differ from lane to lane, and the timeline of each (seed, step size).
    Raises ValueError where a compute time is not a number, or speeds change: steps alone decide.
    """
    if not all(isinstance(h, float) for h in cluster.compute) or cluster.speeds:
        raise ValueError(
            f"compute={cluster.compute!r} is no ḣ_i: give numbers of seconds per environment step, no speeds"
        )
    seeds, step_sizes = checked_lanes(seeds, (method.update.step_size,) if step_sizes is None else step_sizes)
    checked_evaluate_every(evaluate_every)
    frames, timelines, params = [], {}, []
    for seed in seeds:
        for step_size in step_sizes:
            training = Training(method, problem, seed, step_size)
            timeline = timelines[seed, step_size] = simulate(method, cluster, coupling=training, **run)
            evaluated = evaluated_updates(timeline, evaluate_every)
            rows = _measured(training, timeline, evaluated)
            frames.append(lane_frame(method.name, timeline, evaluated, seed, step_size, rows))
            params.append(training.points[-1])
    last = np.asarray(params).reshape(len(seeds), len(step_sizes), -1)
    computed = sum(len(timeline.jobs) for timeline in timelines.values())
    return History(method.name, seeds, step_sizes, last, pd.concat(frames, ignore_index=True), computed), timelines


def _measured(training: Training, timeline: Timeline, evaluated: np.ndarray) -> np.ndarray:
    """What evaluations of a lane find after these numbers of updates."""
    returns, steps = np.nancumsum(training.returns)[evaluated], np.cumsum(training.env_steps)[evaluated]
    jobs = np.append(0, timeline.updates["gradients"].cumsum().to_numpy())[evaluated]
    with np.errstate(invalid="ignore"):  # no job, no mean
        train_return = np.diff(returns, prepend=np.nan) / np.diff(jobs, prepend=0)
    steps, rows = np.diff(steps, prepend=0), []
    for k, mark in enumerate(evaluated):
        evaluation, norm = evaluate(training.problem, training.points[mark], training.directions[mark], training.seed)
        rows.append(measured(train_return[k], steps[k], norm, evaluation))
    return np.stack(rows)


@partial(jax.jit, static_argnums=(0, 1))
def sampled_job(problem: Problem, update: Update | None, query, seed, version, worker, index):
    """A job's gradient, or what this update has it measure instead, return and environment steps."""
    key = job_key(seed, version, worker, index)
    one = jnp.ones(1, query.dtype)
    gradient, stats = measure(update, problem)(query, key[None], jnp.asarray(worker, jnp.int32)[None], one)
    return gradient, stats.returns[0], stats.steps[0]
