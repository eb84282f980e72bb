"""What is said of one worker: the distribution of its times, how well it fits, and whether it drifts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from ..cluster import ComputeTime, Fixed, stream
from ..logs import Jobs
from .families import FAMILIES, STRAGGLING, Family

LEVEL = 0.95  # of intervals
FEWEST = 5  # jobs of a worker that is fitted
HARDLY = 0.01  # where all times are as close as this to their median, relatively, they are fixed
LEAST_SLOWDOWN = 1.5  # of jobs that straggle
DECISIVE = 10.0  # a difference of BICs that is very strong evidence (Kass and Raftery 1995)
DIGITS = 6  # of parameters
RESAMPLES = 99  # of the bootstrap; fewer could give no p as small as 0.01
MOST = 5000  # jobs of a worker that p and refits are about, so that long logs do not take long
REFITS = 40  # that are kept of them
BOOTSTRAP = 3  # the purpose of its random numbers, beside `stream`'s
TREND, LEAST_DRIFT = 0.01, 0.05  # the level of the test for all workers together; a change that is worth a word
POINTS = 400  # of Theil's and Sen's line, whose slopes are of all pairs

Candidates = dict[Family, tuple[np.ndarray, float]]  # parameters and BIC


@dataclass(frozen=True, eq=False)
class Fit:
    """One worker's times.

    worker: its name. seconds: of the jobs that it was fitted to, shape (jobs,). time: what was fitted. intervals: of
    each parameter, at the level `LEVEL`. distance: Kolmogorov's and Smirnov's, the greatest difference between the
    distribution functions of the log and of the fit. p: the share of samples of this size, drawn from the fit and
    fitted again, that are as far from their own fits (a parametric bootstrap); of more than `MOST` jobs, so many are
    taken at random, fitted, and compared with samples of their number. Both are NaN where times are fixed. refits: to
    those samples, which are as far from the fit as it may be from the truth, or farther where not all jobs were taken.
    drift: how much longer jobs became over the whole log, relatively; 0 where there is no significant trend.
    """

    worker: str
    seconds: np.ndarray
    time: ComputeTime
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    distance: float = math.nan
    p: float = math.nan
    refits: tuple[ComputeTime, ...] = ()
    drift: float = 0.0

    @property
    def median(self) -> float:
        """Seconds, of the log."""
        return float(np.median(self.seconds))


def fit_all(workers: Sequence[tuple[str, np.ndarray]], seed: int = 0) -> list[Fit]:
    """Of each worker, given as its name and its seconds, the best of `FAMILIES`, or `Fixed` where they hardly vary.

    The best has the least BIC, k log(jobs) - 2 log(likelihood) with k = `Family.counted`, on these same jobs. A few
    jobs can hardly tell two families apart. So all workers have the family with the least sum of BICs, but those where
    another one's is less by more than `DECISIVE`. seed: of the bootstrap.
    """
    with np.errstate(all="ignore"):
        found = [{} if _hardly_varies(seconds) else _candidates(seconds) for _, seconds in workers]
        common = _common([each for each in found if each])
        return [
            _fit(name, seconds, each, common, stream(seed, index, BOOTSTRAP))
            for index, ((name, seconds), each) in enumerate(zip(workers, found))
        ]


def _hardly_varies(seconds: np.ndarray) -> bool:
    return bool(np.abs(seconds / np.median(seconds) - 1).max() <= HARDLY)


def _candidates(seconds: np.ndarray) -> Candidates:
    """Families with their parameters of greatest likelihood, where these make sense, and the BIC."""
    found = {}
    for family in FAMILIES:
        parameters = family.fit(seconds, None)
        if family is STRAGGLING:  # what is near the others is a tail; and most jobs do not straggle
            _, _, probability, slowdown = parameters
            if slowdown < LEAST_SLOWDOWN or not 0.5 <= probability * len(seconds) <= len(seconds) / 2:
                continue
        try:
            family.component(*map(_short, parameters))
        except ValueError:  # beyond what a component allows
            continue
        bic = family.counted * math.log(len(seconds)) - 2 * float(family.log_density(parameters, seconds).sum())
        if not math.isnan(bic):
            found[family] = parameters, bic
    return found


def _common(found: Sequence[Candidates]) -> Family | None:
    """The family with the least sum of BICs; where a worker has not got it, the worst of its others counts."""

    def total(family):
        return sum(each[family][1] if family in each else max(bic for _, bic in each.values()) for each in found)

    return min(FAMILIES, key=total) if found else None


def _fit(name: str, seconds: np.ndarray, found: Candidates, common: Family | None, rng: np.random.Generator) -> Fit:
    if not found:
        mean = float(seconds.mean())
        reach = float(stats.t.ppf((1 + LEVEL) / 2, len(seconds) - 1) * stats.sem(seconds))
        return Fit(name, seconds, Fixed(_short(mean)), {"seconds": (mean - reach, mean + reach)})
    family = min(found, key=lambda each: found[each][1])
    if common in found and found[common][1] <= found[family][1] + DECISIVE:
        family = common
    parameters, _ = found[family]
    time = family.component(*map(_short, parameters))
    ends = family.interval(parameters, seconds, LEVEL)
    distance = distance_of(family, parameters, seconds)
    p, refits = _bootstrap(family, parameters, time, seconds, rng)
    intervals = {name: (float(low), float(high)) for name, (low, high) in zip(family.names, ends)}
    return Fit(name, seconds, time, intervals, float(distance), p, refits)


def distance_of(family: Family, parameters: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Kolmogorov's and Smirnov's, shape (...,), of parameters (..., k) and seconds (..., jobs)."""
    below = family.below(parameters, np.sort(seconds, -1))
    jobs = seconds.shape[-1]
    steps = np.arange(jobs + 1) / jobs
    return np.maximum((steps[1:] - below).max(-1), (below - steps[:-1]).max(-1))


