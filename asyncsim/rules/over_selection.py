"""OverSelection: start more than are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import WAIT, Clock, Decision, Ticket
from .checks import at_most, not_negative, positive_integer


@dataclass(frozen=True)
class OverSelection:
    """Some workers start a job each, and the first ``batch_size`` to finish make the update. (arXiv 1902.01046)

    Workers take turns in being chosen, in the order of their numbers. Who is late finishes its job, which is ignored,
    unless it is chosen again before.

    batch_size: gradients per update, m; at most the number of workers.
    extra: how many more are started, k; where there are fewer than m + k workers, all are.
    """

    batch_size: int
    extra: int = 1
    communication: ClassVar[Literal["round"]] = "round"
    parks_after: ClassVar[int] = 1

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)
        not_negative("extra", self.extra, "workers")

    def empty(self, workers: int) -> tuple[int, list[Ticket]]:
        at_most("batch_size", self.batch_size, workers)
        return 0, []  # the round's version, and who has finished

    def starts(self, workers: int) -> Sequence[int]:
        return self._chosen(0, workers)

    def receive(self, held, ticket: Ticket, clock: Clock):
        version, finished = held
        if ticket.version < version:  # late, maybe while the update that was made without it communicates
            return held, WAIT
        finished.append(ticket)
        if len(finished) < self.batch_size:
            return held, WAIT
        start = self._chosen(version + 1, len(clock.workers))
        use = [each.job for each in finished]
        return (version + 1, []), Decision(use, weights=1 / self.batch_size, start=start)

    def holds(self, held) -> Sequence[int]:
        return [ticket.job for ticket in held[1]]

    def missing(self, held, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        version, finished = held
        chosen = self._chosen(version, len(clock.workers))
        absent = set(gone).intersection(chosen).difference(ticket.worker for ticket in finished)
        return sorted(absent) if len(chosen) - len(absent) < self.batch_size else ()

    def _chosen(self, version: int, workers: int) -> list[int]:
        """Who computes at this version."""
        count = min(self.batch_size + self.extra, workers)
        return sorted((version * count + k) % workers for k in range(count))
