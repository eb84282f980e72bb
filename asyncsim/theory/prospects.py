"""What theory says of a cluster: seconds per update, to the stop and to ε, and whom to wait for. Runs nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .. import theory
from ..base import Method, Rule, parks_after
from ..cluster import Cluster
from .rules import ARRIVALS, ROUNDS


@dataclass(frozen=True, eq=False)
class Bare:
    """A cluster as the formulas take it: numbers."""

    h: np.ndarray  # seconds per gradient, shape (workers,)
    round_kappa: float  # seconds of communication of a round; at most, where only those who contribute send
    gradient_kappa: np.ndarray  # seconds of communication of a gradient that is sent by itself, shape (workers,)
    notes: tuple[str, ...]  # what was simplified
    senders_alone: Cluster | None = None  # whose price of a round depends on who contributes; None: it does not

    def round_kappa_of(self, rule: Rule, jobs: np.ndarray, seconds: float) -> float:
        """Seconds of communication of a round that takes so long, to which workers contribute so many jobs."""
        if self.senders_alone is None:
            return self.round_kappa
        done = {worker: float(jobs[worker] * self.h[worker]) for worker in np.flatnonzero(jobs).tolist()}
        late = self.round_kappa - self.senders_alone.round_communication
        return self.senders_alone.gathered(done, seconds, parks_after(rule) < math.inf) - seconds + late


def bare(cluster: Cluster) -> Bare:
    """Means in place of distributions. Raises ValueError where numbers do not do."""
    for key in ("speeds", "outages", "slot_speeds"):
        if getattr(cluster, key):
            raise ValueError(f"cluster.{key} changes how long gradients take, and the formulas take fixed times")
    if cluster.update_seconds:
        raise ValueError(
            f"cluster.update_seconds={cluster.update_seconds}, and the formulas have a server that takes no time"
        )
    h, late, notes = [], 0.0, []
    for worker, time in enumerate(cluster.compute):
        h.append(_mean(f"cluster.compute[{worker}]", time) if hasattr(time, "mean") else time)
    if any(hasattr(time, "mean") for time in cluster.compute):
        notes.append("compute times are random: the formulas have their means instead, and are not exact")
    if cluster.jitter:
        late = _mean("cluster.communication.jitter", cluster.jitter.time)
        notes.append("communication has jitter: the formulas have its mean instead")
    if cluster.queues:
        notes.append("gradients that are sent one by one queue at the server: the formulas leave the queue out")
    return Bare(
        np.array(h),
        cluster.round_communication + cluster.communications_per_round * late,
        np.array(cluster.gradient_communication) + cluster.communications_per_gradient * late,
        tuple(notes),
        cluster if cluster.senders_alone else None,
    )


def _mean(key, time) -> float:
    if not time.mean < math.inf:
        raise ValueError(f"{key}={time} has no finite mean, and the formulas take numbers")
    return float(time.mean)


# ---- an update, and the stop


@dataclass(frozen=True)
class Pace:
    """How fast a method makes updates on a cluster; NaN where there is no formula.

    relation: of the real seconds to these: ``"="`` exact, ``"<="`` at most, ``"~"`` on average.
    """

    computation: float = math.nan  # seconds per update
    communication: float = math.nan
    gradients: float = math.nan  # used per update
    cancelled: float = math.nan  # share of the computing seconds
    relation: Literal["=", "<=", "~"] = "~"
    first: float = math.nan  # seconds of the first update, which may have a larger batch, communication included
    first_gradients: float = math.nan

    @property
    def seconds(self) -> float:
        """Per update."""
        return self.computation + self.communication

    @property
    def rates(self) -> tuple[float, float]:
        """Updates, and gradients used, per second; NaN where there is no formula or no update."""
        known = 0 < self.seconds < math.inf
        return (1 / self.seconds, self.gradients / self.seconds) if known else (math.nan, math.nan)

    def at_stop(self, stop: Mapping[str, float]) -> tuple[float, float]:
        """Updates made, and seconds, when the first of ``updates``, ``until``, ``gradients`` is met; NaN if unknown."""
        if not self.seconds < math.inf:
            return math.nan, math.nan
        made = [stop.get("updates", math.inf)]
        if "gradients" in stop:
            made.append(1 + max(0, math.ceil((stop["gradients"] - self.first_gradients) / self.gradients)))
        if "until" in stop:
            late = (stop["until"] - self.first) * (1 + 1e-12)  # for rounding
            made.append(1 + late // self.seconds if late >= 0 else 0)
        updates = min(made)
        by_time = "until" in stop and made[-1] < min(made[:-1])
        return updates, stop["until"] if by_time else self.first + (updates - 1) * self.seconds


def pace(method: Method, cluster: Bare, stale: Literal["cancel", "finish"] = "cancel") -> Pace:
    """A method's pace; all NaN for Ringmaster and Ringleader, which have no formula, and inf where no update comes."""
    rule, cluster = method.rule, replace(cluster, h=method.work * cluster.h)
    h = cluster.h
    one_by_one = rule.communication == "gradient"
    whole = h + cluster.gradient_kappa if one_by_one else h
    if arrivals := ARRIVALS.get(type(rule)):
        size = arrivals(rule)
        computing, seconds = (float(theory.greedy_time(each, 0.0, size)) for each in (h, whole))
        return Pace(computing, seconds - computing, size, 0.0, "~", seconds, size)
    formulas = ROUNDS.get(type(rule))
    if formulas is None:
        return Pace()
    times = (h, False), (whole, False), (whole, True)  # a later round without and with communication; the first one
    computing, seconds, first = (float(formulas.seconds(rule, *each)) for each in times)
    if not max(computing, seconds, first) < math.inf:
        return Pace(math.inf)
    used, of_first = (formulas.jobs(rule, *each) for each in times[1:])
    of_rounds = (used, seconds), (of_first, first)
    kappas = [0.0 if one_by_one else cluster.round_kappa_of(rule, *each) for each in of_rounds]
    parked = used >= parks_after(rule)
    if one_by_one or (parked.any() and not parked.all()):
        cancelled = math.nan
    else:
        cancelled = 0.0 if parked.all() else float(theory.cancelled_seconds(h, used, seconds))
    communicating, sizes = seconds - computing + kappas[0], (float(used.sum()), float(of_first.sum()))
    found = Pace(computing, communicating, sizes[0], cancelled, "=", first + kappas[1], sizes[1])
    if cluster.notes:
        return replace(found, relation="~", cancelled=math.nan)
    if stale == "cancel" or parked.all():
        return found
    if formulas.bound is None or one_by_one:
        return Pace()
    # Stale jobs are finished first; the first round has none.
    return replace(found, computation=float(formulas.bound(rule, h)), cancelled=math.nan, relation="<=")


