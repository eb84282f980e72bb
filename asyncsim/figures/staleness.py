"""What a cap on age buys and costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .layout import blank, legend_below, title_above_panel
from .styling import colours_and_lines, style
from .words import pretty

# Column, what it is, whether it is a share.
PANELS = (
    ("samples_per_second", "samples per second", False),
    ("training", "trainer at work", True),
    ("wasted_share", "computing discarded", True),
    ("age_mean", "mean age (updates)", False),
    ("bound_by_rule", "updates held up by the rule", True),
    ("long_used", "long rollouts among used", True),
)


def staleness(frame: pd.DataFrame, axis: str = "cap") -> Figure:
    """Six small panels against the cap, or another axis: a line per method; dashed across where it has no cap.

    frame: rows with ``method``, ``axis``, the columns of `PANELS` and ``long_asked``, which is drawn dotted.
    """
    with style():
        figure = blank(9.6, 5.6)
        panels = figure.subplots(2, 3, sharex=True)
        looks = colours_and_lines([*frame["method"].unique()])
        for axes, (column, words, share) in zip(panels.flat, PANELS):
            for (label, rows), (colour, line) in zip(frame.groupby("method", sort=False), looks):
                rows = rows.sort_values(axis)
                if rows[axis].isna().all():
                    axes.axhline(rows[column].iloc[0], color=colour, linestyle=line, linewidth=1.2, label=pretty(label))
                else:
                    axes.plot(
                        rows[axis], rows[column], line, marker="o", markersize=4, color=colour, label=pretty(label)
                    )
            if column == "long_used" and frame["long_asked"].notna().any():
                asked = frame["long_asked"].mean()
                axes.axhline(asked, color="#555555", linestyle=":", linewidth=1.2, label="started")
            title_above_panel(axes, words, 11)
            top: Any = axes.get_ylim()[1]
            axes.set_ylim(0, 1.02 if share and (top > 0.5 or not frame[column].any()) else 1.05 * top or 1.0)
            if share:
                axes.yaxis.set_major_formatter(PercentFormatter(1))
        values = np.unique(frame[axis].dropna().to_numpy(float))
        for axes in panels[1]:
            axes.set_xlabel("cap on age (updates)" if axis == "cap" else axis)
            if len(values) and (values == values.round()).all():
                axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        handles, names = panels[1, 2].get_legend_handles_labels()
        legend_below(figure, handles, names)
        return figure
