"""Fits beside the log that they were made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..cluster import Exponential, Fixed, Gamma, LogNormal, Pareto, Straggling
from .layout import blank, legend_below, logarithmic, one_panel, title_above
from .styling import style
from .words import end_of, wrapped

if TYPE_CHECKING:  # its fits need scipy, which other figures do without
    from ..calibration import Fit

PANELS = 12  # workers that have a panel each
LOG = "#222222"
FAMILIES: dict[type, tuple[str, str]] = {  # words and colours
    Fixed: ("fixed", "#777777"),
    Exponential: ("exponential", "#E69F00"),
    LogNormal: ("log-normal", "#0072B2"),
    Gamma: ("gamma", "#009E73"),
    Pareto: ("Pareto", "#CC79A7"),
    Straggling: ("straggling", "#D55E00"),
}
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def fits(found: Sequence[Fit]) -> Figure:
    """Distribution functions of log and fit, a panel per worker; of many workers, quantiles beside each other."""
    with style():
        return _panels(found) if len(found) <= PANELS else _quantiles(found)


def _panels(found: Sequence[Fit]) -> Figure:
    columns = min(3 if len(found) > 4 else 2, len(found))
    rows = math.ceil(len(found) / columns)
    figure = blank(max(2.6 * columns, 4.6), 1.2 + 1.9 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    low, high = _range(found)
    for axes, fit in zip(grid.flat, found):
        words, colour = FAMILIES[type(fit.time)]
        axes.ecdf(fit.seconds, color=LOG, linewidth=1.1)
        q = np.linspace(0.001, 0.999, 300)
        x = np.array([fit.time.quantile(level) for level in q])
        axes.plot(np.r_[min(low, x[0]), x, max(high, x[-1])], np.r_[0, q, 1], color=colour, linewidth=1.6, alpha=0.85)
        told = words if math.isnan(fit.p) else f"{words}, D = {fit.distance:.2g}, p = {fit.p:.2g}"
        name = wrapped(end_of(fit.worker, 30), 2.6, 9, lines=1)
        axes.set_title(f"{name}\n{told}", loc="left", fontsize=9)
    for k, axes in enumerate(grid.flat):
        axes.set(xlim=(low, high), ylim=(0, 1))
        if high > 5 * low:
            axes.set_xscale("log")
            logarithmic(axes.xaxis)
        axes.set_visible(k < len(found))
        lowest = k + columns >= len(found)
        axes.tick_params(labelbottom=lowest)
        axes.set_xlabel("seconds per job" if lowest else "")
    figure.supylabel("share of jobs", fontsize=12)
    _legend(figure, found, Line2D([], [], color=LOG, linewidth=1.1), "log", linewidth=1.6)
    return figure


def _quantiles(found: Sequence[Fit]) -> Figure:
    """Of each worker, in the order of medians: quantiles of the log as a bar, of the fit as marks."""
    ordered = sorted(found, key=lambda fit: fit.median)
    figure, axes = one_panel(7.2, 4.6)
    x = np.arange(len(ordered))
    logs = np.array([np.quantile(fit.seconds, LEVELS) for fit in ordered])
    fitted = np.array([[fit.time.quantile(q) for q in LEVELS] for fit in ordered])
    width = 72 * 6 / len(ordered)  # points of a worker
    axes.vlines(x, logs[:, 0], logs[:, -1], color="#BBBBBB", linewidth=min(0.7 * width, 5))
    axes.vlines(x, logs[:, 1], logs[:, -2], color="#777777", linewidth=min(0.7 * width, 5))
    for k, fit in enumerate(ordered):
        marks: dict[str, Any] = {"color": FAMILIES[type(fit.time)][1], "linestyle": "none", "markeredgewidth": 1.3}
        axes.plot([k] * len(LEVELS), fitted[k], "_", markersize=min(max(width, 2.5), 8), **marks)
    axes.set_yscale("log")
    axes.set(xlim=(-1, len(ordered)), xlabel="workers, by median", ylabel="seconds per job")
    logarithmic(axes.yaxis)
    axes.grid(axis="x", visible=False)
    if len(ordered) <= 40:
        axes.set_xticks(x, [wrapped(fit.worker, 1.1, 8, lines=1) for fit in ordered], rotation=90, fontsize=8)
    title_above(figure, "Quantiles of log (bars) and fit (marks): 5, 25, 50, 75 and 95 %")
    _legend(figure, found, Line2D([], [], color="#999999", linewidth=5), "log: 5 to 95 %, 25 to 75 %", marker="_")
    return figure


def _range(found: Sequence[Fit]) -> tuple[float, float]:
    """Seconds from the shortest job to the longest of all, with some room."""
    low, high = min(fit.seconds.min() for fit in found), max(fit.seconds.max() for fit in found)
    return (low / 1.1, high * 1.1)


def _legend(figure: Figure, found: Sequence[Fit], log: Line2D, words: str, **looks: Any) -> None:
    used = [kind for kind in FAMILIES if any(type(fit.time) is kind for fit in found)]
    looks = {"linestyle": "none", "markersize": 8, "markeredgewidth": 1.6} | looks if "marker" in looks else looks
    handles = [log, *(Line2D([], [], color=FAMILIES[kind][1], **looks) for kind in used)]
    legend_below(figure, handles, [words, *(f"fit: {FAMILIES[kind][0]}" for kind in used)])
