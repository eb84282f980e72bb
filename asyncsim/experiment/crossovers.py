"""What would change advice: a slower or faster network, a slower or faster worker, more workers; found by simulation.

Under a collecting rule every gradient is asked at the newest point, so on a problem that all workers share, the
distribution of a curve in updates depends on M, and not on who was fast. Its gradients are the same ones only where
each worker contributes as many to each update as before, for they are drawn by worker and number: so it is where κ
alone changes, jobs at old points are cancelled, and no speed or outage depends on the second. So nothing is trained
here: a candidate's updates to the target, which were measured, are simulated on the changed cluster, and it takes as
many seconds as they end after. Under a greedy rule the delays of gradients change with the times. Its updates to the
target are assumed to be those that were measured, as long as the mean delay is at most twice theirs; beyond that
nothing is predicted of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import takewhile
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..base import Method
from ..cluster import Cluster, changes
from ..engine import Stalled, simulate
from ..rules import Synchronous
from .tuning import four_of_five

REACH = 1000.0  # the largest factor that is tried, and one over the smallest
WORKERS = 64  # times as many workers, at most ...
MOST_WORKERS = 2000  # ... or in all
STEPS = 10  # factors that are tried before the first crossover is bisected
OLDER = 2.0  # times the delay that was measured, at most
PRECISION = 1.02  # ratio of the factors beside a crossover

COLUMNS = ("axis", "way", "what", "factor", "value", "label", "other", "before", "after", "other_before", "other_after")


@dataclass(frozen=True)
class Candidate:
    """A method with its settings, and how many updates it took to the target with each seed.

    kind: the method without its M. delay: mean of the gradients that were used, in updates. stale: as of `simulate`.
    """

    kind: str
    method: Method
    updates: tuple[int, ...]
    delay: float = 0.0
    stale: Literal["cancel", "finish"] = "cancel"

    @property
    def of_all_workers(self) -> bool:
        """Whether the gradients of an update are as many as workers, so that with more of them curves are others."""
        return isinstance(self.method.rule, Synchronous)

    def seconds(self, cluster: Cluster, seed: int = 0) -> float:
        """The second by which four of five seeds are at the target; infinite where updates stop before.

        NaN where gradients are so much older than those of which the updates were measured that these say nothing.
        """
        most = int(four_of_five(np.array(self.updates)))
        try:
            timeline = simulate(self.method, cluster, updates=max(most, 1), seed=seed, stale=self.stale)
        except Stalled:
            return math.inf
        if len(timeline.updates) < most:
            return math.inf
        if timeline.delays().mean() > OLDER * max(self.delay, 1.0):
            return math.nan
        times = np.append(0.0, timeline.updates["time"].to_numpy())
        return float(times[most])


@dataclass(frozen=True)
class Axis:
    """One thing that may change.

    at: the cluster at a factor. value: what is then there, in seconds or workers. factors: from 1 on outwards,
    by the way: up or down.
    """

    name: str
    at: Callable[[float], Cluster]
    value: Callable[[float], float]
    factors: Mapping[str, Sequence[float]]
    keeps_batches: bool = True  # the workers are as many as before


def axes_of(cluster: Cluster) -> list[Axis]:
    """κ, the slowest worker's time, and n.

    Where communication takes no time, κ begins at a thousandth of the mean time of a gradient, as factor 1/1000; with
    jitter, κ has its mean in it. The slowest worker is that with the largest finite mean. An axis that has no finite
    mean is left out.
    """
    up = np.geomspace(1, REACH, STEPS).tolist()
    both = {"up": up, "down": [1 / factor for factor in up]}
    finite = [seconds for seconds in changes.mean_times(cluster) if seconds < math.inf]
    free = not any(cluster.kappas) and not cluster.jitter
    network = replace(cluster, communication=float(np.mean(finite))) if free and finite else cluster
    kappa = float(np.mean(network.kappas)) + (network.jitter.time.mean if network.jitter else 0.0)
    worker = changes.slowest(cluster) if finite else 0
    most = max(1.0, min(WORKERS, MOST_WORKERS / cluster.workers))
    fleet = sorted({round(cluster.workers * factor) for factor in np.geomspace(1, most, 7)})
    axes = [
        Axis(
            "communication",
            lambda factor: changes.slower_network(network, factor),
            lambda factor: factor * kappa,
            {"up": [0.0, *(factor / REACH for factor in up), *up[1:]]} if free else both,
        ),
        Axis(
            "slowest worker",
            lambda factor: changes.slower_worker(cluster, worker, factor),
            lambda factor: factor * changes.mean_times(cluster)[worker],
            both,
        ),
        Axis(
            "workers",
            lambda factor: changes.with_workers(cluster, max(1, round(factor * cluster.workers))),
            lambda factor: float(max(1, round(factor * cluster.workers))),
            {"up": [n / cluster.workers for n in fleet]},
            keeps_batches=False,
        ),
    ]
    known = {"communication": 0 < kappa < math.inf, "slowest worker": bool(finite), "workers": True}
    return [axis for axis in axes if known[axis.name]]


def predicted(axis: Axis, candidates: Mapping[str, Candidate], factor: float, seed: int = 0) -> dict[str, float]:
    """Seconds to the target of every candidate at a factor."""
    cluster = axis.at(factor)
    return {label: candidate.seconds(cluster, seed) for label, candidate in candidates.items()}


def crossovers(
    axes: Sequence[Axis], candidates: Mapping[str, Candidate], best: str, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Where another candidate becomes the first, and all seconds that were predicted to find it.

    best: the label of the first one here.
    First frame, for each axis and way a row or two: ``axis, way``; ``what``: whether another ``"method"`` becomes the
    first, or before that the same one with another ``"M"``; ``factor, value``: where, NaN where it does not in reach;
    ``label, other``: who is first before and after it; ``before, after``: seconds of the former on the two sides, at
    most 2 % apart, and ``other_before, other_after`` of the latter.
    Second frame: ``axis, factor, value, label, seconds``.
    """
    found, drawn = [], []
    for axis in axes:
        some = {k: each for k, each in candidates.items() if axis.keeps_batches or not each.of_all_workers}
        if best not in some:
            continue
        seconds = cache(partial(_at, axis, some, seed))
        tried: set[float] = set()

        def first(factor: float, seconds: Any = seconds, tried: set = tried) -> str:
            tried.add(factor)
            every = {label: each for label, each in seconds(factor).items() if not math.isnan(each)}
            return min(every, key=lambda label: (every[label], label != best))

        for way, every in axis.factors.items():
            factors = [*takewhile(partial(_is_known, seconds, best), every)]
            for what, where in _changes(factors, first, {label: each.kind for label, each in some.items()}, best):
                found.append({"axis": axis.name, "way": way, "what": what, **_row(axis, where, first, seconds, best)})
            tried |= {*every}  # for the figure
        drawn += [
            {"axis": axis.name, "factor": factor, "value": axis.value(factor), "label": label, "seconds": each}
            for factor in sorted(tried)
            for label, each in seconds(factor).items()
        ]
    return pd.DataFrame(found, columns=[*COLUMNS]), pd.DataFrame(drawn)


