"""What each method reached with each seed, as points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .layout import legend_below, one_panel, title_above
from .styling import colours_and_lines, style
from .words import end_of, legend_name, meant_methods, number, pretty, return_in_words, wrapped

MEASURES = {"final": "at the end", "area": "mean over the time"}


def reached(frame: pd.DataFrame, scenario: Mapping[str, Any], measure: str, axis: str | None = None) -> Figure:
    """A small point for each seed, a large one for their mean, and a line of the middle 60 %, 20-80 %.

    frame: as `experiment.statistics.per_seed` has it. scenario: as in `learning_curves`. measure: of `MEASURES`.
    axis: the column of what is swept, whose values stand beside each other; None: methods do.
    """
    labels: Sequence[str] = list(frame["method"].unique())
    groups = labels if axis is None else list(frame[axis].unique())
    offsets = np.linspace(-0.3, 0.3, len(labels)) if axis is not None and len(labels) > 1 else np.zeros(len(labels))
    with style():
        figure, panel = one_panel(7.2, 4.6)
        looks = colours_and_lines(meant_methods(labels, scenario))
        for label, offset, (colour, _) in zip(labels, offsets, looks):
            own = frame[frame["method"] == label]
            for value, rows in own.groupby("method" if axis is None else axis, sort=False):
                x, values = groups.index(value) + offset, rows[measure].dropna().to_numpy(float)
                if len(values):
                    panel.vlines(x, *np.quantile(values, (0.2, 0.8)), color=colour, linewidth=2)
                panel.plot(np.full(len(values), x + 0.06), values, "o", markersize=3, color=colour, alpha=0.45)
                panel.plot(x, values.mean() if len(values) else np.nan, "o", markersize=7, color=colour)
            if axis is not None:
                panel.plot([], [], "o", color=colour, label=legend_name(pretty(label)))
        panel.plot([], [], color="#555555", linewidth=2, label="mean and 20-80 % of the seeds")
        names, few = [pretty(number(group)) for group in groups], len(groups) <= 5
        ticks: Any = {} if few else {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
        names = [wrapped(name, 1.3, 11) if few else end_of(name) for name in names]
        panel.set_xticks(range(len(groups)), names, **ticks)
        panel.set_xlim(-0.6, len(groups) - 0.4)
        panel.grid(False, axis="x")
        panel.set_ylabel(f"{return_in_words(scenario)},\n{MEASURES[measure]}")
        if axis is not None:
            panel.set_xlabel(wrapped(axis, 6, 12, lines=3))
        legend_below(figure, *panel.get_legend_handles_labels())
        title_above(figure, scenario.get("title", ""))
        return figure
