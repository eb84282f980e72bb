"""m-Synchronous: wait for the m fastest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import WAIT, Clock, Decision, Ticket
from .checks import at_most, positive_integer


@dataclass(frozen=True)
class MSynchronous:
    """An update when the first ``participants`` workers have finished one job each. (arXiv 1604.00981, backup workers)

    participants: m; at most the number of workers.
    """

    participants: int
    communication: ClassVar[Literal["round"]] = "round"
    parks_after: ClassVar[int] = 1

    def __post_init__(self):
        positive_integer("participants", self.participants)

    def empty(self, workers: int) -> list[Ticket]:
        at_most("participants", self.participants, workers)
        return []

    def receive(self, held, ticket: Ticket, clock: Clock):
        held.append(ticket)  # a worker that has finished waits, so no worker has two jobs here
        if len(held) < self.participants:
            return held, WAIT
        return [], Decision(use=[ticket.job for ticket in held], weights=1 / self.participants, start=clock.workers)

    def holds(self, held) -> Sequence[int]:
        return [ticket.job for ticket in held]

    def missing(self, held, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        absent = set(gone).difference(ticket.worker for ticket in held)  # jobs that are finished still count
        return sorted(absent) if len(clock.workers) - len(absent) < self.participants else ()
