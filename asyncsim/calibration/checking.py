"""How well fits tell what they were not fitted to: rounds and jobs of the log's last part, simulated and observed.

Both are simulated: once with the observed durations, each worker's one after another, and many times with fits, each
time with others of those that the log may as well have led to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..cluster import Cluster, ComputeTime, Recorded
from ..engine import simulate
from ..rules import Greedy, Synchronous

REPEATS = 40  # simulations of the fits, each with its own seed
JOBS, ROUNDS = 4000, 10  # simulated jobs are so many at most, unless these are fewer than so many rounds
COLUMNS = ("what", "count", "observed", "predicted", "low", "high", "error")


def checked(times: Sequence[Sequence[ComputeTime]], held_out: Sequence[np.ndarray], seed: int = 0) -> pd.DataFrame:
    """Predicted beside observed, a row each: ``what, count, observed, predicted, low, high, error``.

    "synchronous round": mean seconds of ``count`` rounds, in each of which everybody does one job. "jobs": seconds
    until all workers together have done ``count``, without waiting for each other. predicted: mean over simulations;
    low, high: the middle 95 % of them, in which one observation should be. error: predicted / observed - 1.

    times: of each worker, its fit, or several that show how unsure it is. held_out: of each worker, seconds of its
    jobs, in their order.
    """
    recorded = Cluster([Recorded(tuple(seconds.tolist())) for seconds in held_out])
    fitted = [Cluster([own[k % len(own)] for own in times]) for k in range(REPEATS)]
    rounds = min(max(JOBS // len(held_out), ROUNDS), *map(len, held_out))
    jobs = min(_jobs_until_one_is_done(held_out), JOBS)
    rows = []
    for what, rule, count, unit in (("synchronous round", Synchronous(), rounds, rounds), ("jobs", Greedy(), jobs, 1)):
        observed = simulate(rule, recorded, updates=count).end / unit
        simulated = [simulate(rule, each, updates=count, seed=seed + k).end / unit for k, each in enumerate(fitted)]
        predicted, (low, high) = float(np.mean(simulated)), np.quantile(simulated, (0.025, 0.975)).tolist()
        rows.append((what, count, observed, predicted, low, high, predicted / observed - 1))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _jobs_until_one_is_done(held_out: Sequence[np.ndarray]) -> int:
    """How many jobs have ended when the first worker has no other left, so that no duration is used twice."""
    ends = [np.cumsum(seconds) for seconds in held_out]
    last = min(each[-1] for each in ends)
    return sum(int(np.searchsorted(each, last, "right")) for each in ends)
