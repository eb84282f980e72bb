"""FedBuff: a buffer of K gradients, however old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import AGAIN, Clock, Decision, Ticket
from .checks import positive_integer


@dataclass(frozen=True)
class FedBuff:
    """Every ``batch_size`` arrivals, of any versions, make an update; a worker that finishes takes the newest point.

    (arXiv 2106.06639, with one local step.)

    batch_size: the size of the buffer, K.
    """

    batch_size: int
    communication: ClassVar[Literal["gradient"]] = "gradient"

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)

    def empty(self, workers: int) -> list[int]:
        return []

    def receive(self, held, ticket: Ticket, clock: Clock):
        held.append(ticket.job)
        if len(held) < self.batch_size:
            return held, AGAIN
        return [], Decision(use=held, weights=1 / self.batch_size, start=(ticket.worker,))

    def holds(self, held) -> Sequence[int]:
        return held
