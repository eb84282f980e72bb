"""Ringmaster: greedy, without the very old."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..base import Clock, Decision, Ticket
from .checks import positive_integer


@dataclass
class Ring:
    """What Ringmaster holds: the version each worker is at, and (version, worker) in the order of starting."""

    version: list[int]
    order: deque[tuple[int, int]]


@dataclass(frozen=True)
class Ringmaster:
    """Every arrival with a delay below ``max_delay`` makes an update, older ones are dropped. (arXiv 2501.16168)

    max_delay: the threshold R, in updates.
    cancel: a job is stopped as soon as its delay reaches R (Algorithm 5 there), not when it arrives (Algorithm 4).
    """

    max_delay: int
    cancel: bool = False
    communication: ClassVar = "gradient"

    def __post_init__(self):
        positive_integer("max_delay", self.max_delay)

    def empty(self, workers: int) -> Ring:
        return Ring([0] * workers, deque((0, worker) for worker in range(workers)))

    def receive(self, held: Ring, ticket: Ticket, clock: Clock):
        if clock.version - ticket.version >= self.max_delay:
            return held, self._start(held, ticket.worker, (), clock.version)
        return held, self._start(held, ticket.worker, (ticket.job,), clock.version + 1)

    def _start(self, held: Ring, worker: int, use: Sequence[int], version: int) -> Decision:
        starters = [worker]
        held.version[worker] = version
        held.order.append((version, worker))
        while held.order and held.order[0][0] + self.max_delay <= version:
            asked, late = held.order.popleft()
            if self.cancel and held.version[late] == asked:
                starters.append(late)
                held.version[late] = version
                held.order.append((version, late))
        return Decision(use=use, start=starters)

    def missing(self, held: Ring, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        return gone if len(gone) == len(clock.workers) else ()
