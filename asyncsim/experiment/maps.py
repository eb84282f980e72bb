"""Maps: of two quantities that are swept, who is ahead at each pair of their values, and where that changes.

The winner of a cell is the method that is best on average over seeds, and it is decided where it is ahead of every
other one: where the intervals of the paired differences (see `statistics`) are above 0. There are many cells and the
winner is chosen after the fact, so a few in a hundred decided ones are chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from .statistics import compare

MAPPED = ("winner", "second", "measure", "difference", "low", "high", "ratio", "at_least", "decided")


def winners(measured: pd.DataFrame, axes: Sequence[str], measure: str) -> pd.DataFrame:
    """One row per point of a sweep: its values, and `MAPPED`.

    ``winner``, empty where no seed of any method reached the target; ``second``, the second best on average; the
    ``measure``; ``difference`` of the two, positive, and ``low, high``, its interval over seeds; ``ratio``, how many
    times as fast the winner is, the mean of the second's times over the mean of the winner's, NaN of returns, whose
    zero means nothing; ``at_least``: whether the second did not reach the target with every seed, so that the ratio is
    larger; ``decided``.

    measured: as `statistics.per_seed` gives it, of two methods at least. measure: one of its columns.
    """
    rows = []
    for values, point in measured.groupby([*axes], sort=False):
        labels = list(point["method"].unique())
        score = {label: _mean(point[point["method"] == label], measure) for label in labels}
        best, second, *_ = sorted(labels, key=lambda label: score[label], reverse=measure != "time")
        pairs = [(best, other) for other in labels if other != best]
        found = compare(point, (), pairs, [measure]).set_index("other")
        nobody = measure == "time" and point["time"].isna().all()
        rows.append(
            {
                **dict(zip(axes, values)),
                "winner": "" if nobody else best,
                "second": "" if nobody else second,
                "measure": measure,
                **found.loc[second, ["difference", "low", "high"]],
                "ratio": score[second] / score[best] if measure == "time" and score[best] > 0 else np.nan,
                "at_least": measure == "time" and bool(point.loc[point["method"] == second, "time"].isna().any()),
                "decided": bool((found["low"] > 0).all()) and not nobody,
            }
        )
    return pd.DataFrame(rows, columns=[*axes, *MAPPED])


def _mean(lanes: pd.DataFrame, measure: str) -> float:
    """Over seeds, where what was not reached counts as in `statistics`."""
    return float(lanes[measure].fillna(lanes["end" if measure == "time" else "lowest"]).fillna(0.0).mean())


def map_in_words(cells: pd.DataFrame, axes: Sequence[str]) -> str:
    """What the map shows, in a sentence. cells: as `winners` gives them."""
    decided = cells[cells["decided"]]
    counted = Counter(decided["winner"]).most_common()
    said = [f"{label} is ahead in {count}" for label, count in counted]
    nobody = int((cells["winner"] == "").sum())
    undecided = len(cells) - len(decided) - nobody
    said += [f"{undecided} {'is' if undecided == 1 else 'are'} not decided"] if undecided else []
    said += [f"in {nobody} nobody reached the target"] if nobody else []
    words = f"Of {len(cells)} cells, {', '.join(said)}"
    if not decided.empty and decided["ratio"].notna().any():
        top = decided.loc[decided["ratio"].idxmax()]
        at_least = "at least " if top["at_least"] else "up to "
        where = ", ".join(f"{axis} {_number(top[axis])}" for axis in axes)
        words += f"; {top['winner']} is {at_least}{top['ratio']:.2g} times as fast as the second best, at {where}"
    for axis, other in (tuple(axes), tuple(axes)[::-1]):
        words += _changes(cells, axis, other)
    return words + "."


def _changes(cells: pd.DataFrame, axis: str, other: str) -> str:
    """Between which values of an axis the decided winner changes, at which values of the other one."""
    places: dict[tuple[str, str], dict[tuple[str, str], list[str]]] = {}
    for value, row in cells[cells["decided"]].groupby(other, sort=False):
        for one, next_one in _neighbours(row.sort_values(axis)):
            between = _number(one[axis]), _number(next_one[axis])
            change = places.setdefault((one["winner"], next_one["winner"]), {})
            change.setdefault(between, []).append(_number(value))
    said = []
    for (before, after), change in places.items():
        where = ", ".join(f"{low} and {high} ({other} {', '.join(at)})" for (low, high), at in change.items())
        said.append(f"from {before} to {after} between {where}")
    return f"; along {axis} the winner changes {', '.join(said)}" if said else ""


def _neighbours(row: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Decided cells one after another whose winners differ."""
    for k in range(1, len(row)):
        if row["winner"].iloc[k] != row["winner"].iloc[k - 1]:
            yield row.iloc[k - 1], row.iloc[k]


def _number(value) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value}"
