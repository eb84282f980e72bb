"""What was measured beside what theory predicts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .layout import blank, logarithmic, title_above_panel
from .styling import COLOURS, style


def prediction(data: pd.DataFrame, labels: Mapping[str, Any]) -> Figure:
    """Measured points, fitted lines and predictions on the same axes; measured / predicted below.

    data: ``series, x, measured, low, high, fitted, predicted``, NaN where there is none.
    labels: ``title, x, y``; ``prediction``, what the predicted line is called; ``logarithmic``; ``levels`` of the ratio
    that are marked besides 1; ``mark``, an x and what it is, or None.
    """
    with style():
        figure = blank(7.2, 6.4)
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1.2))
        if labels["logarithmic"]:
            upper.set(xscale="log", yscale="log")
        cloud = data["series"].value_counts().max() > 100
        names = data["series"].unique()
        for name, colour, marker in zip(names, _series_colours(names), itertools.cycle("osD^v")):
            rows = data[data["series"] == name].sort_values("x")
            x, y, predicted = (rows[key].to_numpy() for key in ("x", "measured", "predicted"))
            points: dict[str, Any] = {"color": colour, "linestyle": "none", "marker": "." if cloud else marker}
            points |= {"markersize": 2.5, "alpha": 0.5, "rasterized": True} if cloud else {"markersize": 5}
            upper.plot(x, predicted, "--", color="#555555" if cloud else colour, linewidth=1.1, zorder=1)
            upper.plot(x, rows["fitted"], color=colour, linewidth=1.1, alpha=0.7)
            upper.plot(x, y, **points, label=name + _fitted_slope(rows, labels["logarithmic"]))
            lower.plot(x, y / predicted, **points)
            for axes, unit in ((upper, 1.0), (lower, predicted)):
                ends = np.stack([rows["low"], rows["high"]]) / unit
                axes.vlines(x, *ends, color=colour, linewidth=1.1)
        upper.plot([], [], "--", color="#555555", linewidth=1.1, label=labels["prediction"])
        for level in (1.0, *labels["levels"]):
            lower.axhline(level, color="#555555", linewidth=0.9, linestyle="--" if level == 1 else ":")
        if labels["levels"]:
            lower.set_yticks([1.0, *labels["levels"]])
        if labels["mark"]:
            place, name = labels["mark"]
            for axes in (upper, lower):
                axes.axvline(place, color="#555555", linewidth=0.9, linestyle=":")
            upper.plot([], [], ":", color="#555555", linewidth=0.9, label=name)
        ratio = data[["measured", "low", "high"]].div(data["predicted"], axis=0).stack()
        reach = max(abs(ratio - 1).max(), 0.04)  # of equal values, too, there is something to be seen
        lower.set_ylim((1 - 1.2 * reach, 1 + 1.2 * reach) if reach < 0.2 else (0, 1.2 * max(1, ratio.max())))
        if labels["logarithmic"]:
            logarithmic(upper.yaxis)
            logarithmic(lower.xaxis)
        title_above_panel(upper, labels["title"])
        upper.set_ylabel(labels["y"])
        lower.set(xlabel=labels["x"], ylabel="ratio")
        upper.legend(markerscale=3 if cloud else 1, frameon=True, framealpha=0.85, edgecolor="none")
        return figure


def _series_colours(names) -> list[str]:
    """A family's colour where a name begins with one; else one after another."""
    families = [name.lower().replace("-", "_").partition(" ")[0].rstrip(",") for name in names]
    rest = (colour for family, colour in COLOURS.items() if family not in families)
    return [COLOURS[family] if family in COLOURS else next(rest) for family in families]


def _fitted_slope(rows: pd.DataFrame, logarithmic: bool) -> str:
    """``, slope -2.00`` where a line was fitted."""
    ends = rows[["x", "fitted"]].dropna().iloc[[0, -1]].to_numpy() if rows["fitted"].notna().any() else None
    if ends is None:
        return ""
    (x0, y0), (x1, y1) = np.log(ends) if logarithmic else ends
    return f", slope {(y1 - y0) / (x1 - x0):.2f}".replace("-", "−")
