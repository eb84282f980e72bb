"""The time to the target against a quantity that is swept."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .layout import legend_below, logarithmic, one_panel
from .styling import colours_and_lines, style
from .words import legend_name, pretty, tick, wrapped


def time_to_target(frame: pd.DataFrame, axis: str, bounds: pd.DataFrame | None = None) -> Figure:
    """Seconds to the target against a swept quantity, a line per method; crosses on top where it was not reached.

    frame: one row per method and value, ``method``, ``time_to_target`` and a column named ``axis``. bounds: likewise,
    with ``bound``, theory's on this time, which is drawn dashed. Both scales are logarithmic where the values span more
    than a factor of 20. Raises ValueError where a method has a value twice.
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
        figure, axes = one_panel(7.2, 4.6)
        if wide:
            axes.set_yscale("log")
            if values[0] > 0:
                axes.set_xscale("log", subs=[])
            else:
                axes.set_xscale("symlog", linthresh=positive[0])
        looks = colours_and_lines(frame["method"].unique())
        for (label, rows), (colour, line) in zip(frame.groupby("method", sort=False), looks):
            rows = rows.sort_values(axis)
            x, y = rows[axis].to_numpy(float), rows["time_to_target"].to_numpy(float)
            name = legend_name(pretty(label))
            if bounds is not None and len(known := bounds[bounds["method"] == label].sort_values(axis)):
                axes.plot(known[axis], known["bound"], "--", color=colour, linewidth=1.1, label=f"bound on {name}")
            axes.plot(x, y, line, marker="o", markersize=4.5, color=colour, linewidth=1.8, label=name)
            never, top = x[np.isnan(y)], axes.get_xaxis_transform()
            crosses = axes.plot(never, np.ones(len(never)), "x", color=colour, transform=top, clip_on=False)
            crosses[0].set_in_layout(len(never) > 0)  # nothing, too, has a place: the corner of the figure
        if wide:
            logarithmic(axes.yaxis)
            if values[0] > 0:
                logarithmic(axes.xaxis)
            else:
                axes.xaxis.set_major_formatter(lambda value, _: tick(value, values[-1]))
        if len(values) <= 10:
            axes.set_xticks(values, [f"{value:g}" for value in values])
        if wide and values[0] == 0:
            axes.set_xlim(left=-0.2 * positive[0])
        axes.set(xlabel=wrapped(axis, 6, 12, lines=3), ylabel="simulated time to the target (s)")
        if frame["time_to_target"].isna().any():
            axes.plot([], [], "x", color="#555555", label="not reached")
        legend_below(figure, *axes.get_legend_handles_labels())
        return figure
