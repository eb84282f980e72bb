"""Greedy: every gradient is an update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import ALONE, Clock, Ticket


@dataclass(frozen=True)
class Greedy:
    """Every arrival makes an update, however old; only its worker takes the new point. (arXiv 2404.08003)"""

    communication: ClassVar[Literal["gradient"]] = "gradient"

    def empty(self, workers: int) -> None:
        return None

    def receive(self, held, ticket: Ticket, clock: Clock):
        return held, ALONE

    def holds(self, held) -> Sequence[int]:
        return ()
