"""What was trained, as policies: the last iterate of every method as it was tuned, for each seed.

Not the best one that was evaluated: the highest of many noisy returns says too much of its policy. Of a lane that
diverged it is the last one whose return was finite; where trajectories decide how long jobs take, the last of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..base import Method, Problem
from ..results import Policy, as_data
from ..scenario import Scenario
from ..timeline import Timeline
from .divergence import diverged
from .protocol import train_coupled
from .summaries import run_key

if TYPE_CHECKING:
    from ..learning import History  # which imports JAX
    from ..learning.checkpoints import Shelf
    from .runs import Run


def policies_of(run: Run, shelf: Shelf) -> tuple[list[Policy], dict[str, int]]:
    """The policies of a run, and how many gradients of each method had to be computed for them.

    shelf: a store, which has the lanes' last states, unless a longer run has gone on from them: then they are trained
    again. It has none where trajectories decide how long jobs take, and there all are.
    """
    from ..learning.programs import evaluate

    tuned = dict(list(run.tuned().groupby([*run.axes, "method"], sort=False)))
    found, computed = [], dict.fromkeys(run.scenario.settings.methods, 0)
    for values, point in run.scenario.points:
        problem, table = point.problem(), as_data(point.settings)["problem"]
        for label in point.variants:
            rows, method = tuned[*values.values(), label], run.methods[run_key(*values.values(), label)]
            name, step_size = rows["tuned"].iloc[0] if "tuned" in rows else "", float(rows["step_size"].iloc[0])
            if point.coupled:
                history, own = train_coupled(point, problem, method, point.settings.seeds, [step_size])
                updates = [len(timeline.updates) for timeline in own.values()]
            else:
                timeline = run.timelines[run_key(*values.values(), label)]
                history = _replayed(point, problem, method, timeline, step_size, shelf)
                updates = [len(timeline.updates)] * len(history.seeds)
            computed[label] += history.computed
            params: Any = history.params  # all are there
            good = {} if point.coupled else _last_finite(rows)
            for seed, done, theta in zip(history.seeds, updates, params[:, 0], strict=True):
                if seed in good:
                    before = _replayed(point, problem, method, timeline, step_size, shelf, [seed], good[seed])
                    computed[label] += before.computed
                    params = before.params
                    done, theta = good[seed], params[0, 0]
                value = float(evaluate(problem, theta, theta, np.uint32(seed))[0].value)
                reached = value if np.isfinite(value) else None
                found.append(Policy(label, values, name, step_size, seed, done, reached, table, theta))
    return found, computed


def _last_finite(rows: pd.DataFrame) -> dict[int, int]:
    """Of each seed that diverged, the last update with a finite return."""
    lost = diverged(rows)
    return {int(row.seed): int(row.update) for row in lost[lost["update"] >= 0].itertuples()}


def _replayed(
    point: Scenario,
    problem: Problem,
    method: Method,
    timeline: Timeline,
    step_size: float,
    shelf: Shelf,
    seeds: Sequence[int] | None = None,
    updates: int | None = None,
) -> History:
    """Of some seeds, after so many updates; None: all."""
    from ..learning import replay

    lanes: Any = {"seeds": point.settings.seeds if seeds is None else seeds, "step_sizes": [step_size]}
    lanes |= {"evaluate_every": point.settings.evaluate_every, "updates": updates}
    return replay(timeline, method, problem, **lanes, shelf=shelf, last=True)
