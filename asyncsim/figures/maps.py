"""Who is ahead where two quantities are swept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from .layout import LEADING, blank, grow, legend_below, title_above
from .styling import colours_of, ink, style
from .words import legend_name, meant_methods, number, pretty, wrapped

NOBODY = "#d9d9d9"
SMALL = 9  # points
HATCH = "////"


def winner_map(cells: pd.DataFrame, axes: Sequence[str], scenario: Mapping[str, Any], words: str = "") -> Figure:
    """A coloured cell for each pair of values: the winner, and how many times as fast as the second best it is.

    Of other measures than the time to the target, by how much it is ahead. Hatched where that is not decided, grey
    where nobody reached the target; a line where the winner changes, dotted where one of the two is not decided.

    cells: rows as `experiment.maps.winners` has them. axes: their two columns, the first from left to right. scenario:
    as in `learning_curves`, whose methods have colours in their order. words: a sentence below.
    """
    across, up = ([*dict.fromkeys(cells[axis])] for axis in axes)
    labels = list(scenario["methods"])
    colours = dict(zip(labels, colours_of(meant_methods(labels, scenario))))
    with style():
        width = max(5.4, 1.9 + 0.95 * len(across))
        figure = blank(width, 1.7 + 0.62 * len(up))
        panel = figure.add_subplot()
        for row in cells.to_dict("records"):
            place = across.index(row[axes[0]]), up.index(row[axes[1]])
            _cell(panel, place, row, colours.get(row["winner"], NOBODY))
        _lines(panel, cells, axes, across, up)
        panel.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(up) - 0.5), xlabel=axes[0], ylabel=axes[1])
        panel.set_xticks(range(len(across)), [number(value) for value in across])
        panel.set_yticks(range(len(up)), [number(value) for value in up])
        panel.tick_params(length=0)
        panel.grid(False)
        panel.spines[:].set_visible(False)
        ahead = [label for label in labels if (cells["winner"] == label).any()]
        handles = [Patch(facecolor=colours[label], label=legend_name(pretty(label))) for label in ahead]
        if (~cells["decided"] & (cells["winner"] != "")).any():
            handles.append(Patch(facecolor="white", edgecolor="#555555", hatch=HATCH, label="not decided"))
        if (cells["winner"] == "").any():
            handles.append(Patch(facecolor=NOBODY, label="nobody reached the target"))
        title_above(figure, scenario.get("title", ""))
        _below(panel, wrapped(words, width - 0.4, SMALL))
        legend_below(figure, handles, [handle.get_label() for handle in handles], columns=3)
        return figure


def _cell(panel, place: tuple[int, int], row: Mapping[str, Any], colour: str) -> None:
    x, y = place
    undecided = not row["decided"] and row["winner"] != ""
    rgb = np.array(to_rgb(colour))
    face = 1 - (1 - rgb) * 0.35 if undecided else rgb  # pale, so that the hatching and the number can be read
    look: Any = {"hatch": HATCH, "edgecolor": tuple(rgb)} if undecided else {"edgecolor": "white"}
    panel.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=tuple(face), linewidth=0, **look))
    if row["winner"] == "":
        return
    if np.isnan(row["ratio"]):
        said = f"{row['difference']:.2g}"
    else:
        said = f"{'≥ ' * bool(row['at_least'])}{row['ratio']:.3g}×"
    box = {"facecolor": tuple(face), "edgecolor": "none", "pad": 1.5} if undecided else None
    panel.text(x, y, said, ha="center", va="center", fontsize=SMALL + 1, color=ink(face), bbox=box)


def _lines(panel, cells: pd.DataFrame, axes: Sequence[str], across: list, up: list) -> None:
    """Between neighbours with different winners."""
    found = {(across.index(row[axes[0]]), up.index(row[axes[1]])): row for row in cells.to_dict("records")}
    for (x, y), row in found.items():
        for right, above in ((1, 0), (0, 1)):
            other = found.get((x + right, y + above))
            if other is None or other["winner"] == row["winner"] or "" in (other["winner"], row["winner"]):
                continue
            ends = ((x + 0.5, x + 0.5), (y - 0.5, y + 0.5)) if right else ((x - 0.5, x + 0.5), (y + 0.5, y + 0.5))
            sure = row["decided"] and other["decided"]
            panel.plot(*ends, color="black", linewidth=2.4, linestyle="-" if sure else ":", solid_capstyle="projecting")


def _below(panel, words: str) -> None:
    """Under the name of the x axis, in small letters."""
    if not words:
        return
    panel.annotate(words, (0, 0), (-30, -38), "axes fraction", "offset points", va="top", fontsize=SMALL)
    grow(panel.figure, (words.count("\n") + 1) * SMALL * LEADING)
