"""Deadline: so many gradients, or what is there after some time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import AGAIN, Clock, Decision, Ticket
from .checks import positive_integer, positive_seconds


@dataclass(frozen=True)
class Deadline:
    """The first ``batch_size`` jobs at the current version make an update, or as many as there are after ``seconds``.

    Where there is none by then, the first one is waited for. (arXiv 1902.01046 has rounds that end so.)

    batch_size: gradients per update at most, M.
    seconds: of a round, from when its point was there.
    """

    batch_size: int
    seconds: float
    communication: ClassVar[Literal["round"]] = "round"

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)
        positive_seconds("seconds", self.seconds)

    def empty(self, workers: int) -> list[int]:
        return []

    def receive(self, held, ticket: Ticket, clock: Clock):
        held.append(ticket.job)
        if len(held) == self.batch_size:
            return [], _update(held, clock)
        if len(held) > 1:
            return held, AGAIN
        return held, Decision(start=(ticket.worker,), wake=max(clock.began + self.seconds, clock.now))

    def woken(self, held, clock: Clock):
        if held and clock.now >= clock.began + self.seconds:  # else it is the deadline of a round that is over
            return [], _update(held, clock)
        return held, Decision()

    def holds(self, held) -> Sequence[int]:
        return held


def _update(held: Sequence[int], clock: Clock) -> Decision:
    return Decision(use=held, weights=1 / len(held), start=clock.workers)
