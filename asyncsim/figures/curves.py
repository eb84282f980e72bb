"""Learning curves, and what was reached in each worker's own world."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..timeline.steps import over_seeds
from .layout import (
    LEADING,
    blank,
    grow,
    legend_below,
    legend_inside,
    logarithmic,
    one_panel,
    title_above,
    title_above_panel,
)
from .styling import colours_and_lines, style
from .words import (
    diverged_in_words,
    end_of,
    legend_name,
    meant_methods,
    number,
    pretty,
    return_in_words,
    settings_in_words,
    wrapped,
)

PANELS = 6
SHADE: Any = {"alpha": 0.18, "linewidth": 0}  # of bands
BESIDE = {"textcoords": "offset points", "va": "center", "fontsize": 9}  # words at the end of a line


X_AXES = {
    "time": "simulated time (s)",
    "gradients": "gradients used",
    "updates": "updates",
    "env_steps": "environment steps",
    "communications": "communications",
}
Y_AXES = {"train_return": "return of the training trajectories", "gradient_norm": "‖∇J(θ)‖"}


def learning_curves(
    curves: pd.DataFrame, scenario: Mapping[str, Any], axes: Sequence[str] = (), x: str = "time", y: str = "return"
) -> Figure:
    """Mean and 20-80 % band over seeds of each iterate's return, against simulated seconds; a line per method.

    Both are steps: between evaluations the last one stands, of each seed by itself.

    curves: rows as in `History.to_frame`, one step size per method (see `experiment.tuned`).
    scenario: the scenario as data (``settings.json``), or what there is of it: ``title``; ``target_return``, a line;
        ``problem``, what the return is of; ``methods``, which method a label means, for its colour.
    axes: of a sweep, the columns of what is swept; each point has a panel, and of many points some are shown, evenly
        spaced.
    x, y: of `X_AXES` and `Y_AXES`, something else against something else.
    """
    if (x, y) != ("time", "return"):
        columns = {"updates": "update", "return": "eval_return"}
        lost = ~np.isfinite(curves["eval_return"])
        shown = curves[columns.get(y, y)].mask(lost)
        curves = curves.assign(time=curves[columns.get(x, x)], eval_return=shown)
        curves = curves[lost | shown.notna()]  # nothing was trained on at θ_0
    words = X_AXES[x], Y_AXES.get(y) or return_in_words(scenario)
    with style():
        if axes:
            return _panels(curves, scenario, list(axes), *words)
        figure, panel = one_panel(7.2, 4.6)
        draw_curves(panel, curves, scenario, settings=True)
        scale_time(panel, curves.groupby("method"))
        panel.set(xlabel=words[0], ylabel=words[1])
        title_above_panel(panel, scenario.get("title", ""))
        legend_inside(panel)
        return figure


def _panels(curves: pd.DataFrame, scenario: Mapping[str, Any], swept: list[str], x: str, y: str) -> Figure:
    """A panel for each of some points of a sweep. x, y: labels of the axes."""
    shown = points_shown(curves, swept)
    rows = math.ceil(len(shown) / 3)
    columns = math.ceil(len(shown) / rows)
    figure = blank(1 + 3.1 * columns, 1.1 + 2.7 * rows)
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.12)  # for the numbers at the ends of the axes
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    titles = [
        wrapped(", ".join(f"{end_of(axis)} = {end_of(number(value))}" for axis, value in zip(swept, values)), 2.6, 11)
        for values, _ in shown
    ]
    grow(figure, rows * max(title.count("\n") for title in titles) * 11 * LEADING)
    for k, (panel, (_, part), where) in enumerate(zip(panels, shown, titles)):
        draw_curves(panel, part, scenario)
        panel.set_title(where, loc="left", fontsize=11)
        if k + columns >= len(shown):
            panel.set_xlabel(x)
            panel.tick_params(labelbottom=True)
        if k % columns == 0:
            panel.set_ylabel(y)
    scale_time(panels[0], curves.groupby([*swept, "method"]))
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    handles = {name: line for panel in panels for line, name in zip(*panel.get_legend_handles_labels())}
    legend_below(figure, handles.values(), handles.keys())
    points = curves.groupby(swept).ngroups
    some = "" if len(shown) == points else f" ({len(shown)} of {points} points)"
    title_above(figure, scenario.get("title", "") + some)
    return figure


def points_shown(curves: pd.DataFrame, swept: list[str]) -> list[tuple[Any, pd.DataFrame]]:
    """The values of the axes, and the rows, of at most `PANELS` points of a sweep, evenly spaced."""
    points = list(curves.groupby(swept, sort=False))
    return [points[k] for k in np.unique(np.linspace(0, len(points) - 1, PANELS).round().astype(int))]


def by_worker(frame: pd.DataFrame, scenario: Mapping[str, Any]) -> Figure:
    """What each method reached in each worker's own world, mean and 20-80 % over seeds; its weight in an update below.

    frame: as `results.by_worker` has it, of no sweep.
    scenario: as in `learning_curves`; there is no line at its target.
    """
    with style():
        figure = blank(7.2, 5.6)
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1.2))
        labels, n = frame["method"].unique(), frame["worker"].nunique()
        places = np.linspace(-0.3, 0.3, len(labels)) if len(labels) > 1 else [0.0]
        for label, place, (colour, _) in zip(labels, places, colours_and_lines(meant_methods(labels, scenario))):
            rows = frame[frame["method"] == label]
            x = rows["worker"] + place
            upper.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.4, alpha=0.6)
            upper.plot(x, rows["final_return"], "o", markersize=4.5, color=colour, label=legend_name(pretty(label)))
            lower.bar(x, rows["weight"], width=0.6 / len(labels), color=colour)
        lower.axhline(1 / n, color="#555555", linewidth=0.9, linestyle="--")
        lower.annotate("1/n", (1, 1 / n), xycoords=("axes fraction", "data"), xytext=(3, 0), **BESIDE)
        title_above(figure, scenario.get("title", ""))
        upper.set_ylabel(f"{return_in_words(scenario).partition(',')[0]},\nof each worker's own")
        lower.set(xlabel="worker", ylabel="weight in\nan update")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=20, min_n_ticks=1))
        upper.grid(False, axis="x")
        lower.grid(False, axis="x")
        legend_below(figure, *upper.get_legend_handles_labels())
        return figure


def scale_time(panel, runs) -> None:
    """A logarithmic axis of time where the fast ones of these groups of rows would else be a stroke at the left."""
    if one_is_a_stroke(runs):
        times = runs.obj["time"]
        panel.set_xscale("log")
        panel.set_xlim(left=times[times > 0].min())
        logarithmic(panel.xaxis)


def one_is_a_stroke(runs) -> bool:
    """Whether some of these groups of rows ends before a tenth of the time of another."""
    ends = runs["time"].max()
    return bool(ends.max() > 10 * ends.min() > 0)


def mean_and_band(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times, and the mean and the 20 % and 80 % quantiles over seeds from each time on, shape (times,).

    NaN from where a seed diverged: what is left is not the mean of all.
    """
    times, returns = over_seeds(rows)
    returns = np.where(np.isfinite(returns), returns, np.nan)
    low, high = np.quantile(returns, (0.2, 0.8), axis=0)
    return times, returns.mean(axis=0), low, high


