"""Periodic: an update every so many seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import AGAIN, Clock, Decision, Ticket
from .checks import positive_seconds


@dataclass(frozen=True)
class Periodic:
    """At every multiple of ``seconds``, all finished jobs at the current version make an update, if there are any.

    seconds: between two updates.
    """

    seconds: float
    communication: ClassVar[Literal["round"]] = "round"

    def __post_init__(self):
        positive_seconds("seconds", self.seconds)

    def empty(self, workers: int) -> list[int]:
        return []

    def receive(self, held, ticket: Ticket, clock: Clock):
        held.append(ticket.job)
        if len(held) > 1:
            return held, AGAIN
        multiple = clock.now / self.seconds
        if multiple > 2**53:  # the next one is now, as far as floats tell
            return held, Decision(start=(ticket.worker,), wake=clock.now)
        multiple = round(multiple)
        if multiple * self.seconds < clock.now:
            multiple += 1
        return held, Decision(start=(ticket.worker,), wake=multiple * self.seconds)

    def woken(self, held, clock: Clock):
        if not held:
            return held, Decision()
        return [], Decision(use=held, weights=1 / len(held), start=clock.workers)

    def holds(self, held) -> Sequence[int]:
        return held
