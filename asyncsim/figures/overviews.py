"""Many scenarios on one page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .curves import draw_curves, scale_time
from .layout import LEADING, blank, grow
from .styling import style
from .words import return_in_words, wrapped

COLUMNS, WIDTH, HEIGHT = 3, 4.6, 3.4  # of a page; inches of a panel
TITLE, SMALL = 10, 8  # points


def overview(rows: Sequence[tuple[pd.DataFrame, Mapping[str, Any], Sequence[str]]]) -> Figure:
    """A panel for each scenario, with its curves as in `learning_curves`, and below it what came out.

    rows: the curves of a scenario, one step size per method; the scenario as data; lines of text. Raises ValueError
    where there are none.
    """
    if not rows:
        raise ValueError("rows=[] makes no page: give those of one scenario at least")
    with style():
        lines = math.ceil(len(rows) / COLUMNS)
        figure = blank(min(len(rows), COLUMNS) * WIDTH, lines * HEIGHT)
        layout: Any = figure.get_layout_engine()
        layout.set(w_pad=0.12, h_pad=0.12)
        panels = list(figure.subplots(lines, min(len(rows), COLUMNS), squeeze=False).flat)
        titles = [wrapped(scenario.get("title", ""), WIDTH - 0.6, TITLE) for _, scenario, _ in rows]
        words = ["\n".join(wrapped(line, WIDTH - 1.0, SMALL) for line in said) for _, _, said in rows]
        above = max(title.count("\n") for title in titles) * TITLE
        below = max(text.count("\n") + 1 for text in words) * SMALL
        grow(figure, lines * (above + below) * LEADING)
        for panel, (curves, scenario, _), title, text in zip(panels, rows, titles, words):
            draw_curves(panel, curves, scenario, settings=True)
            scale_time(panel, curves.groupby("method"))
            panel.set_title(title, loc="left", fontsize=TITLE)
            panel.set_ylabel(return_in_words(scenario), fontsize=9)
            panel.set_xlabel("simulated time (s)", fontsize=9)
            panel.tick_params(labelsize=SMALL)
            if panel.get_xscale() == "linear":
                panel.xaxis.set_major_locator(MaxNLocator(5))
            panel.legend(fontsize=7)
            panel.annotate(text, (0, 0), (0, -36), "axes fraction", "offset points", va="top", fontsize=SMALL)
        for panel in panels[len(rows) :]:
            panel.set_visible(False)
        return figure
