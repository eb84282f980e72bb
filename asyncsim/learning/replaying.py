"""Replays a timeline on a problem: which gradients make which update is known, and what they are is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ..base import Method, Problem, Update
from ..timeline import Timeline
from .history import History, Reading, evaluated_updates, lane_frame
from .lanes import Lanes, all_cores, checked_lanes, groups_of
from .programs import Carry, advance, begin, evaluate
from .scheduling import schedule

LANES = 5  # of a program on a CPU, at most: parameters of more leave the cache, and other cores can take them
SIDE_BY_SIDE = 10  # points that a step visits in a program, at most: more gain little there, and leave the cache
TOGETHER = 64  # the same where all lanes are in one program


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
    """Compute the gradients that the timeline's updates use, and apply them.

    seeds: of θ_0, trajectories and evaluations. step_sizes: α; None: the method's own. evaluations: about how many
    iterates are evaluated, besides θ_0, evenly over the updates.
    progress: called with (updates done, updates in all).

    Gradients that no update uses are never computed. What can be computed side by side is: seeds and step sizes as
    lanes of a program, programs on all cores, and within a lane what `schedule` finds.
    Raises ValueError for empty or repeated seeds, bad step sizes, and a problem for another number of workers.
    """
    seeds, step_sizes = checked_lanes(seeds, (method.update.step_size,) if step_sizes is None else step_sizes)
    if isinstance(evaluations, bool) or not isinstance(evaluations, int) or evaluations < 1:
        raise ValueError(f"evaluations={evaluations!r} is no count: give an integer >= 1")
    if problem.workers not in (None, timeline.cluster.workers):
        raise ValueError(f"problem has {problem.workers} workers, the cluster {timeline.cluster.workers}: give as many")

    pairs, evaluated = list(product(seeds, step_sizes)), evaluated_updates(len(timeline.updates), evaluations)
    reading, params = _computed(timeline, method.update, problem, seeds, step_sizes, evaluated, progress)
    lanes = (jax.tree.map(lambda column, k=k: column[:, k], reading) for k in range(len(pairs)))
    frames = [lane_frame(method.name, timeline, evaluated, *pair, lane) for pair, lane in zip(pairs, lanes)]
    frame = pd.concat(frames).sort_values(["seed", "step_size", "update"], kind="stable", ignore_index=True)
    return History(method.name, seeds, step_sizes, params.reshape(len(seeds), len(step_sizes), -1), frame)


def _computed(
    timeline: Timeline,
    update: Any,  # an `Update` that is a dataclass
    problem: Problem,
    seeds: tuple[int, ...],
    step_sizes: tuple[float, ...],
    evaluated: np.ndarray,
    progress: Callable[[int, int], None] | None,
) -> tuple[Reading, np.ndarray]:
    """What is read, of shape (evaluated, lanes, ...), and the last iterates, shape (lanes, d)."""
    pairs, updates = len(seeds) * len(step_sizes), len(timeline.updates)
    together = jax.default_backend() != "cpu" or getattr(problem, "calls_host", False)
    most, points = (pairs, TOGETHER) if together else (LANES, SIDE_BY_SIDE)
    groups = groups_of(most, seeds, step_sizes)
    plan = schedule(timeline, points // len(groups[0].seeds))
    columns = jax.tree.map(jnp.asarray, plan._replace(weight=plan.weight.astype(jnp.result_type(float))))
    update = replace(update, step_size=1.0)  # α is a lane: no new program for another one
    static = problem, update, plan.widths, plan.mixed

    def first(lanes):
        carry = begin(problem, update, timeline.max_delay + 1, plan.ahead, lanes.seeds)
        return carry, _read(problem, update, carry, lanes)

    def further(window, carry, lanes):
        nothing = {key: jnp.zeros_like(getattr(carry, key)) for key in ("returns", "jobs", "steps")}
        carry = advance(*static, carry._replace(**nothing), *lanes, columns, *window)
        return carry, _read(problem, update, carry, lanes)

    row = done = 0
    with all_cores() as each:
        carries, read = zip(*each(first, groups), strict=True)
        readings = [_joined(read, pairs)]
        for mark in evaluated[1:]:
            last = int(np.searchsorted(plan.ready, mark)) + 1  # the first steps after which so many can be applied
            window = row, max(row, last), done, mark
            carries, read = zip(*each(partial(further, window), carries, groups), strict=True)
            readings.append(_joined(read, pairs))
            row, done = max(row, last), int(mark)
            if progress:
                progress(done, updates)
        points = _joined(each(lambda carry: np.array(carry.state.point), carries), pairs)
    return jax.tree.map(lambda *rows: np.stack(rows), *readings), points


def _read(problem: Problem, update: Update, carry: Carry, lanes: Lanes) -> Reading:
    point = carry.state.point
    with np.errstate(invalid="ignore"):  # no job, no mean
        mean = np.asarray(carry.returns) / np.asarray(carry.jobs)
    norm = jnp.linalg.norm(carry.state.direction, axis=-1)
    steps = np.asarray(carry.steps, np.int64)
    return jax.tree.map(np.array, Reading(mean, steps, norm, evaluate(problem, point, lanes.seeds)))


def _joined(groups: Sequence, pairs: int):
    """What the groups of lanes gave, in one; the last group may repeat lanes."""
    return jax.tree.map(lambda *columns: np.concatenate(columns)[:pairs], *groups)
