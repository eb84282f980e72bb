"""Figures from frames and timelines. The only room that imports matplotlib; it draws, and `results` writes."""

from .advising import advice
from .benchmarks import scaling
from .calibrations import fits
from .curves import by_worker, learning_curves
from .maps import winners
from .overviews import overview
from .predictions import prediction
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
    "OTHER",
    "advice",
    "by_worker",
    "delays",
    "fits",
    "gantt",
    "learning_curves",
    "overview",
    "prediction",
    "pretty",
    "scaling",
    "staleness",
    "style",
    "time_to_target",
    "utilisation",
    "winners",
]
