"""What curves say: which step size is best, how far a method came, and whom it serves.

Curves are rows as in `History.to_frame`; of a sweep, with a column for each of its ``axes``. Timelines are by method;
of a sweep, by (value of each axis, ..., method).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..base import Method
from ..scenario import Scenario
from ..theory.prospects import round_at_most
from ..timeline import Timeline
from ..timeline.steps import over_seeds
from ..timeline.usage import run_totals
from .tuning import score


def run_key(*run: Any) -> Any:
    """Of timelines: a method alone, or the value of each axis and the method."""
    return run if len(run) > 1 else run[0]


NUMBERS = ("seed", "step_size", "update", "time", "gradients", "eval_return")


def are_curves(curves: pd.DataFrame, scenario: Scenario) -> bool:
    """Whether a frame has the rows of every method, seed and point of a scenario, and numbers where they belong."""
    if not {*scenario.axes, "method", *NUMBERS} <= {*curves}:
        return False
    numbers = curves[[*NUMBERS]]
    if len(numbers.select_dtypes("number").columns) < len(NUMBERS) or numbers.drop(columns="eval_return").isna().any(
        axis=None
    ):
        return False
    runs = curves.groupby([*scenario.axes, "method"], sort=False)
    wanted = {(*values.values(), label) for values, point in scenario.points for label in point.methods}
    if {run for run, _ in runs} != wanted or not {*curves["seed"]} == {*scenario.settings.seeds}:
        return False
    lanes = curves.groupby([*scenario.axes, "method", "step_size", "seed"])["update"]
    whole = runs.apply(
        lambda rows: len(rows[["seed", "step_size"]].drop_duplicates()) % len(scenario.settings.seeds) == 0
    )
    ascend = lanes.apply(lambda updates: updates.iloc[0] == 0 and updates.is_monotonic_increasing and updates.is_unique)
    return bool(whole.all() and ascend.all())


def tuned(curves: pd.DataFrame, axes: Sequence[str] = ()) -> pd.DataFrame:
    """The rows at each method's tuned step size, at each point of a sweep: the one with the best score (see `tuning`).

    The time is that up to the last evaluation. Of equals the smaller wins.
    """

    def best(rows: pd.DataFrame) -> float:
        end = rows["time"].max()
        return rows.groupby("step_size")[["seed", "time", "eval_return"]].apply(score, end).idxmax()

    runs = curves.groupby([*axes, "method"], sort=False)
    parts = [rows[rows["step_size"] == best(rows)] for _, rows in runs]
    return pd.concat(parts, ignore_index=True)


def summarise(
    curves: pd.DataFrame, timelines: Mapping[Any, Timeline], axes: Sequence[str] = (), target: float | None = None
) -> pd.DataFrame:
    """One row per method, at its tuned step size, and point of a sweep.

    ``method, step_size``, and ``tuned`` where other parameters are tuned, too;
    ``first_return, final_return``: mean over seeds of θ_0 and at the last evaluation;
    ``time_to_target``: first evaluated second at which the mean over seeds, of which each stands where it was evaluated
    last, is at the target, NaN if never; ``end``: seconds simulated; ``updates``; ``gradients``, used;
    ``wasted_share``: of computing time, what went into cancelled and discarded ones; ``max_delay``, in updates.
    """
    rows = []
    for run, part in tuned(curves, axes).groupby([*axes, "method"], sort=False):
        times, returns = over_seeds(part)
        mean = np.where(np.isfinite(returns), returns, np.nan).mean(axis=0)
        reached = times[mean >= (np.inf if target is None else target)]
        timeline = timelines[run_key(*run)]
        whole = run_totals(timeline)
        rows.append(
            {
                **dict(zip([*axes, "method"], run)),
                **({"tuned": part["tuned"].iloc[0]} if "tuned" in part else {}),
                "step_size": part["step_size"].iloc[0],
                "first_return": mean[0],
                "final_return": mean[-1],
                "time_to_target": reached[0] if len(reached) else np.nan,
                "end": timeline.end,
                "updates": len(timeline.updates),
                "gradients": whole["used"],
                "wasted_share": whole["wasted_share"],
                "max_delay": timeline.max_delay,
            }
        )
    return pd.DataFrame(rows)


def bounds_to_target(
    summary: pd.DataFrame, methods: Mapping[Any, Method], timelines: Mapping[Any, Timeline], axes: Sequence[str]
) -> pd.DataFrame:
    """Theory's bound on each method's time to the target: the updates that it took, times the bound on a round.

    Rows of a summary with ``bound``, seconds, where a round has one (see `theory.prospects.round_at_most`) and the
    target was reached.
    """
    found = []
    for row in summary.to_dict("records"):
        run = run_key(*(row[axis] for axis in axes), row["method"])
        seconds = round_at_most(methods[run].rule, timelines[run].cluster)
        if not np.isnan([seconds, row["time_to_target"]]).any():
            updates = int((timelines[run].updates["time"] <= row["time_to_target"]).sum())
            found.append(row | {"bound": updates * seconds})
    return pd.DataFrame(found, columns=[*summary.columns, "bound"])


def by_worker(curves: pd.DataFrame, timelines: Mapping[Any, Timeline], axes: Sequence[str] = ()) -> pd.DataFrame | None:
    """Whom a method serves: one row per worker, method at its tuned step size, and point of a sweep.

    ``method, worker``; ``weight``: the worker's mean share of an update, 1/n where all count the same; ``final_return,
    low, high``: at the last evaluation in the worker's own world, mean and 20-80 % over seeds. None where worlds do not
    differ.
    """
    columns = curves.filter(regex=r"^eval_return_\d+$").columns
    if not len(columns):
        return None
    rows = []
    for run, part in tuned(curves, axes).groupby([*axes, "method"], sort=False):
        last = (
            part.sort_values("update", kind="stable").groupby("seed").tail(1)[columns].dropna(axis="columns", how="all")
        )
        timeline = timelines[run_key(*run)]
        weight = timeline.uses().groupby("worker")["weight"].sum() / max(1, len(timeline.updates))
        for column, returns in last.items():
            worker = int(column.rpartition("_")[2])
            low, high = np.quantile(returns, (0.2, 0.8))
            rows.append(
                {
                    **dict(zip([*axes, "method"], run)),
                    "worker": worker,
                    "weight": weight.get(worker, 0.0),
                    "final_return": returns.mean(),
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows)
