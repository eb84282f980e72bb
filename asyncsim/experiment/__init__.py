"""Experiments: a scenario in, a run out. The protocol is in `protocol`; `results` writes what is to be kept."""

from .protocol import Progress
from .runs import Run, Saved, run
from .summaries import by_worker, run_key, summarise, tuned

__all__ = ["Progress", "Run", "Saved", "by_worker", "run", "run_key", "summarise", "tuned"]
