"""Figures from frames and timelines. The only file that imports matplotlib; it draws, and `results` writes."""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import CenteredNorm, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Patch
from matplotlib.textpath import text_to_path
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from ..timeline import Timeline
from ..timeline.usage import STATES, segments, total

# Colours that colour-blind readers tell apart (Okabe and Ito's, then Tol's), one per family, the same in every figure.
COLOURS = {
    "rennala": "#0072B2",
    "malenia": "#D55E00",
    "synchronous": "#009E73",
    "afedpg": "#CC79A7",
    "asynchronous": "#E69F00",
    "ringmaster": "#56B4E9",
    "ringleader": "#999933",
    "fedbuff": "#882255",
    "delay_adaptive": "#332288",
    "m_synchronous": "#661100",
}
OTHER = "#000000"
LINES = ("-", "--", "-.", ":")  # methods of one family
STYLE = {
    "font.size": 11,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "text.parse_math": False,  # a title may have two dollars in it
    "svg.fonttype": "path",  # looks the same everywhere
    "svg.hashsalt": "asyncsim",  # the same bytes every time
}


def style():
    """A context in which figures are made and saved."""
    return rc_context(STYLE)


PANELS = 6
BESIDE = {"textcoords": "offset points", "va": "center", "fontsize": 9}  # words at the end of a line


def learning_curves(curves: pd.DataFrame, scenario: Mapping[str, Any]) -> Figure:
    """Mean and 20-80 % band over seeds of each iterate's return, against simulated seconds; a line per method.

    curves: rows as in `History.to_frame`, one step size per method (see `results.tuned`). Where a sweep's axes are
        before ``method``, each point has a panel; of many points some are shown, evenly spaced.
    scenario: the scenario as data (``settings.json``), or what there is of it: ``title``; ``target_return``, a line;
        ``problem``, what the return is of; ``methods``, which method a label means, for its colour.
    """
    with style():
        title, swept = scenario.get("title", ""), axes_of(curves)
        if not swept:
            figure, axes = _figure(7.2, 4.6)
            _curves(axes, curves, scenario)
            _time_axis(axes, curves)
            axes.set(xlabel="simulated time (s)", ylabel=_value(scenario))
            _axes_title(axes, title)
            _legend(axes)
            return figure
        points = list(curves.groupby(swept, sort=False))
        shown = [points[k] for k in np.unique(np.linspace(0, len(points) - 1, PANELS).round().astype(int))]
        rows = math.ceil(len(shown) / 3)
        columns = math.ceil(len(shown) / rows)
        figure = Figure(figsize=(1 + 3.1 * columns, 1.1 + 2.7 * rows), layout="constrained", dpi=150)
        FigureCanvasAgg(figure)
        figure.get_layout_engine().set(w_pad=0.12)  # for the numbers at the ends of the axes
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
        titles = [
            _wrapped(", ".join(f"{_end(axis)} = {_end(_number(value))}" for axis, value in zip(swept, values)), 2.6, 11)
            for values, _ in shown
        ]
        _grow(figure, rows * max(title.count("\n") for title in titles) * 11 * LEADING)
        for k, (axes, (_, part), where) in enumerate(zip(panels, shown, titles)):
            _curves(axes, part, scenario)
            axes.set_title(where, loc="left", fontsize=11)
            if k + columns >= len(shown):
                axes.set_xlabel("simulated time (s)")
                axes.tick_params(labelbottom=True)
            if k % columns == 0:
                axes.set_ylabel(_value(scenario))
        _time_axis(panels[0], curves)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        handles = {name: line for axes in panels for line, name in zip(*axes.get_legend_handles_labels())}
        _legend_below(figure, handles.values(), handles.keys())
        some = "" if len(shown) == len(points) else f" ({len(shown)} of {len(points)} points)"
        _title(figure, title + some)
        return figure