def _bootstrap(family: Family, parameters, time: ComputeTime, seconds: np.ndarray, rng: np.random.Generator):
    """p and refits, as `Fit` has them."""
    own = parameters
    if len(seconds) > MOST:
        seconds = rng.choice(seconds, MOST, replace=False)
        own = family.fit(seconds, parameters)
    distance = distance_of(family, own, seconds)
    samples = time.draw(rng, RESAMPLES * len(seconds)).reshape(RESAMPLES, -1)
    again = family.fit(samples, np.broadcast_to(parameters, (RESAMPLES, len(parameters))))
    p = (1 + int((distance_of(family, again, samples) >= distance).sum())) / (1 + RESAMPLES)
    refits = []
    for each in again[:REFITS]:
        with suppress(ValueError):  # beyond what a component allows
            refits.append(family.component(*map(_short, each)))
    return p, tuple(refits)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def drift(jobs: Jobs, tests: int = 1) -> float:
    """By how much jobs became longer from the first to the last, relatively to their median; 0 without a trend.

    A trend is a rank correlation (Spearman's) of starts and seconds that is significant at `TREND` / tests, with a line
    (Theil's and Sen's) that changes by `LEAST_DRIFT` at least. Jobs that depend on each other show trends too often.
    """
    seconds = jobs.seconds
    starts = np.arange(len(seconds), dtype=float) if jobs.starts is None else jobs.starts
    if len(seconds) < 2 * FEWEST or np.ptp(seconds) == 0 or np.ptp(starts) == 0:
        return 0.0
    if not stats.spearmanr(starts, seconds).pvalue < TREND / tests:
        return 0.0
    some = np.unique(np.linspace(0, len(seconds) - 1, POINTS).round().astype(int))
    slope = stats.theilslopes(seconds[some], starts[some]).slope
    change = float(slope * np.ptp(starts) / np.median(seconds))
    return change if abs(change) >= LEAST_DRIFT else 0.0
