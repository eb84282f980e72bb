"""What happened in a run: who did what and when, what time went into, how old the gradients were."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..timeline import Timeline
from ..timeline.usage import STATES, run_totals, segments
from .layout import LEADING, blank, legend_below, one_panel, title_above_panel
from .styling import colours_and_lines, ink, style
from .words import pretty, tick, wrapped

IDLE = "idle"  # what is between the stretches
# What workers do: words, the colour, and the states of `usage.segments` in it. Light and dark differ as well as hue.
DOING = {
    "used": ("#0072B2", ("used",)),
    "still running at the end": ("#8EC1DD", ("running",)),
    "cancelled or discarded": ("#D55E00", ("cancelled", "discarded")),
    "communicating": ("#F0E442", ("communicating",)),
    "away": ("#777777", ("away",)),
    "waiting for the server": ("#B9A5D6", ("waiting",)),
    "idle": ("#ECECEC", (IDLE,)),
}
BARS = 50  # workers that can be told apart as bars; more, or many jobs, are an image
LINES_AT_MOST = 30  # updates that are lines across the picture


def gantt(timeline: Timeline, until: float | None = None, clock: str = "simulated") -> Figure:
    """What every worker did over time, with the updates as lines; where these are many, how many on top.

    until: seconds to show; None: the first rounds, five of a collecting method, five times n updates of a greedy one.
    clock: whose seconds these are.
    """
    n = timeline.cluster.workers
    until = _first_rounds(timeline) if until is None else min(until, timeline.end)
    frame = segments(timeline, until)
    times = timeline.updates["time"].to_numpy()
    times = times[times <= until]
    with style():
        figure, axes = one_panel(7.2, min(1.7 + 0.22 * n, 5.6))
        (_bars if n <= BARS and len(frame) <= 10_000 else _image)(axes, frame, n, until)
        top = -0.5
        if few := len(times) <= LINES_AT_MOST:
            axes.vlines(times, -0.5, n - 0.5, color="black", linewidth=0.9)
        else:
            top -= 0.06 * n
            counts, edges = np.histogram(times, 400, (0, until))
            axes.stairs(-0.5 - 0.06 * n * counts / counts.max(), edges, baseline=-0.5, fill=True, color="black")
        axes.set(xlim=(0, until), ylim=(n - 0.5, top), xlabel=f"{clock} time (s)", ylabel="worker")
        if n <= 20:
            axes.set_yticks(range(n))
        axes.grid(False)
        title_above_panel(axes, f"{pretty(timeline.method)}, {n} worker{'s' * (n > 1)}")
        seconds = (frame["end"].clip(upper=until) - frame["start"]).groupby(frame["state"], observed=True).sum()
        here = set(seconds.index[seconds > 0]) | ({IDLE} if seconds.sum() < n * until * (1 - 1e-9) else set())
        shown = [what for what, (_, states) in DOING.items() if here.intersection(states)]
        patches = [Patch(facecolor=DOING[what][0], label=what) for what in shown]
        line = axes.plot([], [], color="black", linewidth=0.9, label="update" if few else "updates (on top)")
        handles = patches + line
        legend_below(figure, handles, [handle.get_label() for handle in handles], handlelength=1.2)
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
            corners: Any = np.stack([x, y], axis=2)
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
        called = [wrapped(names[label] if names else pretty(label), 2.0, 11, lines=3) for label in timelines]
        height = max(0.42, 0.1 + 11 / 72 * LEADING * (1 + max(name.count("\n") for name in called)))
        figure, axes = one_panel(7.2, 1.5 + height * len(timelines))
        shares = np.array([_shares(timeline) for timeline in timelines.values()])
        left = np.zeros(len(timelines))
        for (what, (colour, _)), share in zip(DOING.items(), shares.T):
            if share.any():
                bars = axes.barh(np.arange(len(left)), share, 0.72, left, color=colour, label=what)
                words = [f"{100 * value:.0f}%" if value >= 0.06 else "" for value in share]
                axes.bar_label(bars, words, label_type="center", color=ink(to_rgb(colour)), fontsize=9)
            left += share
        axes.set_yticks(range(len(left)), called)
        axes.set(xlim=(0, 1), ylim=(len(left) - 0.5, -0.5), xlabel="share of all workers' time")
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(False)
        handles, names = axes.get_legend_handles_labels()
        legend_below(figure, handles, names, columns=3, handlelength=1.2)
        return figure


def _shares(timeline: Timeline) -> list[float]:
    """As in `DOING`."""
    whole = run_totals(timeline)
    worked = timeline.cluster.workers * timeline.end or math.nan
    rest = whole["busy"] - whole["useful"] - whole["wasted"]
    seconds = [whole["useful"], max(rest, 0.0), whole["wasted"], whole["communicating"], whole["away"]]
    seconds.append(whole.get("waiting", 0.0))
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
        figure = blank(7.2, 0.9 + 1.1 * len(ages))
        rows = figure.subplots(len(ages), sharex=True, squeeze=False)[:, 0]
        for axes, (label, age), (colour, _) in zip(rows, ages.items(), colours_and_lines(ages)):
            share = np.histogram(age, edges)[0] / np.diff(edges) / max(len(age), 1)
            axes.stairs(share, edges - 0.5, fill=True, color=colour)
            told = f"mean {age.mean():.3g}, at most {age.max()}" if len(age) else "no update"
            title_above_panel(axes, f"{names[label] if names else pretty(label)}: {told}", 10)
            axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
            axes.set_ylim(0, None if len(age) else 1)
            axes.yaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10]))
        axes.set_xlabel("delay (updates)")
        if largest > 60:
            axes.set_xscale("symlog", linthresh=10)
            axes.xaxis.set_major_formatter(lambda delay, _: tick(delay, largest))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(-0.5, edges[-1] - 0.5)
        words = "share of used gradients" + ", per delay" * (largest > 60)
        figure.supylabel(wrapped(words, figure.get_figheight() - 0.3, 12), fontsize=12)
        return figure