def by_worker(frame: pd.DataFrame, scenario: Mapping[str, Any]) -> Figure:
    """What each method reached in each worker's own world, mean and 20-80 % over seeds; its weight in an update below.

    frame: as `results.by_worker` has it, of no sweep.
    scenario: as in `learning_curves`; there is no line at its target.
    """
    with style():
        figure = Figure(figsize=(7.2, 5.6), layout="constrained", dpi=150)
        FigureCanvasAgg(figure)
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1.2))
        labels, n = frame["method"].unique(), frame["worker"].nunique()
        places = np.linspace(-0.3, 0.3, len(labels)) if len(labels) > 1 else [0.0]
        for label, place, (colour, _) in zip(labels, places, _looks(_names(labels, scenario))):
            rows = frame[frame["method"] == label]
            x = rows["worker"] + place
            upper.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.4, alpha=0.6)
            upper.plot(x, rows["final_return"], "o", markersize=4.5, color=colour, label=_short(pretty(label)))
            lower.bar(x, rows["weight"], width=0.6 / len(labels), color=colour)
        lower.axhline(1 / n, color="#555555", linewidth=0.9, linestyle="--")
        lower.annotate("1/n", (1, 1 / n), xycoords=("axes fraction", "data"), xytext=(3, 0), **BESIDE)
        _title(figure, scenario.get("title", ""))
        upper.set_ylabel(f"{_value(scenario).partition(',')[0]},\nof each worker's own")
        lower.set(xlabel="worker", ylabel="weight in\nan update")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=20, min_n_ticks=1))
        upper.grid(False, axis="x")
        lower.grid(False, axis="x")
        _legend_below(figure, *upper.get_legend_handles_labels())
        return figure


def _time_axis(axes, curves: pd.DataFrame) -> None:
    """Logarithmic where the fast runs would else be a stroke at the left."""
    ends = curves.groupby([*axes_of(curves), "method"])["time"].max()
    if ends.max() > 10 * ends.min() > 0:
        axes.set_xscale("log")
        axes.set_xlim(left=curves["time"][curves["time"] > 0].min())
        _logarithmic(axes.xaxis)


def axes_of(frame: pd.DataFrame) -> list[str]:
    """The axes of a sweep: the columns before ``method``."""
    return list(frame.columns[: frame.columns.get_loc("method")])


def _curves(axes, curves: pd.DataFrame, scenario: Mapping[str, Any]) -> None:
    """The lines and bands of one point."""
    alone = not axes_of(curves)
    looks = _looks(_names(curves["method"].unique(), scenario))
    drawn = []
    for (label, rows), (colour, line) in zip(curves.groupby("method", sort=False), looks):
        returns = rows.pivot(index=["update", "time"], columns="seed", values="eval_return")
        times = returns.index.get_level_values("time")
        low, high = np.quantile(returns, (0.2, 0.8), axis=1)
        name = _short(pretty(label)) + f", {_step_size(rows['step_size'].iloc[0])}" * alone
        axes.fill_between(times, low, high, color=colour, alpha=0.18, linewidth=0)
        drawn += axes.plot(times, returns.to_numpy().mean(axis=1), line, color=colour, linewidth=1.8, label=name)
    for k, line in enumerate(drawn):  # one that lies under another looks out at its sides
        over = sum(np.array_equal(line.get_xydata(), other.get_xydata()) for other in drawn[k + 1 :])
        line.set_linewidth(1.8 + 3.2 * over)
    if (target := scenario.get("target_return")) is not None:
        axes.axhline(target, color="#555555", linewidth=0.9, linestyle=(0, (5, 4)), label=f"target, {target:g}")
    axes.margins(x=0)


# ---- what happened

IDLE = "idle"  # what is between the stretches
# What workers do: words, the colour, and the states of `usage.segments` in it. Light and dark differ as well as hue.
DOING = {
    "used": ("#0072B2", ("used",)),
    "still running at the end": ("#8EC1DD", ("running",)),
    "cancelled or discarded": ("#D55E00", ("cancelled", "discarded")),
    "communicating": ("#F0E442", ("communicating",)),
    "away": ("#777777", ("away",)),
    "idle": ("#ECECEC", (IDLE,)),
}
BARS = 50  # workers that can be told apart as bars; more, or many jobs, are an image
LINES_AT_MOST = 30  # updates that are lines across the picture


