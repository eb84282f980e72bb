"""OverSampling: start more than are needed, and keep what is late."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import WAIT, Clock, Decision, Ticket
from .checks import at_most, not_negative, positive_integer


@dataclass(frozen=True)
class OverSampling:
    """K + k workers are at work, and the first ``batch_size`` to finish make an update; the others go on.

    After an update as many workers start as it used, those that wait longest first. Who is late counts for a later
    update; under `OverSelection` it would be of no use.

    batch_size: gradients per update, K; at most the number of workers.
    extra: how many more are at work, k; where there are fewer than K + k workers, all are.
    """

    batch_size: int
    extra: int = 1
    communication: ClassVar[Literal["gradient"]] = "gradient"

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)
        not_negative("extra", self.extra, "workers")

    def empty(self, workers: int) -> tuple[deque[int], list[Ticket]]:
        at_most("batch_size", self.batch_size, workers)
        return deque(range(len(self.starts(workers)), workers)), []  # who waits to be started, and who has finished

    def starts(self, workers: int) -> Sequence[int]:
        return range(min(self.batch_size + self.extra, workers))

    def receive(self, held, ticket: Ticket, clock: Clock):
        idle, finished = held
        finished.append(ticket)
        if len(finished) < self.batch_size:
            return held, WAIT
        idle.extend(each.worker for each in finished)
        start = [idle.popleft() for _ in finished]
        return (idle, []), Decision([each.job for each in finished], 1 / self.batch_size, start)

    def holds(self, held) -> Sequence[int]:
        return [ticket.job for ticket in held[1]]

    def missing(self, held, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        idle, finished = held
        absent = set(gone).difference(idle).difference(ticket.worker for ticket in finished)
        left = len(clock.workers) - len(idle) - len(absent)  # with those that have finished
        return sorted(absent) if left < self.batch_size else ()
