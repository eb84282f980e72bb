"""What is kept of a run whose jobs are not written down: memory grows with workers and an update's gradients only."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .log import Job

MOST = 2**20  # rows; an even number


@dataclass(frozen=True, eq=False)
class Tally:
    """A run's updates, and how many jobs it had. Times are simulated seconds, float64.

    updates: ``update, time, uses``: an update's number, when it was applied, and how many gradients are in it: every
        update, or, of more than 2^20, every second, fourth, ..., so that there are no more rows than that.
    applied: how many updates there were.
    finished, cancelled, running: how many jobs ended so, or were at work when the run stopped; a finished one was in
        an update, or was discarded.
    end, ending: when it stopped, and why, as of a `Timeline`.
    """

    method: str
    updates: pd.DataFrame
    applied: int
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


class Thinned:
    """A column of which every value is kept, or, of more than `MOST`, every second, fourth, and so on."""

    __slots__ = ("count", "every", "values")

    def __init__(self, kind: str):
        self.values: array[Any] = array(kind)
        self.count, self.every = 0, 1

    def append(self, value: float) -> None:
        """The next one."""
        if self.count % self.every == 0:
            if len(self.values) == MOST:
                self.values, self.every = self.values[::2], 2 * self.every
            self.values.append(value)
        self.count += 1


class Tallier:
    """In the place of a `Recorder`: at most `MOST` updates, and no job."""

    def __init__(self, told: bool):
        """told: the engine says when updates are applied; otherwise they are as soon as their gradients are there."""
        self.count, self.now, self.last = 0, 0.0, (0, 0, 0)
        self.cancelled, self.running, self.ready, self.switches = Counter(), Counter(), Counter(), Counter()
        self.times, self.sizes, self.told = Thinned("d"), Thinned("i"), told
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
        applied, every = self.times.count, self.sizes.every  # sizes may have an update more, not yet applied
        times = np.asarray(self.times.values)[:: every // self.times.every]
        sizes = np.asarray(self.sizes.values)[: len(times)]
        finished = self.count - self.cancelled.count - self.running.count
        return {
            "updates": pd.DataFrame({"update": every * np.arange(len(times)), "time": times, "uses": sizes}),
            "applied": applied,
            "finished": finished,
            "cancelled": self.cancelled.count,
            "running": self.running.count,
        }
