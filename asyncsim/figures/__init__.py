"""Figures from frames and timelines. The only room that imports matplotlib or bokeh; it draws, `results` writes."""

from .advising import advice
from .benchmarks import scaling
from .calibrations import fits
from .curves import PANELS, by_worker, learning_curves
from .interactive import interactive_curves, library
from .layout import png
from .maps import winner_map
from .overviews import overview
from .predictions import prediction
from .reached import MEASURES, reached
from .saturation import saturation
from .staleness import staleness
from .styling import COLOURS, OTHER, style
from .sweeps import time_to_target
from .timelines import DOING, IDLE, LINES_AT_MOST, delays, gantt, utilisation
from .words import pretty

__all__ = [
    "COLOURS",
    "DOING",
    "IDLE",
    "LINES_AT_MOST",
    "MEASURES",
    "OTHER",
    "PANELS",
    "advice",
    "by_worker",
    "delays",
    "fits",
    "gantt",
    "interactive_curves",
    "learning_curves",
    "library",
    "overview",
    "png",
    "prediction",
    "pretty",
    "reached",
    "saturation",
    "scaling",
    "staleness",
    "style",
    "time_to_target",
    "utilisation",
    "winner_map",
]
