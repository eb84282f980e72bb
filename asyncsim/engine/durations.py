"""When a worker's next job ends: jobs of one length, or of lengths that are drawn or change.

A job of a worker takes `work` seconds of computing at full speed, then its gradient is sent, where a gradient is sent
by itself. `begin` says when a job that starts now is computed and when it ends; `cancel` that it was not finished, and
`take_back` that it was cancelled in the instant in which it started: such a job took no time and is no job. Under a
coupling, `take_steps` says before `begin` how many times `work` the job takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..cluster import Cluster, ComputeTime, Course, Jitter, Speed, stream


class Durations(Protocol):
    """Of one worker."""

    def begin(self, now: float) -> tuple[float, float]:
        """The seconds at which a job that starts now is computed, and ends."""

    def take_steps(self, steps: int) -> None:
        """The next jobs take so many environment steps."""

    def cancel(self) -> None:
        """The job is not finished, or a new round starts."""

    def take_back(self) -> None:
        """The job took no time: the next one takes its seconds."""


@dataclass(slots=True)
class Steady:
    """Jobs of one length. The k-th of a row ends at (start of the row) + k · length, not at a sum of k terms.

    So the k-th arrival of a worker is exactly the k-th multiple of its seconds, and ties are real ties.
    """

    work: float  # seconds of computing, of each step where a coupling decides how many steps a job has
    sending: float  # seconds
    steps: int = 1
    length: float = field(init=False)  # seconds
    row: float = 0.0  # when the first of the jobs in a row started
    count: float = 0.0  # jobs in the row; a product of two floats takes half the time
    due: float = math.nan  # when the newest job ends: one that starts then is the next in the row

    def __post_init__(self):
        self.length = self.work + self.sending

    def begin(self, now: float) -> tuple[float, float]:
        """The seconds at which a job that starts now is computed, and ends."""
        if now == self.due:
            self.count = count = self.count + 1.0
        else:
            self.row, self.count = now, 1.0
            count = 1.0
        self.due = due = self.row + count * self.length
        return due - self.sending, due

    def take_steps(self, steps: int) -> None:
        """The next jobs take so many environment steps."""
        if steps != self.steps:
            self.steps, self.length, self.due = steps, self.work * steps + self.sending, math.nan

    def cancel(self) -> None:
        """The job is not finished, or a new round starts: the next one begins another row."""
        self.due = math.nan

    def take_back(self) -> None:
        """The job took no time: it does not count in its row."""
        self.count -= 1.0
        self.due = self.row + self.count * self.length


@dataclass(slots=True)
class Varying:
    """Jobs whose lengths differ: drawn or recorded times, speeds that change, a network with jitter or with a queue."""

    works: float | Iterator[float]  # seconds of computing at full speed; of each step where a coupling decides
    course: Course | None  # of the worker's speed
    sending: float  # seconds; 0 where the engine queues gradients itself
    late: Iterator[float] | None  # seconds that jitter adds to each communication
    communications: int  # of a gradient
    work: float = 0.0
    jitter: float = 0.0
    kept: bool = False  # what was drawn last is still to be used
    steps: int = 1

    def begin(self, now: float) -> tuple[float, float]:
        """The seconds at which a job that starts now is computed, and ends."""
        if not self.kept:
            self.work = self.works if isinstance(self.works, float) else next(self.works)
            self.jitter = sum(next(self.late) for _ in range(self.communications)) if self.late else 0.0
        self.kept = False
        work = self.work * self.steps
        computed = now + work if self.course is None else self.course.finish(now, work)
        return computed, computed + (self.sending + self.jitter)

    def take_steps(self, steps: int) -> None:
        """The next jobs take so many environment steps."""
        self.steps = steps

    def cancel(self) -> None:
        """Nothing is left of a job that was cancelled: the next one draws anew."""

    def take_back(self) -> None:
        """The job took no time: the next one takes the seconds that were drawn for it."""
        self.kept = True


def durations(cluster: Cluster, one_by_one: bool, seed: int) -> list[Steady | Varying]:
    """Of every worker. one_by_one: whether every gradient is sent by itself, and communication is part of a job."""
    queues = one_by_one and cluster.queues  # then the engine has the gradients wait and sends them
    sends = one_by_one and not queues
    sending: Sequence[float] = cluster.gradient_communication if sends else [0.0] * cluster.workers
    speeds: dict[int, Speed] = dict(cluster.speeds)
    found: list[Steady | Varying] = []
    for worker, time in enumerate(cluster.compute):
        late = draws(cluster.jitter, stream(seed, worker, 2)) if sends and cluster.jitter else None
        if isinstance(time, float) and not (worker in speeds or late or queues or cluster.slot_speeds):
            found.append(Steady(time, sending[worker]))
            continue
        works = time if isinstance(time, float) else draws(time, stream(seed, worker))
        course = speeds[worker].realise(stream(seed, worker, 1)) if worker in speeds else None
        found.append(Varying(works, course, sending[worker], late, cluster.communications_per_gradient))
    return found


@dataclass(slots=True)
class Drawn:
    """The same numbers as of `draws`, in portions of any size."""

    time: ComputeTime | Jitter
    rng: np.random.Generator
    done: int = 0

    def take(self, count: int) -> np.ndarray:
        """The next ones, shape (count,)."""
        drawn = self.time.draw(self.rng, count, self.done)
        self.done += count
        return drawn


def draws(time: ComputeTime | Jitter, rng) -> Iterator[float]:
    """Draws one after another; drawn in ever larger portions."""
    done, portion = 0, 16
    while True:
        yield from time.draw(rng, portion, done).tolist()
        done, portion = done + portion, min(2 * portion, 4096)
