"""What is kept of a run whose jobs are not written down: its memory does not grow with their number."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .log import Job

BYTES_OF_AN_UPDATE = 22  # at most, while a `Tally` is made


@dataclass(frozen=True, eq=False)
class Tally:
    """A run's updates, and how many jobs it had. Times are simulated seconds, float64.

    updates: one row per update: ``update, time, uses``: when it was applied, and how many gradients are in it.
    finished, cancelled, running: jobs, of which the last ones were at work when the run stopped; a finished one was in
        an update, or was discarded.
    end, ending: when it stopped, and why, as of a `Timeline`.
    """

    method: str
    updates: pd.DataFrame
    finished: int
    cancelled: int
    running: int
    end: float
    ending: str


class Counter:
    """In the place of a column: how long that would be."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def append(self, _: Any) -> None:
        """One more."""
        self.count += 1


class Tallier:
    """In the place of a `Recorder`: 12 bytes for each update, and none for a job."""

    def __init__(self, told: bool):
        """told: the engine says when updates are applied; otherwise they are as soon as their gradients are there."""
        self.count, self.now, self.last = 0, 0.0, (0, 0, 0)
        self.cancelled, self.running, self.ready, self.switches = Counter(), Counter(), Counter(), Counter()
        self.times, self.sizes, self.told = array("d"), array("i"), told
        self.time = self.times if told else Counter()
        self.alone = self  # of a job that is an update by itself

    def append(self, _: int) -> None:
        """The job that ended last is an update by itself."""
        self.collect((0,), 1.0)

    def end(self, job: Job, finish: float) -> int:
        """As of a `Recorder`."""
        self.now, self.last = finish, (job.number, job.version, job.index)
        row = self.count
        self.count = row + 1
        return row

    def job(self, _: int) -> tuple[int, int, int]:
        """Worker, version and index of the last one, which is the one that is asked for."""
        return self.last

    def collect(self, jobs: Sequence[int], _: Any) -> None:
        """As of a `Recorder`."""
        self.sizes.append(len(jobs))
        if not self.told:
            self.times.append(self.now)

    def wake(self, now: float) -> None:
        """As of a `Recorder`."""
        self.now = now

    def log(self) -> Mapping[str, Any]:
        """The fields of a `Tally`; an update that was not there yet at the end has not happened."""
        applied = len(self.times)
        times, sizes = np.asarray(self.times), np.asarray(self.sizes)  # not copied
        finished = self.count - self.cancelled.count - self.running.count
        return {
            "updates": pd.DataFrame({"update": np.arange(applied), "time": times, "uses": sizes[:applied]}, copy=False),
            "finished": finished,
            "cancelled": self.cancelled.count,
            "running": self.running.count,
        }
