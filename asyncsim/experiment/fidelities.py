"""What came out of holding the clock against reality, as tables and in words: for the terminal and for the guide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .fidelity import MEASURES, PREDICTIONS

AIM = 0.05, 0.15  # median and largest error of seconds per update


def in_short(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Sizes of errors over the runs that have one value of a column, a row for each: ``runs``, and for each prediction
    ``median`` and ``largest`` of seconds per update, and ``inside``, how many observations are in the predicted 95 %.
    """
    seconds, predictions = table[table["measure"] == MEASURES[0]], table["fitted_to"].unique()
    rows = []
    for value, own in seconds.groupby(seconds[by].astype(str), sort=False):
        row: dict[str, object] = {by: value, "runs": len(own) // len(predictions)}
        for what in predictions:
            some = own[own["fitted_to"] == what]
            row[f"median, {what}"] = some["error"].abs().median()
            row[f"largest, {what}"] = some["error"].abs().max()
            row[f"inside, {what}"] = int(some["observed"].between(some["low"], some["high"]).sum())
        rows.append(row)
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame, by: str) -> str:
    """`in_short` as the guide has it."""
    kinds = [f"{kind}, {what}" for what in table["fitted_to"].unique() for kind in ("median", "largest", "inside")]
    lines = [[by, "runs", *kinds], ["---"] * (2 + len(kinds))]
    for row in in_short(table, by).to_dict("records"):
        cells: list[str] = [
            f"{row[kind]}" if kind.startswith("inside") else f"{100 * row[kind]:.1f} %" for kind in kinds
        ]
        lines.append([_short(row[by]), f"{row['runs']}", *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def in_words(table: pd.DataFrame) -> str:
    """The errors of a table as `fidelity` gives it, in a paragraph for each prediction, and a verdict on `AIM`."""
    return "\n\n".join(_paragraph(table, what) for what in table["fitted_to"].unique()) + "\n"


def _paragraph(table: pd.DataFrame, what: str) -> str:
    own = table[table["fitted_to"] == what]
    seconds = own[own["measure"] == MEASURES[0]]
    waste, late = (own[own["measure"] == measure]["error"].abs() for measure in MEASURES[2:])
    size, runs = seconds["error"].abs(), len(seconds)
    worst = ", ".join(f"{axis} {_short(seconds.loc[size.idxmax(), axis])}" for axis in _what_was_run(table))
    inside = int(seconds["observed"].between(seconds["low"], seconds["high"]).sum())
    return (
        f"*Fitted to {_what(what)}*: of seconds per update over {runs} runs, the median error is "
        f"{100 * size.median():.1f} %, and the largest {100 * size.max():.1f} % ({worst}); {inside} of {runs} "
        f"observations are in the predicted 95 %, where {round(0.95 * runs)} should be. The aim, a median of at most "
        f"{100 * AIM[0]:.0f} % and no error above {100 * AIM[1]:.0f} %, was {_verdict(size)}. Errors of the wasted "
        f"share of computing are up to {100 * waste.max():.1f} percentage points (median {100 * waste.median():.1f}), "
        f"of the mean delay up to {late.max():.2f} updates (median {late.median():.2f})."
    )


def _verdict(size: pd.Series) -> str:
    met = {"median": size.median() <= AIM[0], "largest error": size.max() <= AIM[1]}
    return " and ".join(f"{'met' if good else 'missed'} in the {name}" for name, good in met.items())


def _what(prediction: str) -> str:
    """In a sentence of its own."""
    return {PREDICTIONS[2]: "jobs, communication and the server"}.get(prediction, prediction)


def report(table: pd.DataFrame, record: Mapping[str, Any]) -> str:
    """What came out, as the guide has it: `conditions`, `in_words`, and `markdown` by each column of what was run.

    record: what is kept in ``settings.json``.
    """
    *axes, method = _what_was_run(table)
    by = [each for each in (method, *axes) if table[each].nunique() > 1]
    return "\n".join([conditions(table, record), in_words(table), *(markdown(table, each) for each in by)])


def conditions(table: pd.DataFrame, record: Mapping[str, Any]) -> str:
    """On what methods were trained, in a sentence."""
    *axes, method = _what_was_run(table)
    swept = "; ".join(f"{axis} {', '.join(map(_short, table[axis].unique()))}" for axis in axes)
    (stop,) = (f"{key} = {value:g}" for key, value in record["scenario"]["stop"].items() if value is not None)
    said = (
        f"{table[method].nunique()} methods at every point of {swept}" if axes else f"{table[method].nunique()} methods"
    )
    said += f", up to {stop}, with simulated seconds of {record['scale']:g} real ones"
    if machine := record.get("machine"):
        said += f"; on {machine['cores']} cores, with a load of {machine['load']:g} before"
    return f"{said}.\n"


def _what_was_run(table: pd.DataFrame) -> list[str]:
    """The axes, and the method."""
    return [*table.columns[: [*table.columns].index("fitted_to")]]


def _short(value: Any) -> str:
    """Of an axis; of a table what it begins with."""
    return f"{value}".removeprefix("{'distribution': '").partition("'")[0]