def gantt(timeline: Timeline, until: float | None = None) -> Figure:
    """What every worker did, in simulated time, with the updates as lines; where these are many, how many on top.

    until: seconds to show; None: the first rounds, five of a collecting method, five times n updates of a greedy one.
    """
    n = timeline.cluster.workers
    until = _first_rounds(timeline) if until is None else min(until, timeline.end)
    frame = segments(timeline, until)
    times = timeline.updates["time"].to_numpy()
    times = times[times <= until]
    with style():
        figure, axes = _figure(7.2, min(1.7 + 0.22 * n, 5.6))
        (_bars if n <= BARS and len(frame) <= 10_000 else _image)(axes, frame, n, until)
        top = -0.5
        if few := len(times) <= LINES_AT_MOST:
            axes.vlines(times, -0.5, n - 0.5, color="black", linewidth=0.9)
        else:
            top -= 0.06 * n
            counts, edges = np.histogram(times, 400, (0, until))
            axes.stairs(-0.5 - 0.06 * n * counts / counts.max(), edges, baseline=-0.5, fill=True, color="black")
        axes.set(xlim=(0, until), ylim=(n - 0.5, top), xlabel="simulated time (s)", ylabel="worker")
        if n <= 20:
            axes.set_yticks(range(n))
        axes.grid(False)
        _axes_title(axes, f"{pretty(timeline.method)}, {n} worker{'s' * (n > 1)}")
        seconds = (frame["end"].clip(upper=until) - frame["start"]).groupby(frame["state"], observed=True).sum()
        here = set(seconds.index[seconds > 0]) | ({IDLE} if seconds.sum() < n * until * (1 - 1e-9) else set())
        shown = [what for what, (_, states) in DOING.items() if here.intersection(states)]
        patches = [Patch(facecolor=DOING[what][0], label=what) for what in shown]
        line = axes.plot([], [], color="black", linewidth=0.9, label="update" if few else "updates (on top)")
        handles = patches + line
        _legend_below(figure, handles, [handle.get_label() for handle in handles], handlelength=1.2)
        return figure


def _first_rounds(timeline: Timeline) -> float:
    times = timeline.updates["time"].to_numpy()
    many = 5 if timeline.communication == "round" else 5 * timeline.cluster.workers
    return min(1.03 * times[many - 1], timeline.end) if len(times) >= many else timeline.end


def _bars(axes, frame: pd.DataFrame, n: int, until: float) -> None:
    """A rectangle for every stretch, one collection for every colour."""
    axes.barh(np.arange(n), until, height=0.8, color=DOING[IDLE][0])
    edge = 0.6 if len(frame) < 40 * n else 0  # tells a job from the next
    for colour, states in DOING.values():
        rows = frame[frame["state"].isin(states)]
        worker, start, end = (rows[key].to_numpy() for key in ("worker", "start", "end"))
        x = np.stack([start, end, end, start], axis=1)
        y = worker[:, None] + np.array([-0.4, -0.4, 0.4, 0.4])
        if len(rows):
            corners = np.stack([x, y], axis=2)
            axes.add_collection(PolyCollection(corners, facecolor=colour, edgecolor="white", linewidth=edge))


def _image(axes, frame: pd.DataFrame, n: int, until: float, columns: int = 2400) -> None:
    """A row of pixels for every worker."""
    colours = {state: colour for colour, states in DOING.values() for state in states}
    palette = np.array([to_rgb(colours[state]) for state in (*STATES, IDLE)])
    first, last = (
        np.clip(np.ceil(frame[key] * (columns / until) - 0.5), 0, columns).astype(int).to_numpy()
        for key in ("start", "end")
    )  # the pixels whose centres are inside
    count = last - first
    pixel = np.repeat(frame["worker"].to_numpy() * columns + first - (np.cumsum(count) - count), count)
    codes = np.full(n * columns, len(STATES))
    codes[pixel + np.arange(len(pixel))] = np.repeat(frame["state"].cat.codes.to_numpy(), count)
    image = (255 * palette[codes.reshape(n, columns)]).astype(np.uint8)
    axes.imshow(image, extent=(0, until, n - 0.5, -0.5), aspect="auto", interpolation="antialiased")


