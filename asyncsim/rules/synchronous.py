"""Synchronous: wait for everyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..base import AGAIN, WAIT, Clock, Decision, Ticket
from .checks import not_negative, positive_integer


@dataclass(frozen=True)
class Synchronous:
    """An update when every worker has finished ``jobs_each`` jobs; workers that are done early wait.

    jobs_each: jobs per worker and update.
    overlap: rounds that run ahead of a server that takes time (`Cluster.update_seconds`), at the newest point that is
        there; 0: the next round waits for the update, 1: one step off. No gradient has a greater delay.
    """

    jobs_each: int = 1
    overlap: int = 0
    communication: ClassVar[Literal["round"]] = "round"

    def __post_init__(self):
        positive_integer("jobs_each", self.jobs_each)
        not_negative("overlap", self.overlap, "rounds")

    @property
    def parks_after(self) -> int:
        return self.jobs_each

    def empty(self, workers: int) -> tuple[list[int], list[int]]:
        return [], [0] * workers  # finished jobs, and how many each worker has finished

    def receive(self, held, ticket: Ticket, clock: Clock):
        jobs, done = held
        jobs.append(ticket.job)
        done[ticket.worker] += 1
        if done[ticket.worker] < self.jobs_each:
            return held, AGAIN
        if len(jobs) < self.jobs_each * len(clock.workers):
            return held, WAIT
        return self.empty(len(clock.workers)), Decision(use=jobs, weights=1 / len(jobs), start=clock.workers)

    def holds(self, held) -> Sequence[int]:
        return held[0]

    def missing(self, held, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        return [worker for worker in gone if held[1][worker] < self.jobs_each]
