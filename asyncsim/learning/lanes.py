"""What was learned: replays a timeline on a problem, all seeds and step sizes as lanes of compiled programs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import lax

from ..base import Evaluation, Method, Problem, Update
from ..timeline import Timeline
from .scheduling import Schedule, schedule

# The streams of a seed's randomness.
INITIAL, JOB, EVALUATION = range(3)
LANES = 5  # of a program on a CPU, at most: parameters of more leave the cache, and other cores can take them
SIDE_BY_SIDE = 10  # points that a step visits in a program, at most: more gain little there, and leave the cache
TOGETHER = 64  # the same where all lanes are in one program


def initial_key(seed):
    """The key that θ_0 is drawn with."""
    return jax.random.fold_in(jax.random.key(seed), INITIAL)


def job_key(seed, version, worker, index):
    """The key of a job: nothing else decides its trajectory, given the point. (notebooks/science.md, Random keys)"""
    key = jax.random.fold_in(jax.random.key(seed), JOB)
    for part in (version, worker, index):
        key = jax.random.fold_in(key, part)
    return key


def evaluation_key(seed):
    """The key of every evaluation of a seed: all iterates meet the same random numbers."""
    return jax.random.fold_in(jax.random.key(seed), EVALUATION)


@dataclass(frozen=True, eq=False)
class History:
    """Learning curves: what a method reached on a problem, over seeds and step sizes.

    params: the last iterates, shape (seeds, step sizes, d).
    """

    method: str
    seeds: tuple[int, ...]
    step_sizes: tuple[float, ...]
    params: np.ndarray
    frame: pd.DataFrame

    def __repr__(self) -> str:
        """What there is, in one line: the frame has thousands."""
        seeds, step_sizes, d = self.params.shape
        return (
            f"<History of {self.method!r}: seeds {seeds}, step sizes {step_sizes}, "
            f"evaluated iterates {self.frame['update'].nunique()}, parameters {d}>"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per seed, step size and evaluated update.

        ``method, seed, step_size``; ``update``: updates applied so far; ``time``: simulated seconds;
        ``gradients, env_steps, communications``: used so far, each gradient once; ``train_return``: mean return of
        the trajectories first used since the row before; ``eval_return``: of the iterate; ``direction_norm``: ‖d‖ of
        the last update;
        ``gradient_norm``: ‖∇J(θ)‖ where the problem knows it, else NaN; ``eval_return_0, eval_return_1, ...``: in each
        worker's own world, where they differ. Counts are int64; reals are float64, also where JAX computes in float32.
        """
        return self.frame.copy()


class Pending(NamedTuple):
    """What is there of updates that are begun, each of shape (ahead, ...): update u at u modulo ahead."""

    gradient: Any  # (ahead, d)
    returns: Any  # sum over jobs
    jobs: Any  # how many
    steps: Any  # environment steps of those jobs, int32


class Lanes(NamedTuple):
    """Those of one program, each of shape (lanes,)."""

    seeds: Any
    step_sizes: Any


class Carry(NamedTuple):
    """One lane's state between steps."""

    state: Any  # of the update rule
    points: Any  # (max delay + 1, d): query point of version v at v modulo its length
    pending: Pending
    returns: Any  # as in `Pending`, of the updates since the last evaluation
    jobs: Any
    steps: Any


class Reading(NamedTuple):
    """What is recorded of lanes at a mark, each of shape (lanes, ...)."""

    point: Any
    train_return: Any
    env_steps: Any  # since the mark before, int64
    direction_norm: Any
    evaluation: Evaluation


