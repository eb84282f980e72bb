"""Malenia: every worker has the same weight, however many gradients it computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import AGAIN, Clock, Decision, Ticket
from .checks import positive_integer


def full(counts: Sequence[int], size: int) -> bool:
    """n² >= M Σ 1/M_i, with 1/0 = ∞. The tolerance is needed: even a correctly rounded 1/30 + 1/6 is not 0.2."""
    n = len(counts)
    return all(counts) and n * n >= size * math.fsum(1 / count for count in counts) * (1 - 1e-12)


@dataclass
class Round:
    """Malenia's state: the finished jobs, their workers, and M_i and Σ 1/M_i, kept up to date."""

    jobs: list[int]
    workers: list[int]
    counts: list[int]  # M_i, shape (workers,)
    absent: int  # workers with M_i = 0
    inverse_sum: float  # Σ 1/M_i over the workers with M_i > 0


@dataclass(frozen=True)
class Malenia:
    """An update when the harmonic mean of the M_i reaches M/n; worker i's gradients weigh 1/(n M_i).

    (arXiv 2509.24305, Algorithm 4: (1/n Σ 1/M_i)^-1 >= M/n, that is n² >= M Σ 1/M_i, with 1/0 = ∞.)

    batch_size: M, the number of gradients whose variance the weighted mean is to match.
    initial_batch_size: the same for the first update, M_init; None: M.
    """

    batch_size: int
    initial_batch_size: int | None = None
    communication: ClassVar[Literal["round"]] = "round"

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)
        if self.initial_batch_size is not None:
            positive_integer("initial_batch_size", self.initial_batch_size)

    def empty(self, workers: int) -> Round:
        return Round([], [], [0] * workers, workers, 0.0)

    def receive(self, held: Round, ticket: Ticket, clock: Clock):
        n, worker, counts = len(clock.workers), ticket.worker, held.counts
        size = self._size(clock)
        held.jobs.append(ticket.job)
        held.workers.append(worker)
        counts[worker] += 1
        if counts[worker] == 1:
            held.absent -= 1
            held.inverse_sum += 1.0
        else:
            held.inverse_sum -= 1.0 / (counts[worker] * (counts[worker] - 1))
        # The running sum drifts by rounding, so it only says quickly that a round is not full yet.
        if held.absent or n * n < size * held.inverse_sum * (1 - 1e-9) or not full(counts, size):
            return held, AGAIN
        weights = [1 / (n * counts[worker]) for worker in held.workers]
        return self.empty(n), Decision(use=held.jobs, weights=weights, start=clock.workers)

    def holds(self, held) -> Sequence[int]:
        return held.jobs

    def missing(self, held: Round, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        absent = [worker for worker in gone if not held.counts[worker]]
        if absent or len(gone) == len(clock.workers):
            return absent or gone
        # However many jobs the others finish, Σ 1/M_i stays above the terms of the workers that are gone.
        least = math.fsum(1 / held.counts[worker] for worker in gone)
        return gone if len(clock.workers) ** 2 <= self._size(clock) * least * (1 + 1e-9) else ()

    def _size(self, clock: Clock) -> int:
        return self.batch_size if clock.version else self.initial_batch_size or self.batch_size