def utilisation(timelines: Mapping[str, Timeline], names: Mapping[str, str] | None = None) -> Figure:
    """What all workers' time went into, a bar per method.

    names: what to call each; None: `pretty`.
    """
    with style():
        called = [_wrapped(names[label] if names else pretty(label), 2.0, 11, lines=3) for label in timelines]
        height = max(0.42, 0.1 + 11 / 72 * LEADING * (1 + max(name.count("\n") for name in called)))
        figure, axes = _figure(7.2, 1.5 + height * len(timelines))
        shares = np.array([_shares(timeline) for timeline in timelines.values()])
        left = np.zeros(len(timelines))
        for (what, (colour, _)), share in zip(DOING.items(), shares.T):
            if share.any():
                bars = axes.barh(np.arange(len(left)), share, 0.72, left, color=colour, label=what)
                words = [f"{100 * value:.0f}%" if value >= 0.06 else "" for value in share]
                axes.bar_label(bars, words, label_type="center", color=_ink(to_rgb(colour)), fontsize=9)
            left += share
        axes.set_yticks(range(len(left)), called)
        axes.set(xlim=(0, 1), ylim=(len(left) - 0.5, -0.5), xlabel="share of all workers' time")
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(False)
        _legend_below(figure, *axes.get_legend_handles_labels(), columns=3, handlelength=1.2)
        return figure


def _shares(timeline: Timeline) -> list[float]:
    """As in `DOING`."""
    whole = total(timeline)
    worked = timeline.cluster.workers * timeline.end or math.nan
    rest = whole["busy"] - whole["useful"] - whole["wasted"]
    seconds = (whole["useful"], max(rest, 0.0), whole["wasted"], whole["communicating"], whole["away"])
    shares = [value / worked for value in seconds]
    return [*shares, max(1 - math.fsum(shares), 0.0)]


def delays(timelines: Mapping[str, Timeline], names: Mapping[str, str] | None = None) -> Figure:
    """How many updates old the gradients were that were used: a histogram per method.

    Where the largest delay is above 60, a bar stands for several delays, and its height is the share of each of them.
    names: what to call each; None: `pretty`.
    """
    ages = {label: timeline.delays() for label, timeline in timelines.items()}
    largest = max((int(age.max(initial=0)) for age in ages.values()), default=0)
    edges = np.arange(largest + 2.0)
    if largest > 60:  # single ones to begin with, then as many as fit
        edges = np.unique(np.append(np.arange(10), np.rint(np.geomspace(10, largest + 1, 30))))
    with style():
        figure = Figure(figsize=(7.2, 0.9 + 1.1 * len(ages)), layout="constrained", dpi=150)
        FigureCanvasAgg(figure)
        rows = figure.subplots(len(ages), sharex=True, squeeze=False)[:, 0]
        for axes, (label, age), (colour, _) in zip(rows, ages.items(), _looks(ages)):
            share = np.histogram(age, edges)[0] / np.diff(edges) / max(len(age), 1)
            axes.stairs(share, edges - 0.5, fill=True, color=colour)
            told = f"mean {age.mean():.3g}, at most {age.max()}" if len(age) else "no update"
            _axes_title(axes, f"{names[label] if names else pretty(label)}: {told}", 10)
            axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
            axes.set_ylim(0, None if len(age) else 1)
            axes.yaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10]))
        axes.set_xlabel("delay (updates)")
        if largest > 60:
            axes.set_xscale("symlog", linthresh=10)
            axes.xaxis.set_major_formatter(lambda delay, _: _tick(delay, largest))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(-0.5, edges[-1] - 0.5)
        words = "share of used gradients" + ", per delay" * (largest > 60)
        figure.supylabel(_wrapped(words, figure.get_figheight() - 0.3, 12), fontsize=12)
        return figure


# ---- sweeps