def replay(
    timeline: Timeline,
    method: Method,
    problem: Problem,
    *,
    seeds: Sequence[int],
    step_sizes: Sequence[float] | None = None,
    evaluations: int = 50,
    progress: Callable[[int, int], None] | None = None,
) -> History:
    """Compute the gradients that the timeline's updates use, and apply them. (notebooks/science.md, Two stages)

    seeds: of θ_0, trajectories and evaluations. step_sizes: α; None: the method's own. evaluations: about how many
    iterates are evaluated, besides θ_0, evenly over the updates.
    progress: called with (updates done, updates in all).

    Gradients that no update uses are never computed. What can be computed side by side is: seeds and step sizes as
    lanes of a program, programs on all cores, and within a lane what `schedule` finds.
    Raises ValueError for empty or repeated seeds, bad step sizes, and a problem for another number of workers.
    """
    seeds, step_sizes = lanes(seeds, (method.update.step_size,) if step_sizes is None else step_sizes)
    if isinstance(evaluations, bool) or not isinstance(evaluations, int) or evaluations < 1:
        raise ValueError(f"evaluations={evaluations!r} is no count: give an integer >= 1")
    if problem.workers not in (None, timeline.cluster.workers):
        raise ValueError(f"problem has {problem.workers} workers, the cluster {timeline.cluster.workers}: give as many")

    pairs, updates = len(seeds) * len(step_sizes), len(timeline.updates)
    together = jax.default_backend() != "cpu" or getattr(problem, "calls_host", False)
    most, points = (pairs, TOGETHER) if together else (LANES, SIDE_BY_SIDE)
    groups = _groups(most, seeds, step_sizes)
    plan = schedule(timeline, points // len(groups[0].seeds))
    columns = jax.tree.map(jnp.asarray, plan._replace(weight=plan.weight.astype(jnp.result_type(float))))
    update = replace(method.update, step_size=1.0)  # α is a lane: no new program for another one
    static = problem, update, plan.widths, plan.mixed

    def begin(lanes):
        carry = _begin(problem, update, timeline.max_delay + 1, plan.ahead, lanes.seeds)
        return carry, _read(problem, update, carry, lanes)

    def advance(window, carry, lanes):
        nothing = {key: jnp.zeros_like(getattr(carry, key)) for key in ("returns", "jobs", "steps")}
        carry = _advance(*static, carry._replace(**nothing), *lanes, columns, *window)
        return carry, _read(problem, update, carry, lanes)

    marks = np.unique(np.rint(np.linspace(0, updates, evaluations + 1)).astype(int))
    row = done = 0
    with _cores() as each:
        carries, read = zip(*each(begin, groups), strict=True)
        readings = [_together(read, pairs)]
        for mark in marks[1:]:
            last = int(np.searchsorted(plan.ready, mark)) + 1  # the first steps after which so many can be applied
            window = row, max(row, last), done, mark
            carries, read = zip(*each(partial(advance, window), carries, groups), strict=True)
            readings.append(_together(read, pairs))
            row, done = max(row, last), int(mark)
            if progress:
                progress(done, updates)

    env_steps = np.cumsum([reading.env_steps for reading in readings], axis=0)
    used = timeline.updates[["gradients", "communications"]].cumsum()
    frames = []
    for k, (mark, reading) in enumerate(zip(marks, readings, strict=True)):
        frames.append(
            pd.DataFrame(
                {
                    "method": method.name,
                    "seed": np.repeat(seeds, len(step_sizes)),
                    "step_size": np.tile(step_sizes, len(seeds)),
                    "update": mark,
                    "time": timeline.updates["time"].iloc[mark - 1] if mark else 0.0,
                    "gradients": used["gradients"].iloc[mark - 1] if mark else 0,
                    "env_steps": env_steps[k],
                    "communications": used["communications"].iloc[mark - 1] if mark else 0,
                    "train_return": reading.train_return,
                    "eval_return": reading.evaluation.value,
                    "direction_norm": reading.direction_norm if k else math.nan,
                    "gradient_norm": reading.evaluation.gradient_norm,
                    **own_returns(reading.evaluation),
                }
            )
        )
    frame = pd.concat(frames).sort_values(["seed", "step_size", "update"], kind="stable", ignore_index=True)
    frame = as_written(frame)
    params = readings[-1].point.reshape(len(seeds), len(step_sizes), -1)
    return History(method.name, seeds, step_sizes, params, frame)


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """With all reals in float64, as a file of numbers gives them back, whatever they were computed in."""
    return frame.astype(dict.fromkeys(frame.select_dtypes("floating").columns, np.float64))


def lanes(seeds, step_sizes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Seeds and step sizes, checked."""
    seeds, step_sizes = tuple(seeds), tuple(float(step) for step in step_sizes)
    if not seeds:
        raise ValueError("seeds=[] is empty: give at least one integer")
    if len(set(seeds)) != len(seeds) or any(isinstance(s, bool) or int(s) != s or not 0 <= s < 2**32 for s in seeds):
        raise ValueError(f"seeds={list(seeds)!r} are no seeds: give distinct integers from 0 to 2^32 - 1")
    if not step_sizes or any(not 0 < step < math.inf for step in step_sizes):
        raise ValueError(f"step_sizes={list(step_sizes)!r} are no step sizes: give finite numbers > 0")
    return seeds, step_sizes


def _groups(most: int, seeds, step_sizes) -> list[Lanes]:
    """All pairs, in groups of one size; the last is filled up with the first pairs."""
    pairs = len(seeds) * len(step_sizes)
    count = math.ceil(pairs / most)
    shape = count, math.ceil(pairs / count)
    columns = np.repeat(np.asarray(seeds, np.uint32), len(step_sizes)), np.tile(step_sizes, len(seeds))
    return [
        Lanes(jnp.asarray(some), jnp.asarray(steps, jnp.result_type(float)))
        for some, steps in zip(*(np.resize(column, shape) for column in columns), strict=True)
    ]


@contextmanager
def _cores():
    """A map of functions of groups that has all cores at work, in the caller's precision."""
    wide = jnp.result_type(float) == jnp.float64

    def call(function, *group):
        with jax.enable_x64(wide):  # which threads do not inherit
            return jax.block_until_ready(function(*group))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield lambda function, *groups: list(pool.map(partial(call, function), *groups))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _begin(problem: Problem, update: Update, length: int, ahead: int, seeds) -> Carry:
    def lane(seed):
        params = problem.init(initial_key(seed))
        state = jax.tree.map(jnp.asarray, update.init(params))
        points = jnp.zeros((length, params.size), params.dtype).at[0].set(update.query(state))
        nothing, none = jnp.zeros((), params.dtype), jnp.zeros((), jnp.int32)
        pending = Pending(params, nothing, none, none)
        pending = jax.tree.map(lambda x: jnp.zeros((ahead, *x.shape), x.dtype), pending)
        return Carry(state, points, pending, nothing, none, none)

    return jax.vmap(lane)(seeds)


@partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=(4,))
def _advance(problem, update, widths, mixed, carry, seeds, step_sizes, plan: Schedule, low, high, done, mark) -> Carry:
    """In every lane: do the schedule's steps low .. high - 1, and apply the updates done .. mark - 1."""

    def lane(carry: Carry, seed, step_size):
        length, ahead = len(carry.points), len(carry.pending.jobs)

        def compute(width, row, carry: Carry) -> Pending:
            """What is pending after the gradients of a step."""
            columns = (plan.version, plan.worker, plan.index, plan.weight, plan.again, plan.update)
            version, worker, index, weight, again, slot = (
                lax.dynamic_slice_in_dim(column, plan.first[row], width) for column in columns
            )
            real = jnp.arange(width) < plan.count[row]
            keys, weight, slot = jax.vmap(partial(job_key, seed))(version, worker, index), weight * real, slot % ahead
            pending, new = carry.pending, real & ~again  # a trajectory counts once
            if mixed:
                points = carry.points[version % length]
                gradients, stats = jax.vmap(lambda point, *job: problem.gradient(point, *(x[None] for x in job)))(
                    points, keys, worker, weight
                )
                gradient, stats = pending.gradient.at[slot].add(gradients), jax.tree.map(lambda x: x[:, 0], stats)
            else:
                gradient, stats = problem.gradient(carry.points[version[0] % length], keys, worker, weight)
                gradient = gradient[None]
            return Pending(
                gradient,
                pending.returns.at[slot].add(jnp.where(new, stats.returns, 0)),
                pending.jobs.at[slot].add(new),
                pending.steps.at[slot].add(jnp.where(new, stats.steps, 0)),
            )

        def apply(now, carry: Carry) -> Carry:
            slot, version = now % ahead, plan.oldest[now]
            mine = jax.tree.map(lambda x: x[slot], carry.pending)
            state = update.apply(carry.state, mine.gradient, step_size, version, now - version)
            return Carry(
                state,
                carry.points.at[(now + 1) % length].set(update.query(state)),
                jax.tree.map(lambda x: x.at[slot].set(0), carry.pending),
                carry.returns + mine.returns,
                carry.jobs + mine.jobs,
                carry.steps + mine.steps,
            )

        def step(row, carried):
            carry, done = carried
            branches = [partial(compute, width) for width in widths]
            least = jnp.searchsorted(jnp.array(widths), plan.count[row])
            carry = carry._replace(pending=lax.switch(least, branches, row, carry))
            ready = jnp.minimum(plan.ready[row], mark)
            return lax.fori_loop(done, ready, apply, carry), ready

        known = jnp.minimum(jnp.where(low > 0, plan.ready[low - 1], 0), mark)
        carry = lax.fori_loop(done, known, apply, carry)  # what was complete already
        return lax.fori_loop(low, high, step, (carry, known))[0]

    return jax.vmap(lane)(carry, seeds, step_sizes)


def _read(problem: Problem, update: Update, carry: Carry, lanes: Lanes) -> Reading:
    point = jax.vmap(update.point)(carry.state)
    with np.errstate(invalid="ignore"):  # no job, no mean
        mean = np.asarray(carry.returns) / np.asarray(carry.jobs)
    norm = jnp.linalg.norm(jax.vmap(update.direction)(carry.state), axis=-1)
    steps = np.asarray(carry.steps, np.int64)
    return jax.tree.map(np.array, Reading(point, mean, steps, norm, evaluate(problem, point, lanes.seeds)))


def _together(readings: Sequence[Reading], pairs: int) -> Reading:
    return jax.tree.map(lambda *columns: np.concatenate(columns)[:pairs], *readings)


@partial(jax.jit, static_argnums=0)
def evaluate(problem: Problem, points, seeds):
    """`Problem.evaluate` of points of shape (lanes, d), each with its seed's evaluation key."""
    return jax.vmap(lambda point, seed: problem.evaluate(point, evaluation_key(seed)))(points, seeds)


def own_returns(evaluated) -> dict[str, np.ndarray]:
    """The columns of each worker's own world, with a row per lane; none where all share one."""
    return {f"eval_return_{worker}": column for worker, column in enumerate(np.asarray(evaluated.own_values).T)}