def draw_curves(panel, curves: pd.DataFrame, scenario: Mapping[str, Any], settings: bool = False) -> None:
    """The lines and bands of one point. settings: whether the legend has them."""
    looks = colours_and_lines(meant_methods(curves["method"].unique(), scenario))
    drawn, ends = [], []
    for (label, rows), (colour, line) in zip(curves.groupby("method", sort=False), looks):
        times, mean, low, high = mean_and_band(rows)
        name = legend_name(pretty(label)) + f", {settings_in_words(rows)}" * settings
        lost = diverged_in_words(rows)
        name += f"\n{lost}" * bool(settings and lost)
        panel.fill_between(times, low, high, step="post", color=colour, **SHADE)
        drawn += panel.plot(times, mean, line, drawstyle="steps-post", color=colour, label=name)
        if lost and len(gone := np.flatnonzero(~np.isfinite(mean))) and gone[0]:
            ends.append((times[gone[0]], mean[gone[0] - 1], colour))
    for k, line in enumerate(drawn):  # one that lies under another looks out at its sides
        over = sum(np.array_equal(line.get_xydata(), other.get_xydata()) for other in drawn[k + 1 :])
        line.set_linewidth(1.8 + 3.2 * over)
    for time, value, colour in ends:
        panel.scatter(time, value, 60, colour, marker="x", clip_on=False, zorder=3)
    if ends:
        panel.scatter([], [], 60, "#555555", marker="x", label="a seed diverged")
    if (target := scenario.get("target_return")) is not None:
        panel.axhline(target, color="#555555", linewidth=0.9, linestyle=(0, (5, 4)), label=f"target, {target:g}")
    if (seeds := curves["seed"].nunique()) > 1:
        panel.fill([np.nan], [np.nan], color="#000000", label=f"bands, 20-80 % of {seeds} seeds", **SHADE)
    panel.margins(x=0)
