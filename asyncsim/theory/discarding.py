"""What cancelling costs: the share of jobs, and of computing seconds, that no update uses.

Arguments, shapes and units are those of the package, `asyncsim.theory`.
"""

from __future__ import annotations

import numpy as np

from . import checks
from .checks import Array
from .products import product, quiet


def cancelled_jobs(workers: Array, used: Array) -> Array:
    """Share of jobs that a round of Rennala or Malenia cancels: (n - 1)/(n - 1 + used).

    When the last job arrives every worker is at another one, except who brought it. Exactly so where no other job ends
    at that instant, for a job that has just begun is no job; else an upper bound. used: M for Rennala; for Malenia
    Σ M_i, which is at least M, so with M this is a bound. It holds for random times too.
    """
    others = checks.count("workers", workers, "number of workers") - 1
    return others / (others + checks.count("used", used, "number of gradients"))


@quiet
def cancelled_seconds(h: Array, jobs: Array, round_time: Array) -> Array:
    """Share of computing seconds that a round cancels, exactly for fixed times: 1 - Σ_i jobs_i h_i/(n t).

    jobs: `rennala_jobs` or `malenia_jobs`, shape (..., workers). round_time: t, seconds, without communication.
    """
    h, jobs = checks.compute_times(h), checks.nonnegative("jobs", jobs, "number of gradients")
    share = product(jobs, h, (checks.positive("round_time", round_time, "round time")[..., None], -1))
    return 1 - np.where(jobs > 0, share, 0.0).mean(-1)


@quiet
def cancelled_seconds_bound(h: Array, round_time: Array) -> Array:
    """Upper bound on `cancelled_seconds`, 1/n Σ_i min{1, h_i/t}: a worker loses at most one job, or the round."""
    h, round_time = checks.compute_times(h), checks.positive("round_time", round_time, "round time")
    return np.minimum(1.0, h / round_time[..., None]).mean(-1)
