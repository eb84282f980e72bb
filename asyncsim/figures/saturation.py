"""What holds a cluster up as it grows."""

from __future__ import annotations

import math
from ast import literal_eval
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from .layout import blank, legend_below, logarithmic, title_above, title_above_panel
from .styling import LINES, colours_and_lines, style
from .words import legend_name, pretty, tick, wrapped

SHARES = {  # column, its words and its colour; light and dark differ as well as hue
    "computing": ("computing, of use", "#0072B2"),
    "cancelled": ("computing, of no use", "#D55E00"),
    "waiting": ("waiting for others", "#ECECEC"),
    "latency": ("latency", "#F0E442"),
    "bandwidth": ("bandwidth", "#56B4E9"),
}
IDEAL = "#999999"
MARKS = "osD^v"


def saturation(frame: pd.DataFrame, axes: Sequence[str], title: str = "") -> Figure:
    """Gradients per second against the number of workers, theory dashed; and what the workers' time goes into.

    frame: rows with the sweep's ``axes``, of which one is ``workers``, ``method``, ``gradients_per_second``,
    ``theory``, and the columns of `SHARES`.
    """
    others = [axis for axis in axes if axis != "workers"]
    runs = [(names, rows.sort_values("workers")) for names, rows in frame.groupby([*others, "method"], sort=False)]
    height = min(len(runs), 2)
    columns = math.ceil(len(runs) / height)
    with style():
        figure = blank(5.4 + 2.5 * columns, 5.4)
        grid = figure.add_gridspec(height, 2 * columns + 4)
        rates = figure.add_subplot(grid[:, :4])
        looks = dict(zip(methods := [*frame["method"].unique()], colours_and_lines(methods)))
        values = [*dict.fromkeys(names[:-1] for names, _ in runs)]
        for k, (names, rows) in enumerate(runs):
            place = values.index(names[:-1])
            colour, line = looks[names[-1]]
            line = LINES[place % len(LINES)] if len(values) > 1 else line
            name = _name(names, len(methods) == 1)
            _rate(rates, rows, colour, line, MARKS[place % len(MARKS)], name)
            panel = figure.add_subplot(grid[k % height, 4 + 2 * (k // height) : 6 + 2 * (k // height)])
            _shares(panel, rows, name)
        for axis in (rates.xaxis, rates.yaxis):
            logarithmic(axis)
        rates.set(xlabel="workers")
        title_above_panel(rates, "gradients per second", 11)
        rates.plot([], [], "-", color=IDEAL, linewidth=3.5, alpha=0.5, label="theory")
        rates.legend(fontsize=8.5)
        patches = [Patch(facecolor=colour, edgecolor="#bbbbbb", label=words) for words, colour in SHARES.values()]
        legend_below(figure, patches, [patch.get_label() for patch in patches], columns=5)
        if title:
            title_above(figure, title)
        return figure


def _name(names: Sequence[Any], alone: bool) -> str:
    """A method at a point of the other axes. alone: it is the only method."""
    *where, method = names
    return ", ".join([pretty(method)] * (not (alone and where)) + [_value(each) for each in where])


def _value(value: Any) -> str:
    """Of an axis, of whose tables the values alone."""
    try:
        table = literal_eval(value)
        return " ".join(f"{each:g}" if isinstance(each, float) else f"{each}" for each in table.values())
    except (ValueError, SyntaxError, AttributeError, TypeError):
        return f"{value}".replace("_", " ")


def _rate(axes, rows: pd.DataFrame, colour: str, line: str, mark: str, name: str) -> None:
    workers = rows["workers"].to_numpy(float)
    axes.set(xscale="log", yscale="log")
    axes.plot(workers, rows["theory"], "-", color=IDEAL, linewidth=3.5, alpha=0.5)
    looks = {"marker": mark, "markersize": 4.5, "color": colour}
    axes.plot(workers, rows["gradients_per_second"], line, label=legend_name(name), **looks)


def _shares(axes, rows: pd.DataFrame, name: str) -> None:
    """Bars, one on another."""
    place, bottom = np.arange(len(rows)), np.zeros(len(rows))
    for column, (_, colour) in SHARES.items():
        height = rows[column].to_numpy(float)
        axes.bar(place, height, 0.8, bottom, color=colour, edgecolor="#bbbbbb", linewidth=0.4)
        bottom += height
    workers = rows["workers"].to_numpy(float)
    axes.set_xticks(place, [tick(each, workers.min(), max(workers.max(), 1e6)) for each in workers], fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylim(0, 1)
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(visible=False)
    axes.set_title(wrapped(name, 2.2, 9, lines=2), loc="left", fontsize=9)