def _at(axis: Axis, candidates: Mapping[str, Candidate], seed: int, factor: float) -> dict[str, float]:
    return predicted(axis, candidates, factor, seed)


def _is_known(seconds: Callable[[float], Mapping[str, float]], label: str, factor: float) -> bool:
    return not math.isnan(seconds(factor)[label])


def _changes(
    factors: Sequence[float], first: Callable[[float], str], kinds: Mapping[str, str], best: str
) -> list[tuple[str, tuple[float, float] | None]]:
    """What changes, and the factors beside where it does; None: it does not."""
    of_any = _bracket(factors, lambda factor: first(factor) == best)
    if of_any is None or kinds[first(of_any[1])] != kinds[best]:
        return [("method", of_any)]
    return [("M", of_any), ("method", _bracket(factors, lambda factor: kinds[first(factor)] == kinds[best]))]


def _row(axis: Axis, where: tuple[float, float] | None, first: Any, seconds: Any, best: str) -> dict[str, Any]:
    if where is None:
        return dict.fromkeys(COLUMNS[3:], math.nan) | {"label": best, "other": ""}
    inside, outside = where
    label, other = first(inside), first(outside)
    return {
        "factor": outside,
        "value": axis.value(outside),
        "label": label,
        "other": other,
        "before": seconds(inside)[label],
        "after": seconds(outside)[label],
        "other_before": seconds(inside)[other],
        "other_after": seconds(outside)[other],
    }


def _bracket(factors: Sequence[float], holds: Callable[[float], bool]) -> tuple[float, float] | None:
    """Two factors close beside each other, of which the first holds and the second does not; None: all of them hold."""
    inside = next(iter(factors), 0.0)
    for outside in factors[1:]:
        if holds(outside):
            inside = outside
            continue
        while inside and max(inside, outside) / min(inside, outside) > PRECISION:
            middle = math.sqrt(inside * outside)
            inside, outside = (middle, outside) if holds(middle) else (inside, middle)
        return inside, outside
    return None
