"""Paced: batches of K, while workers go on as far as nothing can become too old."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import ClassVar, Literal

from ..base import Clock, Decision, Ticket
from .checks import Interrupt, known_interrupt, not_negative, positive_integer


@dataclass
class Stream:
    """Paced's state. A job's version is that at which it was started."""

    parked: deque[int]  # workers, who waits longest first
    started: int = 0  # jobs
    decided: int = 0  # updates; the server may still be at work on the last one
    at: dict[int, int] = field(default_factory=dict)  # of each worker that is at work, its job's version
    working: Counter[int] = field(default_factory=Counter)  # how many are at each version
    finished: dict[int, deque[int]] = field(default_factory=lambda: defaultdict(deque))  # unused jobs, by version


@dataclass(frozen=True)
class Paced:
    """Updates of ``batch_size`` jobs, none more than ``max_age`` updates old; workers wait, and nothing is discarded.

    A job is started only where fewer than K (s + 1 + updates so far) have been: so there are updates enough for all. An
    update takes the oldest K finished jobs, as soon as the others can still be used in time; so it waits for those
    that would be too old for the next one. With s = 0 and n = K this is Synchronous. Nobody waits for a server that
    takes time (`Cluster.update_seconds`). (arXiv 2505.24298 limits starts so, but its updates wait for nobody.)

    batch_size: gradients per update, K.
    max_age: the cap s on the delay of a gradient, in updates.
    interrupt: what becomes of jobs in the middle when there is a new point: ``"none"``, they go on at theirs;
        ``"continue"``, they go on at the new one, and their delay counts from the first; ``"discard"``, they are
        cancelled, and their workers start afresh.
    """

    batch_size: int
    max_age: int
    interrupt: Interrupt = "none"
    communication: ClassVar[Literal["gradient"]] = "gradient"
    overlap: ClassVar[float] = inf  # what workers wait for, the rule says

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)
        not_negative("max_age", self.max_age, "updates")
        known_interrupt(self.interrupt)

    def empty(self, workers: int) -> Stream:
        held = Stream(deque(range(workers)))
        self._start(held, 0)
        return held

    def starts(self, workers: int) -> Sequence[int]:
        return range(min(workers, self.batch_size * (self.max_age + 1)))

    def receive(self, held: Stream, ticket: Ticket, clock: Clock):
        held.working[held.at.pop(ticket.worker)] -= 1
        held.finished[ticket.version].append(ticket.job)
        held.parked.append(ticket.worker)
        return held, self._next(held, clock)

    def applied(self, held: Stream, clock: Clock):
        """There is a new point, and the server is free: asked by the engine after every update."""
        for worker in held.at:  # some were told to start before, and did so at this point
            self._moved(held, worker, max(held.at[worker], clock.asked[worker]))
        again = [*held.at] if self.interrupt == "discard" else []
        for worker in again:
            self._moved(held, worker, clock.version)
        return held, self._next(held, clock, again)

    def holds(self, held: Stream) -> Sequence[int]:
        return [job for jobs in held.finished.values() for job in jobs]

    def missing(self, held: Stream, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        waited_for = [worker for worker in gone if worker in held.at]
        return waited_for or (gone if len(gone) == len(clock.workers) else ())

    def _next(self, held: Stream, clock: Clock, again: Sequence[int] = ()) -> Decision:
        """An update, if it may be made, and who starts; ``again``: who starts afresh."""
        use = self._batch(held, clock.version)
        held.decided += bool(use)
        return Decision(use, 1 / self.batch_size, [*again, *self._start(held, clock.version)])

    def _start(self, held: Stream, version: int) -> list[int]:
        """Who starts now."""
        most = self.batch_size * (version + self.max_age + 1) - held.started
        start = [held.parked.popleft() for _ in range(min(most, len(held.parked)))]
        held.started += len(start)
        held.working[version] += len(start)
        held.at |= dict.fromkeys(start, version)
        return start

    def _batch(self, held: Stream, version: int) -> list[int]:
        """The oldest finished jobs, if the server is free and there are enough; empty while they have to wait."""
        wanted, left = self.batch_size, 0
        if held.decided > version or sum(map(len, held.finished.values())) < wanted:
            return []
        for at in sorted({*held.finished, *held.working}):
            taken = min(wanted, len(held.finished[at]))
            wanted -= taken
            left += held.working[at] + len(held.finished[at]) - taken
            if left > max(0, self.batch_size * (at + self.max_age - version)):  # more than later updates have room for
                return []
        use: list[int] = []
        for at in sorted(held.finished):
            while held.finished[at] and len(use) < self.batch_size:
                use.append(held.finished[at].popleft())
        for at in [at for at in held.finished if not held.finished[at]]:
            del held.finished[at]
        held.working += Counter()  # forgets those that nobody is at
        return use

    def _moved(self, held: Stream, worker: int, version: int) -> None:
        """A worker's job is at this version."""
        held.working[held.at[worker]] -= 1
        held.working[version] += 1
        held.at[worker] = version
