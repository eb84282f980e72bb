"""Learning curves that a browser zooms into and hides. The only module that imports bokeh, which draws them there.

All text is plain to bokeh: it is drawn on a canvas, or escaped, and is no markup and no formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .curves import mean_and_band, one_is_a_stroke, points_shown
from .styling import colours_and_lines
from .words import diverged_in_words, end_of, meant_methods, number, pretty, return_in_words, settings_in_words

DASHES = {"-": "solid", "--": "dashed", "-.": "dotdash", ":": "dotted"}
MISSING = "interactive curves need bokeh: pip install 'asyncsim[report]'"


def library() -> str:
    """The JavaScript that draws what `interactive_curves` gives. Raises OSError where bokeh is missing."""
    try:
        from bokeh.resources import Resources
    except ImportError as error:
        raise OSError(f"{error.name} is not installed: {MISSING}") from None
    return "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)


def interactive_curves(curves: pd.DataFrame, scenario: Mapping[str, Any], axes: Sequence[str] = ()) -> dict[str, Any]:
    """As `learning_curves`, against simulated seconds, as data for ``Bokeh.embed.embed_item``. Equal data are equal."""
    from bokeh.embed import json_item
    from bokeh.layouts import gridplot

    points = points_shown(curves, [*axes]) if axes else [((), curves)]
    panels: list[Any] = []
    for values, part in points:
        where = ", ".join(f"{end_of(axis)} = {end_of(number(value))}" for axis, value in zip(axes, values))
        size = {"frame_width": 400, "frame_height": 240} if axes else {"frame_width": 860, "frame_height": 380}
        panels.append(_panel(part, scenario, where, size | ({"y_range": panels[0].y_range} if panels else {})))
    whole = panels[0] if len(panels) == 1 else gridplot(panels, ncols=2, toolbar_location="above")
    item: Any = json_item(whole)
    return _renumbered(item, {})


def _panel(curves: pd.DataFrame, scenario: Mapping[str, Any], where: str, options: dict[str, Any]) -> Any:
    """The lines and bands of one point, and their legend, in which a click hides a method."""
    from bokeh.models import HoverTool, Legend, LegendItem, PlainText
    from bokeh.plotting import figure

    logarithmic = one_is_a_stroke(curves.groupby("method"))
    first = curves.loc[curves["time"] > 0, "time"].min()
    begin: dict[str, Any] = {"x_axis_type": "log", "x_range": (first, curves["time"].max())} if logarithmic else {}
    panel: Any = figure(tools="pan,box_zoom,wheel_zoom,reset,save", **begin | options)
    panel.toolbar.logo = None
    panel.xaxis.axis_label = PlainText(text="simulated time (s)")
    panel.yaxis.axis_label = PlainText(text=return_in_words(scenario))
    if where:
        panel.title.text = PlainText(text=where)
    items: list[Any] = []
    lines: list[Any] = []
    looks = colours_and_lines(meant_methods(curves["method"].unique(), scenario))
    for (label, rows), (colour, dash) in zip(curves.groupby("method", sort=False), looks):
        times, mean, low, high = mean_and_band(rows)
        x = np.repeat(np.maximum(times, first) if logarithmic else times, 2)[1:]
        y, y1, y2 = (np.repeat(values, 2)[:-1] for values in (mean, low, high))
        band = panel.varea(x=x, y1=y1, y2=y2, color=colour, alpha=0.18)
        line = panel.line(x, y, color=colour, line_dash=DASHES[dash], line_width=2, name=f"{len(items)}")
        name = ", ".join(filter(None, (pretty(str(label)), settings_in_words(rows), diverged_in_words(rows))))
        items.append(LegendItem(label={"value": name}, renderers=[line, band]))
        lines.append(line)
    if (target := scenario.get("target_return")) is not None:
        ends = [first if logarithmic else 0, curves["time"].max()]
        line = panel.line(ends, [target, target], color="#555555", line_dash="dashed")
        items.append(LegendItem(label={"value": f"target, {target:g}"}, renderers=[line]))
    panel.add_layout(Legend(items=items, click_policy="hide", ncols=2, spacing=12, location="bottom_left"), "below")
    panel.add_tools(HoverTool(renderers=lines, tooltips=[("s", "@x{0.[00]}"), ("return", "@y{0.[000]}")]))
    return panel


def _renumbered(item: Any, names: dict[str, str]) -> Any:
    """With ids from 1 on, whatever else was drawn before: the same data make the same bytes."""

    def new(name: str) -> str:
        return names.setdefault(name, f"p{len(names) + 1}")

    if isinstance(item, dict):
        return {
            key: new(value) if key in ("id", "root_id") and isinstance(value, str) else _renumbered(value, names)
            for key, value in item.items()
        }
    if isinstance(item, list):
        return [_renumbered(value, names) for value in item]
    return None if isinstance(item, float) and not math.isfinite(item) else item
