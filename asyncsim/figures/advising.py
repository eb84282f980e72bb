"""Advice: curves to the target, and predicted seconds where something about the cluster changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .curves import draw_curves, scale_time
from .layout import blank, legend_below, logarithmic, title_above
from .styling import colours_and_lines, style
from .words import legend_name, meant_methods, pretty, return_in_words

WORDS = {
    "communication": "κ (s), mean over workers",
    "slowest worker": "slowest worker's seconds per gradient",
    "workers": "workers, n",
}
FAINT: Any = {"color": "#bbbbbb", "linewidth": 0.8, "zorder": 1}


def advice(
    curves: pd.DataFrame,
    scenario: Mapping[str, Any],
    predicted: pd.DataFrame,
    crossovers: pd.DataFrame,
    here: Mapping[str, float],
) -> Figure:
    """Learning curves, and beside them predicted seconds to the target against κ, the slowest worker and n.

    curves: of the best candidate of each method, as in `learning_curves`; these are in colour. scenario: likewise.
    predicted, crossovers: as of `experiment.crossovers`; other candidates are grey, crossovers are dots.
    here: what each axis is on the cluster itself, a dotted line.
    """
    labels = list(curves["method"].unique())
    looks = dict(zip(labels, colours_and_lines(meant_methods(labels, scenario))))
    axes = [axis for axis in WORDS if len(predicted) and (predicted["axis"] == axis).any()]
    with style():
        figure = blank(10.4, 7.4 if axes else 4.2)
        panels = figure.subplots(2 if axes else 1, 2 if axes else 1, squeeze=False).flat
        first = panels[0]
        draw_curves(first, curves, scenario)
        scale_time(first, curves.groupby("method"))
        first.set(xlabel="simulated time (s)", ylabel=return_in_words(scenario))
        handles, names = first.get_legend_handles_labels()
        for panel, axis in zip(panels[1:], axes):
            rows, changes = (frame[frame["axis"] == axis] for frame in (predicted, crossovers))
            _predicted(panel, rows, changes, looks, here.get(axis))
            panel.set(xlabel=WORDS[axis], ylabel="predicted seconds to the target")
            logarithmic(panel.xaxis)
            logarithmic(panel.yaxis)
        for panel in panels[1 + len(axes) :]:
            panel.set_visible(False)
        if axes:
            panels[1].plot([], [], label="other candidates", **FAINT)
            panels[1].plot([], [], "o", color="black", markersize=5, label="another one is first")
            more, words = panels[1].get_legend_handles_labels()
            handles, names = [*handles, *more], [*names, *words]
        legend_below(figure, handles, [legend_name(pretty(name)) for name in names])
        title_above(figure, scenario.get("title", ""))
        return figure


def _predicted(panel, rows: pd.DataFrame, changes: pd.DataFrame, looks: Mapping[str, Any], here: float | None) -> None:
    """Lines of candidates on logarithmic axes, and a dot where the first one changes."""
    panel.set(xscale="log", yscale="log")
    for label, own in rows[(rows["value"] > 0) & np.isfinite(rows["seconds"])].groupby("label", sort=False):
        own = own.sort_values("value")
        if label in looks:
            colour, line = looks[label]
            panel.plot(own["value"], own["seconds"], line, color=colour, linewidth=1.8, zorder=3)
        else:
            panel.plot(own["value"], own["seconds"], **FAINT)
    there = changes[changes["other"] != ""]
    panel.plot(there["value"], there["other_after"], "o", color="black", markersize=5, zorder=4)
    if here:
        panel.axvline(here, color="#555555", linewidth=0.9, linestyle=":")
        panel.annotate(
            "now", (here, 1), xycoords=("data", "axes fraction"), xytext=(3, -2), textcoords="offset points", va="top"
        )
    panel.margins(x=0)
    panel.minorticks_off()
