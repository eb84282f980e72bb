"""How the time of a run grows with its size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .layout import blank, logarithmic
from .styling import COLOURS, style


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
        figure = blank(1 + 3.3 * columns, 1.0 + 2.9 * lines)
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
            logarithmic(axes.xaxis)
            logarithmic(axes.yaxis)
        figure.suptitle("Time of a replay; dotted: in proportion", x=0.01, ha="left")
        return figure
