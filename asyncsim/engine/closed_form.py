"""Timelines without an event queue, of greedy and of collecting rules: what the engine gives, to the last bit.

Under a greedy rule, workers do not wait for each other, and their arrivals are merged (`arrivals`). Under a collecting
one, all begin a round together: on fixed times every round is the first one again (`fixed_rounds`), on random or
recorded ones each follows from the workers' next times (`drawn_rounds`).
"""

from __future__ import annotations

import math

from ..base import Clock, Rule, missing
from ..cluster import Cluster
from ..theory.rules import ROUNDS
from . import arrivals, drawn_rounds, fixed_rounds
from .log import Log


def applies(rule: Rule, cluster: Cluster, until: float | None) -> bool:
    """Whether `run` can stand in for the engine, where overtaken jobs are cancelled and none is coupled."""
    if cluster.speeds or cluster.outages or cluster.update_seconds or cluster.slot_speeds:
        return False
    if not (arrivals.applies(rule, cluster) or _collects(rule) and _in_rounds(rule, cluster)):
        return False
    gone = [worker for worker, time in enumerate(cluster.compute) if time == math.inf]
    held, clock = rule.empty(cluster.workers), Clock(0, range(cluster.workers))
    return until is not None or not gone or not missing(rule, held, gone, clock)


def run(
    rule: Rule, cluster: Cluster, seed: int, updates: int | None, until: float | None, gradients: int | None
) -> tuple[Log, float, str] | None:
    """What happened, when it stopped, and why; None where it turns out that the engine is better at it."""
    if not _collects(rule):
        return arrivals.run(rule, cluster, seed, updates, until, gradients)
    if fixed_rounds.applies(cluster):
        return fixed_rounds.run(rule, cluster, updates, until, gradients)
    return drawn_rounds.run(rule, cluster, seed, updates, until, gradients)


def _collects(rule: Rule) -> bool:
    return type(rule) in ROUNDS and rule.communication == "round"


def _in_rounds(rule: Rule, cluster: Cluster) -> bool:
    return fixed_rounds.applies(cluster) or drawn_rounds.pays(rule, cluster)
