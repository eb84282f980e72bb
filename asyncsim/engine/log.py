"""What is recorded while a rule runs on a cluster, and the frames of a timeline that come of it."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from struct import Struct
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from ..timeline import CANCELLED, DISCARDED, OUTCOMES, RUNNING, USED
from .interrupts import Switch, at_last_points, stretches

Column = np.ndarray | array


class Used(NamedTuple):
    """A gradient in an update, as a coupling sees it."""

    worker: int
    version: int
    index: int  # type: ignore[assignment]  # instead of the method of tuples
    weight: float


class Coupling(Protocol):
    """Samples trajectories while the engine runs, where how long a job takes depends on its own."""

    def steps(self, worker: int, version: int, index: int) -> int:
        """Environment steps of this job, which takes as many times ``cluster.compute[worker]`` seconds."""

    def update(self, jobs: Sequence[Used], alive: Collection[tuple[int, int, int]]) -> None:
        """The next update is made, of these. alive: (worker, version, index) of jobs that later ones may still use."""


class Job(Protocol):
    """What is recorded of a job besides its end: the engine's `Worker` is always at one."""

    number: int  # of its worker
    version: int
    index: int
    start: float
    computed: float


@dataclass(slots=True)
class Log:
    """What happened, in columns: of jobs, with a row each in the order in which they ended, and of updates."""

    worker: Column
    version: Column
    index: Column
    start: Column
    computed: Column
    finish: Column  # NaN of jobs that are still running at the end
    cancelled: Column  # rows
    running: Column  # rows
    rows: Column  # for each update: how many jobs had ended when its gradients were all there
    time: Column  # of each round's update that was applied; where jobs pay one by one, it is applied when it is full
    sizes: Column  # for each update: how many jobs it uses;
    used: Column  # their rows, one update after another,
    weights: Column  # and their weights
    woken: Mapping[int, float] = field(default_factory=dict)  # when rules made updates without a job that ended then
    ready: Column = field(default_factory=lambda: array("d"))  # when a server that takes time could begin with each
    switches: Sequence[Switch] = ()

    def frames(self, trips: int, by_round: bool) -> dict[str, Any]:
        """The fields of a `Timeline`; an update that was not there yet at the end has not happened."""
        served = len(self.ready) > 0  # by a server that takes time
        applied, jobs = len(self.time if by_round or served else self.rows), len(self.worker)
        sizes = np.asarray(self.sizes)[:applied]
        used, weights = np.asarray(self.used)[: sizes.sum()], np.asarray(self.weights)[: sizes.sum()]
        update = np.repeat(np.arange(applied), sizes)
        outcome = np.full(jobs, DISCARDED, np.int8)
        outcome[self.cancelled], outcome[self.running], outcome[used] = CANCELLED, RUNNING, USED
        update_of, weight_of = np.full(jobs, -1), np.zeros(jobs)
        update_of[used[::-1]], weight_of[used[::-1]] = update[::-1], weights[::-1]  # the first use is written last
        again = update_of[used] != update
        gradients = np.bincount(update[~again], minlength=applied)
        version, finish, rows = np.asarray(self.version), np.asarray(self.finish), np.asarray(self.rows)
        collected = finish[rows - 1]
        collected[[*self.woken]] = [*self.woken.values()]
        if served and not by_round:  # what arrives while the server works may end before it can begin
            begins = np.cumsum(self.sizes) - np.asarray(self.sizes)
            collected = np.maximum.reduceat(finish[np.asarray(self.used)], begins)
        time = np.asarray(self.time) if by_round or served else collected
        if by_round:
            communications = np.full(applied, trips)
        else:  # of what arrived between the updates
            arrived = rows - np.searchsorted(np.asarray(self.cancelled), rows)
            communications = trips * np.diff(arrived, prepend=0)[:applied]
        rows = pd.DataFrame(
            {
                "job": np.arange(jobs),
                "worker": np.asarray(self.worker),
                "version": version,
                "index": np.asarray(self.index),
                "start": np.asarray(self.start),
                "finish": finish,
                "update": update_of,
                "weight": weight_of,
                "delay": np.where(update_of >= 0, update_of - version, -1),
                "outcome": pd.Categorical.from_codes(outcome, categories=list(OUTCOMES)),
            },
            copy=False,
        )
        interrupted = stretches(self.switches, rows)
        return {
            "jobs": at_last_points(rows, interrupted) if self.switches else rows,
            "stretches": interrupted,
            "updates": pd.DataFrame(
                {
                    "update": np.arange(applied),
                    "time": time,
                    "gradients": gradients,
                    "communications": communications,
                }
            ),
            "reuses": pd.DataFrame({"update": update[again], "job": used[again], "weight": weights[again]}),
            "computed": finish if by_round else np.asarray(self.computed),
            "collected": collected,
            "ready": np.asarray(self.ready) if served else time,
        }


