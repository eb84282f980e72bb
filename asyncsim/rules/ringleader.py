"""Ringleader: greedy updates from a table in which every worker counts the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ..base import AGAIN, Clock, Decision, Ticket


@dataclass
class Tables:
    """Ringleader's state: each worker's jobs for the updates of this round, and for those of the next round."""

    now: list[list[int]]
    later: list[list[int]]
    empty: int  # workers without a job in `now`
    moved: set[int] = field(default_factory=set)  # workers that have made their update of this round


@dataclass(frozen=True)
class Ringleader:
    """Updates from a table of all workers' gradients, one update per worker and round. (arXiv 2509.22860, Algorithm 1)

    Phase 1: gradients are gathered, at the same points, until every worker has given one. Phase 2: n updates, each
    with the whole table, where each of the b_i gradients of worker i has the weight 1/(n b_i). An update is made, and
    a new point sent, when a worker finishes that has not had its turn in this round. Gradients of workers that have
    had their turn are kept for the next round.

    A gradient stays in the table until the round ends, so it is used by several updates.
    """

    communication: ClassVar[Literal["gradient"]] = "gradient"

    def empty(self, workers: int) -> Tables:
        return Tables([[] for _ in range(workers)], [[] for _ in range(workers)], workers)

    def receive(self, held: Tables, ticket: Ticket, clock: Clock):
        worker, n = ticket.worker, len(clock.workers)
        if worker in held.moved:
            held.later[worker].append(ticket.job)
            return held, AGAIN
        held.empty -= not held.now[worker]
        held.now[worker].append(ticket.job)
        if held.empty:
            return held, AGAIN
        held.moved.add(worker)
        use = [job for jobs in held.now for job in jobs]
        weights = [1 / (n * len(jobs)) for jobs in held.now for _ in jobs]
        if len(held.moved) == n:
            missing = sum(not jobs for jobs in held.later)
            held = Tables(held.later, [[] for _ in range(n)], missing)
        return held, Decision(use=use, weights=weights, start=(ticket.worker,))

    def holds(self, held: Tables) -> Sequence[int]:
        return [job for jobs in (*held.now, *held.later) for job in jobs]

    def missing(self, held: Tables, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        absent = [worker for worker in gone if not held.now[worker]]
        unmoved = [worker for worker in gone if worker not in held.moved]
        return absent or (unmoved if len(held.moved) + len(unmoved) == len(clock.workers) else ())
