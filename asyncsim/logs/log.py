"""What was read of a log: how long the jobs of each worker took."""

from __future__ import annotations

import re
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

LONGEST = 1e12  # seconds; what is longer is no job but a mistake

QUOTED = reprlib.Repr()
QUOTED.maxstring = 60


class LogError(ValueError):
    """What is wrong with a log: one line that names the file, the column or event, the value, and what would do."""


@dataclass(frozen=True)
class Reading:
    """How a log is to be read, where its content does not tell. Each is for some formats only.

    worker, start, finish, duration: names of columns. unit: of the numbers in them, one of `UNITS`.
    event: the name of the events that are jobs, where ``*`` stands for anything.
    """

    worker: str | None = None
    start: str | None = None
    finish: str | None = None
    duration: str | None = None
    unit: str | None = None
    event: str | None = None

    def only(self, format: str, *keys: str) -> None:
        """Raises LogError where something else than these was given, which this format does not have."""
        for key, value in vars(self).items():
            if value is not None and key not in keys:
                raise LogError(f"{key}={value!r} is not for a log of format {format!r}: leave it out")


AS_IT_IS = Reading()


class Job(NamedTuple):
    """One job of a log. start: seconds on the log's clock; None where the log does not tell it."""

    worker: str
    seconds: float
    start: float | None = None


@dataclass(frozen=True, eq=False)
class Jobs:
    """The jobs of one worker in the order of their starts, or of the log where it has none.

    name: of the worker. seconds: shape (jobs,), float64, finite and above 0. starts: seconds since the first start in
    the log, shape (jobs,); None where it does not tell all of them.
    """

    name: str
    seconds: np.ndarray
    starts: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class JobLog:
    """Of each worker the jobs, in the order of the workers' names, where "node10" comes after "node2".

    format: one of `FORMATS`. read_as: what was taken for a job and a worker, in words. left_out: why rows or events are
    no jobs, and how many each. began: the first start, in seconds on the log's own clock; 0 where it has none.
    """

    format: str
    read_as: str
    workers: tuple[Jobs, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    began: float = 0.0

    @property
    def jobs(self) -> int:
        """Of all workers."""
        return sum(len(worker.seconds) for worker in self.workers)

    @property
    def size(self) -> str:
        """``120 jobs of 3 workers``."""
        jobs, workers = self.jobs, len(self.workers)
        return f"{jobs} job{'s'[: jobs != 1]} of {workers} worker{'s'[: workers != 1]}"


def collected(format: str, read_as: str, jobs: Iterable[Job], left_out: Mapping[str, int]) -> JobLog:
    """The log that has these jobs. Raises LogError where there is none."""
    by_worker: dict[str, list[Job]] = {}
    instant = 0
    for job in jobs:
        if not job.seconds < LONGEST:
            raise LogError(
                f"a job of {QUOTED.repr(job.worker)} takes {job.seconds:.3g} s: give finite durations in their unit"
            )
        if job.seconds > 0:
            by_worker.setdefault(_printable(job.worker), []).append(job)
        else:
            instant += 1
    left_out = {why: count for why, count in left_out.items() if count}
    if instant:
        left_out["took no time by this clock"] = instant
    if not by_worker:
        raise LogError(f"no job is left ({in_words(left_out) or 'the log has none'}): give a log with finished jobs")
    starts = [job.start for own in by_worker.values() for job in own if job.start is not None]
    first = min(starts, default=0.0)
    names = sorted(by_worker, key=_natural)
    return JobLog(format, read_as, tuple(_of_one(name, by_worker[name], first) for name in names), left_out, first)


def _of_one(name: str, jobs: Sequence[Job], first: float) -> Jobs:
    seconds = np.array([job.seconds for job in jobs], float)
    if any(job.start is None for job in jobs):
        return Jobs(name, seconds)
    starts = np.array([job.start for job in jobs], float) - first
    order = np.argsort(starts, kind="stable")
    return Jobs(name, seconds[order], starts[order])


def joined(name: str, parts: Sequence[tuple[float, Jobs]], first: float) -> Jobs:
    """One worker of several logs, each given with when it began."""
    seconds = np.concatenate([jobs.seconds for _, jobs in parts])
    known = [(began - first) + jobs.starts for began, jobs in parts if jobs.starts is not None]
    if len(known) < len(parts):
        return Jobs(name, seconds)
    starts = np.concatenate(known)
    order = np.argsort(starts, kind="stable")
    return Jobs(name, seconds[order], starts[order])


def _printable(name: str) -> str:
    """A name as tables and pictures can show it: without control characters, and not too long."""
    shown = "".join(
        "\ufffd" if unicodedata.category(letter)[0] in "CZ" and letter != " " else letter for letter in name
    )
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def _natural(name: str) -> list[tuple[int, str]]:
    """Numbers in names in the order of their values."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", name)]


def quoted(names: Sequence[str], most: int = 12) -> str:
    """The first of some names, each in quotes and not too long, for a line."""
    shown = ", ".join(QUOTED.repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def in_words(left_out: Mapping[str, int]) -> str:
    """``3 x, 1 y``."""
    return ", ".join(f"{count} {why}" for why, count in left_out.items())