def round_at_most(rule: Rule, cluster: Cluster) -> float:
    """Theory's bound on a round and its communication, seconds: 2 min_m (Σ_{i<=m} 1/h_i)^-1 (M + m) + κ of Rennala.

    NaN where there is none: the rule has no bound, gradients are sent one by one, or seconds are not fixed. cluster:
    as a timeline has it, where h_i are of whole jobs.
    """
    known = ROUNDS.get(type(rule))
    fixed = all(isinstance(h, float) for h in cluster.compute)
    fixed = fixed and not (cluster.speeds or cluster.outages or cluster.jitter)
    fixed = fixed and not (cluster.slot_speeds or cluster.update_seconds)
    if not (known and known.bound and rule.communication == "round" and fixed):
        return math.nan
    return float(known.bound(rule, np.array(cluster.compute))) + cluster.round_communication


# ---- to ε


@dataclass(frozen=True, eq=False)
class Prospects:
    """Of the table's methods on one cluster, for one ε."""

    rows: dict[str, theory.Complexity]  # seconds to E‖∇J‖ <= ε, constants and logs dropped; by the method's name
    recommended: str  # the method whose row is least, of those that converge and have a guarantee
    batch_size: float  # M = ε^-1.5, gradients per update in the row of Rennala NIGT
    fastest_workers: int  # m, that matter to Rennala NIGT
    best_batch_size: float  # M of Rennala NIGT with the least seconds to ε, constants kept; NaN: more than 10^7
    crossover: float  # κ* of the two rows
    measured_crossover: float | None  # κ* of measured updates


def prospects_of(
    cluster: Bare,
    epsilon: float,
    heterogeneous: bool = False,
    constants: Mapping[str, Any] | None = None,
    batch_size: int | None = None,
    measured: tuple[float, float] | None = None,
) -> Prospects:
    """What theory expects. Raises ValueError for bad numbers.

    heterogeneous: workers have problems of their own, so only methods that give all the same weight converge.
    constants: ``sigma, L_g, L_h, Delta`` as in Theorem 4.4, of the best M alone; None: all 1.
    measured: updates to ε of Rennala NIGT with ``batch_size`` (None: n), and of AFedPG.
    """
    h, constants = cluster.h, constants or dict.fromkeys(("sigma", "L_g", "L_h", "Delta"), 1.0)
    kappas = {"afedpg": float((cluster.gradient_kappa / len(h)).sum())}
    rows = {name: row(h, epsilon, kappas.get(name, cluster.round_kappa)) for name, row in theory.TABLE.items()}
    # Rows of Synchronous NIGT and AFedPG say how long it takes at least, and guarantee nothing. Of the others Rennala's
    # is at most Malenia's and Malenia's at most Synchronous's, for every h and κ; and ε^-3.5 <= ε^-4 where ε <= 1.
    recommended = ("malenia" if heterogeneous else "rennala") + ("_nigt" if epsilon <= 1 else "_pg")
    best = math.nan
    if theory.largest_batch_size(epsilon, **{key: constants[key] for key in ("sigma", "L_g", "L_h")}) <= 10**7:
        best = float(theory.best_batch_size(h, cluster.round_kappa, epsilon, **constants))
    crossing = None
    if measured is not None:
        round_time = float(theory.rennala_round(h, batch_size or len(h)))
        crossing = theory.measured_crossover(h, measured[0], round_time, measured[1])
    of_rows = theory.crossover(theory.rennala_nigt(h, epsilon, 1.0), theory.afedpg(h, epsilon, 1.0))
    M, floats = theory.gradients_per_update(epsilon), np.finfo(float)
    m = int(theory.fastest_workers(h, np.clip(M, floats.smallest_subnormal, floats.max)))
    return Prospects(rows, recommended, M, m, best, float(of_rows), crossing)
