"""Empty figures, titles and legends that make room for their words, and logarithmic axes."""

from __future__ import annotations

import io
import math
from functools import partial
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .styling import STYLE
from .words import tick, wrapped

LEADING = 1.3  # from line to line, in font sizes


def blank(width: float, height: float) -> Figure:
    """A figure of so many inches, with nothing on it."""
    figure: Any = Figure(figsize=(width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    figure._repr_png_ = partial(png, figure)  # notebooks ask for it; of matplotlib's figures, pyplot's alone have one
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a picture, for pages and notebooks that show it."""
    content = io.BytesIO()
    canvas: Any = figure.canvas
    canvas.print_png(content)
    return content.getvalue()


def one_panel(width: float, height: float):
    """A figure, and the one pair of axes on it."""
    figure = blank(width, height)
    return figure, figure.add_subplot()


def title_above(figure: Figure, words: str) -> None:
    """On the left above all axes, in as many lines as it needs."""
    title: Any = figure.suptitle("", x=0.01, ha="left")
    title.set_text(wrapped(words, figure.get_figwidth() - 0.2, title.get_fontsize()))
    grow(figure, title.get_text().count("\n") * title.get_fontsize() * LEADING)


def title_above_panel(axes, words: str, size: float = STYLE["axes.titlesize"]) -> None:
    """The same above axes that are as wide as the figure."""
    words = wrapped(words, axes.figure.get_figwidth() - 1.3, size)
    axes.set_title(words, loc="left", fontsize=size)
    grow(axes.figure, words.count("\n") * size * LEADING)


def legend_inside(axes) -> None:
    """In the axes; below them where names are so long that it would hide what is drawn."""
    handles, names = axes.get_legend_handles_labels()
    if any("\n" in name for name in names):
        legend_below(axes.figure, handles, names)
    else:
        axes.legend()


def legend_below(figure: Figure, handles, names, columns: int = 4, **options) -> None:
    """Below all axes, in as many columns as fit; the figure grows by what two lines of it do not hold."""
    canvas: Any = figure.canvas
    for ncols in range(columns, 0, -1):
        legend = figure.legend(handles, names, loc="outside lower center", ncols=ncols, **options)
        width, height = legend.get_window_extent(canvas.get_renderer()).size
        if width <= figure.bbox.width or ncols == 1:
            break
        legend.remove()
    grow(figure, max(0, 72 * height / figure.dpi - 40))


def grow(figure: Figure, points: float) -> None:
    """Room for more lines of text."""
    figure.set_figheight(figure.get_figheight() + points / 72)


def logarithmic(axis) -> None:
    """Marks of a logarithmic axis whose range is final: the more of each decade, the fewer there are."""
    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    few = [subs for least, subs in ((3, [1]), (1.5, [1, 3]), (1, [1, 2, 5])) if decades > least]
    subs: Any = [*few, [1, 1.5, 2, 3, 4, 5, 7]][0]
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(lambda value, _: tick(value, low, high))
    axis.set_minor_formatter(NullFormatter())
