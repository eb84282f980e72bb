"""Streaming: batches of K, while workers go on; what is too old is refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import ClassVar, Literal

from ..base import Clock, Decision, Ticket
from .checks import Interrupt, known_interrupt, not_negative, positive_integer


@dataclass
class Stream:
    """Streaming's state."""

    finished: deque[Ticket] = field(default_factory=deque)  # that no update has used
    decided: int = 0  # updates; the server may still be at work on the last one


@dataclass(frozen=True)
class Streaming:
    """The first ``batch_size`` jobs to finish make an update, and workers go on at once, at the newest point.

    Nobody waits for a server that takes time (`Cluster.update_seconds`): what finishes meanwhile is kept for it, and
    what finished first is used first. Without a cap, and where the server takes no time, this is `FedBuff`.

    batch_size: gradients per update, K.
    max_age: the cap s on the delay of a gradient; what is older when the server could use it is discarded. None: no
        cap.
    interrupt: what becomes of jobs in the middle when there is a new point: ``"none"``, they go on at theirs;
        ``"continue"``, they go on at the new one, and their delay counts from the first; ``"discard"``, they are
        cancelled, and their workers start afresh.
    """

    batch_size: int
    max_age: int | None = None
    interrupt: Interrupt = "none"
    communication: ClassVar[Literal["gradient"]] = "gradient"
    overlap: ClassVar[float] = inf  # nobody waits for the server

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)
        if self.max_age is not None:
            not_negative("max_age", self.max_age, "updates")
        known_interrupt(self.interrupt)

    def empty(self, workers: int) -> Stream:
        return Stream()

    def receive(self, held: Stream, ticket: Ticket, clock: Clock):
        if self._fresh(ticket, clock):
            held.finished.append(ticket)
        return held, self._next(held, clock, (ticket.worker,))

    def applied(self, held: Stream, clock: Clock):
        """There is a new point, and the server is free: asked by the engine after every update."""
        if self.max_age is not None:
            held.finished = deque(ticket for ticket in held.finished if self._fresh(ticket, clock))
        return held, self._next(held, clock, clock.workers if self.interrupt == "discard" else ())

    def holds(self, held: Stream) -> Sequence[int]:
        return [ticket.job for ticket in held.finished]

    def _fresh(self, ticket: Ticket, clock: Clock) -> bool:
        return self.max_age is None or clock.version - ticket.version <= self.max_age

    def _next(self, held: Stream, clock: Clock, start: Sequence[int]) -> Decision:
        """An update, if the server is free and there is enough for it."""
        if held.decided > clock.version or len(held.finished) < self.batch_size:
            return Decision(start=start)
        held.decided += 1
        use = [held.finished.popleft().job for _ in range(self.batch_size)]
        return Decision(use, 1 / self.batch_size, start)
