"""Experiments: a scenario in, a run out. The protocol is in `protocol`; `results` writes what is to be kept."""

from .maps import map_in_words, winners
from .protocol import Progress
from .runs import Run, Saved, run
from .statistics import compare, per_seed, verdicts
from .summaries import by_worker, run_key, summarise, tuned

__all__ = [
    "Progress",
    "Run",
    "Saved",
    "by_worker",
    "compare",
    "map_in_words",
    "per_seed",
    "run",
    "run_key",
    "summarise",
    "tuned",
    "verdicts",
    "winners",
]
