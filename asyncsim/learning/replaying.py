"""Replays a timeline on a problem: which gradients make which update is known, and what they are is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, product
from threading import Lock

import numpy as np
import pandas as pd

from ..base import Method, Problem
from ..timeline import Timeline
from .checkpoints import Shelf
from .history import EVALUATE_EVERY, History, checked_evaluate_every, lane_frame
from .lanes import Lane, checked_lanes, lanes_of_a_program, on_all_cores
from .resuming import Curve, Replay, extend


def replay(
    timeline: Timeline,
    method: Method,
    problem: Problem,
    *,
    seeds: Sequence[int],
    step_sizes: Sequence[float] | None = None,
    evaluate_every: int = EVALUATE_EVERY,
    updates: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    shelf: Shelf | None = None,
    last: bool = False,
) -> History:
    """Compute the gradients that the timeline's updates use, and apply them.

    seeds: of θ_0, trajectories and evaluations. step_sizes: α; None: the method's own. evaluate_every: how many
    gradients are used between two evaluations. updates: how many are done; None: all.
    progress: called with (updates done, updates in all), of all lanes.
    shelf: where curves that were computed before are found, and new ones are kept (a `store.Store`); with one, the
        history's ``params`` may be None.
    last: they are there in any case: a lane whose curve is found goes on from the state in which it ended, or, where a
        longer run has gone on from it, is trained again.

    A lane, a seed with a step size, depends on nothing but the problem, the method's update and what the timeline's
    updates use: bit for bit the same whatever other lanes are computed beside it, wherever the run stops, and if it was
    interrupted. Gradients that no update uses are never computed.
    Raises ValueError for empty or repeated seeds, bad step sizes, and a problem for another number of workers; OSError,
    before anything is computed, where the shelf could not keep it.
    """
    seeds, step_sizes = checked_lanes(seeds, (method.update.step_size,) if step_sizes is None else step_sizes)
    checked_evaluate_every(evaluate_every)
    if problem.workers not in (None, timeline.cluster.workers):
        raise ValueError(f"problem has {problem.workers} workers, the cluster {timeline.cluster.workers}: give as many")
    if updates is not None and updates < 0:
        raise ValueError(f"updates={updates!r} is no count: give an integer >= 0, or None for all")
    end = len(timeline.updates) if updates is None else min(updates, len(timeline.updates))
    run = Replay.of(timeline, end, method.update, problem, evaluate_every, shelf, last)
    curves = [run.known(Lane(*pair)) for pair in product(seeds, step_sizes)]
    _finish(run, curves, progress)
    frames = [
        lane_frame(method.name, timeline, run.evaluated, *curve.lane, curve.measured(run.evaluated)) for curve in curves
    ]
    frame = pd.concat(frames).sort_values(["seed", "step_size", "update"], kind="stable", ignore_index=True)
    points = [curve.point for curve in curves if curve.point is not None]
    whole = len(points) == len(curves)
    params = np.stack(points).reshape(len(seeds), len(step_sizes), -1) if whole else None
    return History(method.name, seeds, step_sizes, params, frame, sum(curve.computed for curve in curves))


def _finish(run: Replay, curves: Sequence[Curve], progress: Callable[[int, int], None] | None) -> None:
    """Train lanes to the end of the run, in groups of those that are equally far."""
    total, lock = run.end * len(curves), Lock()
    done = sum(curve.done for curve in curves)

    def further(updates: int) -> None:
        nonlocal done
        with lock:
            done += updates
            if progress:
                progress(done, total)

    groups, room = [], lanes_of_a_program()
    for _, same in groupby(sorted(curves, key=lambda curve: curve.done), key=lambda curve: curve.done):
        some = [curve for curve in same if not curve.complete]
        groups += [some[k : k + room] for k in range(0, len(some), room)]
    further(0)
    if groups and run.shelf is not None and run.settings:
        run.shelf.check(writing=True)
    on_all_cores(lambda group, stop: extend(run, group, further, stop), groups)
