"""Lanes that diverged: which, how far they came before, and what is said of them.

A lane has diverged at the first evaluation whose return is no finite number. What it was before stands: its curve ends
at the last finite return, and so does the policy that is kept of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .summaries import tuned

if TYPE_CHECKING:
    from .runs import Run

NAMED = 5  # lanes of a method; of more it is said how many there are
GIVE = "give smaller step_sizes"


def diverged(curves: pd.DataFrame, axes: Sequence[str] = ()) -> pd.DataFrame:
    """One row for each lane that diverged, with what it was at the last evaluation before.

    The axes, ``method, step_size, seed``, and ``tuned`` where there is one; ``update, time, eval_return`` of the last
    finite evaluation, which are -1 and NaN where θ_0 had no finite return. curves, axes: as in `summaries`.
    """
    lane = [*axes, "method", *(["tuned"] if "tuned" in curves else []), "step_size", "seed"]
    lost = curves.loc[~np.isfinite(curves["eval_return"]), [*lane, "update"]]
    first = lost.groupby(lane, sort=False, as_index=False)["update"].min().rename(columns={"update": "lost"})
    rows = curves.merge(first, on=lane)
    before = rows[rows["update"] < rows["lost"]].sort_values("update", kind="stable").groupby(lane, sort=False).tail(1)
    found = first[lane].merge(before[[*lane, "update", "time", "eval_return"]], on=lane, how="left")
    return found.assign(update=found["update"].fillna(-1).astype(int))


def divergence_in_words(run: Run) -> list[str]:
    """A sentence for each method of which a lane diverged, at each point of a sweep; and where all of them did."""
    every = diverged(run.curves, run.axes)
    lines = [] if every.empty else [*_of_tuned(run), *_of_others(run, every)]
    if run.tuning is not None and len(lost := diverged(run.tuning, run.axes)):
        lanes = run.tuning[[*lost.columns[:-3]]].drop_duplicates()
        lines.append(f"While settings were tuned, {len(lost)} of {len(lanes)} lanes diverged; such settings rank last.")
    return lines


def _of_tuned(run: Run) -> Iterator[str]:
    """The lanes at the tuned step sizes, which are in the tables and on the figure."""
    seeds = len(run.scenario.settings.seeds)
    for values, rows in diverged(run.tuned(), run.axes).groupby([*run.axes, "method"], sort=False):
        *point, method = values
        at = "".join(f", {axis} {value:g}" if isinstance(value, float) else f", {axis} {value}"
                     for axis, value in zip(run.axes, point))  # fmt: skip
        each = "; ".join(
            f"seed {row.seed} after {row.update} updates, {row.time:.4g} s, at a return of {row.eval_return:.4g}"
            if row.update >= 0
            else f"seed {row.seed} at θ_0"
            for row in rows.head(NAMED).itertuples()
        )
        more = f"; and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        who = "all seeds" if len(rows) == seeds else f"{len(rows)} of {seeds} seeds"
        yield f"{method}{at} diverged with {who}, and its curve ends there: {each}{more}."


def _of_others(run: Run, every: pd.DataFrame) -> Iterator[str]:
    """All step sizes together: how many lanes diverged, and whether any is left."""
    lanes = run.curves[[*every.columns[:-3]]].drop_duplicates()
    if len(every) == len(lanes):
        yield f"All lanes diverged, {len(lanes)} of {len(lanes)}: nothing was learned; {GIVE}."
        return
    for method, own in lanes.groupby("method", sort=False):
        lost = every[every["method"] == method]
        if len(lost) == len(own):
            yield f"All lanes of {method} diverged, {len(own)} of {len(own)}: {GIVE}."
        elif len(lost) and own["step_size"].nunique() > 1:
            sizes = ", ".join(f"{size:g}" for size in sorted(lost["step_size"].unique()))
            yield f"{method}: of all step sizes, {len(lost)} of {len(own)} lanes diverged, with α = {sizes}."


def with_count(summary: pd.DataFrame, curves: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A summary with a column ``diverged``, how many seeds did at the tuned step size, where any did at all."""
    lost = diverged(tuned(curves, axes), axes)
    if lost.empty:
        return summary
    counts = lost.groupby([*axes, "method"], as_index=False).size().rename(columns={"size": "diverged"})
    whole = summary.merge(counts, on=[*axes, "method"], how="left")
    return whole.assign(diverged=whole["diverged"].fillna(0).astype(int))
