"""Ringmaster: greedy, without gradients that are too old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace
from typing import ClassVar, Literal

from ..base import Clock, Decision, Ticket
from .checks import positive_integer


@dataclass(frozen=True)
class Ringmaster:
    """Every arrival with a delay below ``max_delay`` makes an update, older ones are dropped. (arXiv 2501.16168)

    max_delay: the threshold R, in updates.
    cancel: a job is stopped as soon as its delay reaches R (Algorithm 5 there), not when it arrives (Algorithm 4).
    """

    max_delay: int
    cancel: bool = False
    communication: ClassVar[Literal["gradient"]] = "gradient"

    def __post_init__(self):
        positive_integer("max_delay", self.max_delay)

    def empty(self, workers: int) -> list[tuple[int, int]]:
        """A heap of (version, worker), one per worker: its job has this version or a newer one (see `Clock.asked`)."""
        return [(0, worker) for worker in range(workers)] if self.cancel else []

    def receive(self, held, ticket: Ticket, clock: Clock):
        fresh = clock.version - ticket.version < self.max_delay
        version = clock.version + fresh
        starters = [ticket.worker]
        while held and held[0][0] + self.max_delay <= version:
            worker = held[0][1]
            at = version if worker == ticket.worker else clock.asked[worker]
            if at + self.max_delay <= version:
                starters.append(worker)
                at = version
            heapreplace(held, (at, worker))
        return held, Decision(use=(ticket.job,) if fresh else (), start=starters)

    def holds(self, held) -> Sequence[int]:
        return ()
