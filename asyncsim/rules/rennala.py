"""Rennala: the first M gradients, whoever computed them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..base import AGAIN, Clock, Decision, Ticket
from .checks import positive_integer


@dataclass(frozen=True)
class Rennala:
    """The first ``batch_size`` jobs at the current version make one update. (arXiv 2509.24305, Algorithm 2)

    batch_size: gradients per update, M.
    initial_batch_size: gradients of the first update, M_init; None: M.
    communication: ``"round"``, workers sum their gradients and one reduction ends the round (the paper);
        ``"gradient"``, every gradient is sent by itself (an ablation).
    """

    batch_size: int
    initial_batch_size: int | None = None
    communication: Literal["round", "gradient"] = "round"

    def __post_init__(self):
        positive_integer("batch_size", self.batch_size)
        if self.initial_batch_size is not None:
            positive_integer("initial_batch_size", self.initial_batch_size)
        if self.communication not in ("round", "gradient"):
            raise ValueError(f"communication={self.communication!r} is unknown: give 'round' or 'gradient'")

    def empty(self, workers: int) -> list[int]:
        return []

    def receive(self, held, ticket: Ticket, clock: Clock):
        size = self.batch_size if clock.version else self.initial_batch_size or self.batch_size
        held.append(ticket.job)
        if len(held) < size:
            return held, AGAIN
        return [], Decision(use=held, weights=1 / size, start=clock.workers)  # everybody takes the new point

    def holds(self, held) -> Sequence[int]:
        return held