JOB = Struct("qqqddd")  # as in `Recorder.end`: to pack a row takes a third of the time of appending to six columns
PACK = JOB.pack  # looked up once


class Recorder:
    """Writes a log while the engine runs."""

    def __init__(self):
        self.count, self._jobs = 0, bytearray()  # packed
        self.cancelled, self.running, self.rows, self.time = array("q"), array("q"), array("q"), array("d")
        self.sizes, self.used, self.weights = array("q"), array("q"), array("d")
        self.woken: dict[int, float] = {}
        self.switches: list[Switch] = []
        self.ready = array("d")  # of every update, where the server takes time
        self.alone = array("q")  # jobs that were an update by themselves: this is all that is noted of those updates

    def end(self, job: Job, finish: float) -> int:
        """A job has ended, or is still running at the end; return its row."""
        self._jobs += PACK(job.number, job.version, job.index, job.start, job.computed, finish)
        row = self.count
        self.count = row + 1
        return row

    def job(self, row: int) -> tuple[int, int, int]:
        """Worker, version and index."""
        return JOB.unpack_from(self._jobs, row * JOB.size)[:3]

    def done(self, rows: Sequence[int]) -> dict[int, float]:
        """When the last of these jobs ended, for each worker that did any."""
        ends = (JOB.unpack_from(self._jobs, row * JOB.size) for row in sorted(rows))  # in which order jobs end
        return {job[0]: job[-1] for job in ends}

    def collect(self, jobs: Sequence[int], weights: Sequence[float] | float) -> None:
        """The job that ended last makes an update full, of these jobs, with one weight each or one for all."""
        self.rows.append(self.count)
        self.sizes.append(len(jobs))
        self.used.extend(jobs)
        if isinstance(weights, (float, Real)):  # a float is known faster than that it is a Real
            self.weights += array("d", [weights]) * len(jobs)
        else:
            self.weights.extend(weights)

    def wake(self, now: float) -> None:
        """The next update is made now, where no job has ended."""
        self.woken[len(self.rows) + len(self.alone)] = now

    def uses(self, update: int) -> list[Used]:
        """The jobs of one of the last updates."""
        end = len(self.used) - sum(self.sizes[update + 1 :])
        some = slice(end - self.sizes[update], end)
        return [Used(*self.job(row), weight) for row, weight in zip(self.used[some], self.weights[some])]

    def log(self) -> Log:
        """All that was written."""
        integers, reals = (np.frombuffer(self._jobs, kind).reshape(-1, 6) for kind in (np.int64, np.float64))
        columns = [column.copy() for column in (*integers[:, :3].T, *reals[:, 3:].T)]
        log = Log(*(*columns, self.cancelled, self.running, *self._updates()))
        log.woken, log.ready, log.switches = self.woken, self.ready, self.switches
        return log

    def _updates(self) -> tuple[Column, ...]:
        """Rows, times, sizes, used jobs and weights of all updates: those of one job alone take their places."""
        rows, sizes, alone = np.asarray(self.rows), np.asarray(self.sizes), np.asarray(self.alone)
        before = np.searchsorted(rows, alone + 1)  # how many others were made before; no two have the same row
        jobs = np.append(0, np.cumsum(sizes))[before]
        return (
            np.insert(rows, before, alone + 1),
            self.time,
            np.insert(sizes, before, 1),
            np.insert(np.asarray(self.used), jobs, alone),
            np.insert(np.asarray(self.weights), jobs, 1.0),
        )
