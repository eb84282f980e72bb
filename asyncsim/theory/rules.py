"""Which formulas are a rule's: one record per rule, so that nobody else has to ask which rule it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..rules import FedBuff, Greedy, Malenia, MSynchronous, Rennala, Synchronous
from .bounds import malenia_bound, rennala_bound
from .rounds import malenia_jobs, malenia_round, rennala_jobs, rennala_round, synchronous_round


@dataclass(frozen=True)
class RoundFormulas:
    """What is known of a collecting rule's rounds on fixed times h, shape (workers,).

    They are functions of the rule, of h, and of whether the round is the first one, which may have a batch of its own.
    """

    size: Callable[[Any, int, bool], int]  # rule, workers, first: the M of its condition
    seconds: Callable[[Any, np.ndarray, bool], float]  # of a round, exact, where stale jobs are cancelled
    jobs: Callable[[Any, np.ndarray, bool], np.ndarray]  # that each worker finishes in it, exact, shape (workers,)
    bound: Callable[[Any, np.ndarray], float] | None = None  # seconds at most, where stale jobs are finished
    weighs_workers: bool = False  # every worker has the same weight, not every gradient


def _batch(rule: Rennala | Malenia, workers: int, first: bool) -> int:
    return rule.initial_batch_size if first and rule.initial_batch_size else rule.batch_size


def _fastest(rule: MSynchronous, h: np.ndarray, first: bool) -> np.ndarray:
    jobs = np.zeros(len(h), int)
    jobs[np.argsort(h, kind="stable")[: rule.participants]] = 1
    return jobs


ROUNDS: dict[type, RoundFormulas] = {
    Synchronous: RoundFormulas(
        size=lambda rule, workers, first: rule.jobs_each * workers,
        seconds=lambda rule, h, first: synchronous_round(h, rule.jobs_each),
        jobs=lambda rule, h, first: np.full(len(h), rule.jobs_each),
    ),
    MSynchronous: RoundFormulas(
        size=lambda rule, workers, first: rule.participants,
        seconds=lambda rule, h, first: np.partition(h, rule.participants - 1)[rule.participants - 1],
        jobs=_fastest,
    ),
    Rennala: RoundFormulas(
        size=_batch,
        seconds=lambda rule, h, first: rennala_round(h, _batch(rule, len(h), first)),
        jobs=lambda rule, h, first: rennala_jobs(h, _batch(rule, len(h), first)),
        bound=lambda rule, h: rennala_bound(h, rule.batch_size),
    ),
    Malenia: RoundFormulas(
        size=_batch,
        seconds=lambda rule, h, first: malenia_round(h, _batch(rule, len(h), first)),
        jobs=lambda rule, h, first: malenia_jobs(h, _batch(rule, len(h), first)),
        bound=lambda rule, h: malenia_bound(h, rule.batch_size),
        weighs_workers=True,
    ),
}

# Gradients per update of the rules under which every worker computes one job after another, whatever the others do.
ARRIVALS: dict[type, Callable[[Any], int]] = {Greedy: lambda rule: 1, FedBuff: lambda rule: rule.batch_size}