def time_to_target(frame: pd.DataFrame, axis: str) -> Figure:
    """Seconds to the target against a swept quantity, a line per method; crosses on top where it was not reached.

    frame: one row per method and value, ``method``, ``time_to_target`` and a column named ``axis``. Both scales are
    logarithmic where the values span more than a factor of 20. Raises ValueError where a method has a value twice.
    """
    twice = frame[frame.duplicated(["method", axis])]
    if len(twice):
        method, value = twice[["method", axis]].iloc[0]
        raise ValueError(
            f"method={method!r} has {axis}={value} twice: give the rows of one value of what else is swept"
        )
    values = np.unique(frame[axis].to_numpy(float))
    positive = values[values > 0]
    wide = len(positive) > 0 and positive[-1] > 20 * positive[0]
    with style():
        figure, axes = _figure(7.2, 4.6)
        if wide:
            axes.set_yscale("log")
            if values[0] > 0:
                axes.set_xscale("log", subs=[])
            else:
                axes.set_xscale("symlog", linthresh=positive[0])
        for (label, rows), (colour, line) in zip(frame.groupby("method", sort=False), _looks(frame["method"].unique())):
            rows = rows.sort_values(axis)
            x, y = rows[axis].to_numpy(float), rows["time_to_target"].to_numpy(float)
            axes.plot(x, y, line, marker="o", markersize=4.5, color=colour, linewidth=1.8, label=_short(pretty(label)))
            never, top = x[np.isnan(y)], axes.get_xaxis_transform()
            crosses = axes.plot(never, np.ones(len(never)), "x", color=colour, transform=top, clip_on=False)
            crosses[0].set_in_layout(len(never) > 0)  # nothing, too, has a place: the corner of the figure
        if wide:
            _logarithmic(axes.yaxis)
            if values[0] > 0:
                _logarithmic(axes.xaxis)
            else:
                axes.xaxis.set_major_formatter(lambda value, _: _tick(value, values[-1]))
        if len(values) <= 10:
            axes.set_xticks(values, [f"{value:g}" for value in values])
        if wide and values[0] == 0:
            axes.set_xlim(left=-0.2 * positive[0])
        axes.set(xlabel=_wrapped(axis, 6, 12, lines=3), ylabel="simulated time to the target (s)")
        if frame["time_to_target"].isna().any():
            axes.plot([], [], "x", color="#555555", label="not reached")
        _legend(axes)
        return figure


def speedup_map(frame: pd.DataFrame) -> Figure:
    """How many times as fast as a baseline: a cell per method and scenario.

    frame: one row per cell, ``method, scenario, speedup``; NaN (the target was not reached) is a dash.
    """
    table = frame.pivot(index="method", columns="scenario", values="speedup")
    table = table.reindex(index=frame["method"].unique(), columns=frame["scenario"].unique())
    values = table.to_numpy(float)
    with style():
        figure, axes = _figure(2.6 + 0.85 * values.shape[1], 1.5 + 0.42 * values.shape[0])
        with np.errstate(divide="ignore"):
            logs = np.ma.masked_invalid(np.log2(values))
        furthest = max(abs(logs).max(), 1) if logs.count() else 1
        norm = CenteredNorm(0, furthest)
        axes.set_facecolor("#ffffff")
        image = axes.pcolormesh(logs, cmap="PuOr", norm=norm, edgecolor="white", linewidth=1.5)
        for (row, column), value in np.ndenumerate(values):
            ink = "black" if np.isnan(value) else _ink(image.cmap(norm(np.log2(value)))[:3])
            told = "–" if np.isnan(value) else f"{value:.3g}×"
            axes.text(column + 0.5, row + 0.5, told, ha="center", va="center", color=ink, fontsize=10)
        columns, rows = (
            [_wrapped(name, 2, 11, lines=1) for name in names] for names in (table, map(pretty, table.index))
        )
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
        axes.invert_yaxis()
        axes.grid(False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title("speed-up", loc="left")
        return figure


# ---- claims


def claim(data: pd.DataFrame, labels: Mapping[str, Any]) -> Figure:
    """Measured points, fitted lines and predictions on the same axes; measured / predicted below.

    data: ``series, x, measured, low, high, fitted, predicted``, NaN where there is none.
    labels: ``title, x, y``; ``prediction``, what the predicted line is called; ``logarithmic``; ``levels`` of the ratio
    that are marked besides 1; ``mark``, an x and what it is, or None.
    """
    with style():
        figure = Figure(figsize=(7.2, 6.4), layout="constrained", dpi=150)
        FigureCanvasAgg(figure)
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1.2))
        if labels["logarithmic"]:
            upper.set(xscale="log", yscale="log")
        cloud = data["series"].value_counts().max() > 100
        names = data["series"].unique()
        for name, colour, marker in zip(names, _series_colours(names), itertools.cycle("osD^v")):
            rows = data[data["series"] == name].sort_values("x")
            x, y, predicted = (rows[key].to_numpy() for key in ("x", "measured", "predicted"))
            points = {"color": colour, "linestyle": "none", "marker": "." if cloud else marker}
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
            _logarithmic(upper.yaxis)
            _logarithmic(lower.xaxis)
        _axes_title(upper, labels["title"])
        upper.set_ylabel(labels["y"])
        lower.set(xlabel=labels["x"], ylabel="ratio")
        upper.legend(markerscale=3 if cloud else 1, frameon=True, framealpha=0.85, edgecolor="none")
        return figure


