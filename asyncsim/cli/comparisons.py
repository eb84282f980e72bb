"""Which method is ahead, in words: the table below that of ``asyncsim run``, and its numbers for others."""

from __future__ import annotations

from typing import Any

from .terminal import Cell, number, numbers, table, texts


def show_comparisons(out, found) -> None:
    """The claims of a run with their verdicts; without any, the first method against each other one, by its area."""
    from ..experiment.statistics import FEW

    claimed = len(found.scenario.claims) > 0
    shown = found.verdicts() if claimed else first_against_others(found.per_seed(), found.axes)
    if shown.empty:
        return
    what = "claim" if claimed else "comparison"
    headings = (*found.axes, "difference", "95 % interval", "ahead", *["verdict"] * claimed, "needed")
    made = table("", texts(what, max_width=24 if found.axes else 28), *numbers(*headings))
    for row in shown.to_dict("records"):
        made.add_row(
            row[what],
            *(axis_value(row[axis]) for axis in found.axes),
            in_short(row["difference"], "+"),
            Cell(interval_in_words(row), [row["low"], row["high"]]),
            f"{round(row['ahead'] * row['seeds'])} of {row['seeds']}",
            *([row["verdict"]] if claimed else []),
            Cell(needed(row["seeds_to_decide"]), row["seeds_to_decide"]),
        )
    out.print(made)
    few = f" With fewer than {FEW} seeds intervals are much too narrow." if shown["seeds"].min() < FEW else ""
    out.print(
        "difference: mean over seeds, positive where the first is ahead, and its bootstrap interval. ahead: with "
        "how many seeds it is. needed: how many seeds would decide, with this mean and spread. "
        f"All pairs and measures: comparison.csv.{few}",
        soft_wrap=True,
    )


def first_against_others(measured, axes) -> Any:
    """By area; rows as of `experiment.compare`, with the ``comparison`` in words."""
    from ..experiment import compare

    first, *others = measured["method"].unique()
    frame = compare(measured, axes, [(first, other) for other in others], ["area"])
    return frame.assign(comparison=[f"{row.method} - {row.other}, area" for row in frame.itertuples()])


def in_short(value: float, sign: str = "") -> Cell:
    """Three digits, and a dash where there is no number. sign: ``"+"``, to have it always."""
    return Cell(number(float(f"{value:.3g}"), "{:" + sign * (value != 0) + "g}").text, value)


def interval_in_words(row: dict[str, Any]) -> str:
    """``-3.1 to 12``; a dash where there is none."""
    return f"{in_short(row['low'])} to {in_short(row['high'])}" if row["low"] == row["low"] else "–"


def needed(seeds: float) -> str:
    """How many seeds would decide, nothing where it is decided."""
    from math import inf, isnan

    return "" if isnan(seeds) else "∞" if seeds == inf else f"{seeds:.0f}" if seeds < 1e6 else "> 10^6"


def axis_value(value: Any) -> Cell:
    """The value of a sweep's axis."""
    return Cell(f"{value:g}" if isinstance(value, float) else f"{value}", value)