def scaling(rows: list[Mapping[str, Any]]) -> Figure:
    """CPU seconds against the size of what was run, a panel for each quantity; dotted: in proportion to it.

    rows: of a benchmark; those with ``points``, (size, CPU seconds). Their names are "problem: quantity".
    """
    with style():
        drawn = [(*row["name"].split(": "), np.array(row["points"]), row) for row in rows if "points" in row]
        quantities = list(dict.fromkeys(quantity for _, quantity, *_ in drawn))
        names = list(dict.fromkeys(name for name, *_ in drawn))
        looks = dict(zip(names, zip(COLOURS.values(), "osD^v")))
        columns = min(3, len(quantities))
        lines = math.ceil(len(quantities) / columns)
        figure = Figure(figsize=(1 + 3.3 * columns, 1.0 + 2.9 * lines), layout="constrained", dpi=150)
        FigureCanvasAgg(figure)
        panels = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axes, quantity in itertools.zip_longest(panels, quantities):
            if quantity is None:
                axes.set_visible(False)
                continue
            axes.set(xscale="log", yscale="log", xlabel=quantity, ylabel="CPU seconds")
            for name, own, points, row in drawn:
                if own == quantity:
                    colour, marker = looks[name]
                    x, y = points.T
                    label = name + f", slope {row['ours']:.2f}".replace("-", "−")
                    axes.plot(x, y, color=colour, marker=marker, markersize=4.5, linewidth=1.2, label=label)
                    axes.plot(x, y[-1] * x / x[-1], ":", color=colour, linewidth=0.9, alpha=0.8)
            axes.legend(fontsize=8, loc="upper left")
            low, high = axes.get_ylim()
            axes.set_ylim(low, high * (high / low) ** 0.35)  # room for the legend
            _logarithmic(axes.xaxis)
            _logarithmic(axes.yaxis)
        figure.suptitle("Time of a replay; dotted: in proportion", x=0.01, ha="left")
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


# ---- what they share


def _figure(width: float, height: float):
    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


LEADING = 1.3  # from line to line, in font sizes


def _title(figure: Figure, words: str) -> None:
    """On the left above all axes, in as many lines as it needs."""
    title = figure.suptitle("", x=0.01, ha="left")
    title.set_text(_wrapped(words, figure.get_figwidth() - 0.2, title.get_fontsize()))
    _grow(figure, title.get_text().count("\n") * title.get_fontsize() * LEADING)


def _axes_title(axes, words: str, size: float = STYLE["axes.titlesize"]) -> None:
    """The same above axes that are as wide as the figure."""
    words = _wrapped(words, axes.figure.get_figwidth() - 1.3, size)
    axes.set_title(words, loc="left", fontsize=size)
    _grow(axes.figure, words.count("\n") * size * LEADING)


def _legend(axes) -> None:
    """In the axes; below them where names are so long that it would hide what is drawn."""
    handles, names = axes.get_legend_handles_labels()
    if any("\n" in name for name in names):
        _legend_below(axes.figure, handles, names)
    else:
        axes.legend()


def _legend_below(figure: Figure, handles, names, columns: int = 4, **options) -> None:
    """Below all axes, in as many columns as fit; the figure grows by what two lines of it do not hold."""
    for ncols in range(columns, 0, -1):
        legend = figure.legend(handles, names, loc="outside lower center", ncols=ncols, **options)
        width, height = legend.get_window_extent(figure.canvas.get_renderer()).size
        if width <= figure.bbox.width or ncols == 1:
            break
        legend.remove()
    _grow(figure, max(0, 72 * height / figure.dpi - 40))


def _grow(figure: Figure, points: float) -> None:
    """Room for more lines of text."""
    figure.set_figheight(figure.get_figheight() + points / 72)


def _short(name: str) -> str:
    """A method's name for a legend: at most three lines. matplotlib leaves out names that begin with ``_``."""
    name = _wrapped(name, 2.9, STYLE["legend.fontsize"], lines=3)
    return f" {name}" if name.startswith("_") else name


def _wrapped(words: str, inches: float, size: float, lines: int | None = None) -> str:
    """Words in lines of a width, and an ellipsis where they would be more than ``lines``.

    Characters that no picture can show (XML, of which SVG is made, has none of them) are a replacement character.
    """
    words = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", str(words))
    points, _, _ = text_to_path.get_text_width_height_descent(words, FontProperties(size=size), ismath=False)
    if points <= 72 * inches:
        return " ".join(words.splitlines())
    characters = max(int(0.95 * 72 * inches * len(words) / points), 5)
    found = textwrap.wrap(words, characters)
    if len(found) > (lines or math.inf):
        found[lines - 1 :] = [f"{found[lines - 1][: characters - 1]}…"]
    return "\n".join(found)


def _logarithmic(axis) -> None:
    """Marks of a logarithmic axis whose range is final: the more of each decade, the fewer there are."""
    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    few = [subs for least, subs in ((3, [1]), (1.5, [1, 3]), (1, [1, 2, 5])) if decades > least]
    subs = [*few, [1, 1.5, 2, 3, 4, 5, 7]][0]
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(lambda value, _: _tick(value, low, high))
    axis.set_minor_formatter(NullFormatter())


def _tick(value: float, *ends: float) -> str:
    """Plain numbers where those at the ends of the axis can be read, else powers of ten."""
    if value == 0 or all(1e-4 <= end <= 1e5 for end in ends):
        return f"{value:g}"
    mantissa, _, exponent = f"{value:e}".partition("e")
    power = f"10{_superscript(int(exponent))}"
    return power if float(mantissa) == 1 else f"{float(mantissa):g}×{power}"


def _superscript(number: int) -> str:
    return f"{number}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _names(labels, scenario: Mapping[str, Any]) -> list[str]:
    """The method that each label means, where the scenario says it; else the label."""
    tables = scenario.get("methods", {})
    return [tables[label]["method"] if label in tables else label for label in labels]


def _looks(names) -> list[tuple[str, str]]:
    """Colour and line of each: a colour per family, which begins the name, and a line per method of a family.

    Where all are of one family, its colour goes from dark to light.
    """
    names = [name.lower().replace(" ", "_") for name in names]
    families = [max((family for family in COLOURS if name.startswith(family)), key=len, default="") for name in names]
    colours = [COLOURS.get(family, OTHER) for family in families]
    if len(set(families)) == 1 < len(names):
        colours = _shades(colours[0], len(names))
    return [(colour, LINES[families[:k].count(families[k]) % len(LINES)]) for k, colour in enumerate(colours)]


def _shades(colour: str, count: int) -> list[str]:
    """From the colour, darkened, to itself, lightened."""
    rgb = np.array(to_rgb(colour))
    return [
        to_hex(rgb * (0.4 + 1.2 * t) if t < 0.5 else 1 - (1 - rgb) * (1.6 - 1.2 * t)) for t in np.linspace(0, 1, count)
    ]


def _ink(rgb) -> str:
    """What can be read on a colour."""
    red, green, blue = rgb
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _end(words: str, most: int = 40) -> str:
    """Of a long dotted key, or of a value that is a table, the end, which tells it from others."""
    return words if len(words) <= most else f"…{words[1 - most :]}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def pretty(label: str) -> str:
    """``rennala_nigt`` as papers write it; what is not of lower-case letters, digits and underscores, as it is."""
    if not re.fullmatch("[a-z0-9_]*[a-z0-9][a-z0-9_]*", label):
        return label
    words = {"nigt": "NIGT", "pg": "PG", "afedpg": "AFedPG"}
    return " ".join(words.get(word, word[:1].upper() + word[1:]) for word in label.split("_"))


def _value(scenario: Mapping[str, Any]) -> str:
    """What ``eval_return`` is of."""
    problem = scenario.get("problem")
    if problem is None:
        return "return"
    if "environment" not in problem:
        return "objective J(θ)"
    own = any(isinstance(values, list) for values in problem["fields"].values())
    return f"return on {problem['environment']}{', mean over workers' * own}"


def _step_size(step_size: float) -> str:
    mantissa, exponent = math.frexp(step_size)
    return f"α = 2{_superscript(exponent - 1)}" if mantissa == 0.5 else f"α = {step_size:g}"
