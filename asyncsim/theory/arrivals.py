"""When gradients arrive at a greedy server, which makes an update of each.

Arguments, shapes and units are those of the package, `asyncsim.theory`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import checks
from .bounds import fastest_and_rates
from .checks import Array
from .products import product, quiet
from .rounds import rennala_jobs


class Arrivals(NamedTuple):
    """The first arrivals at a greedy server, in their order; both of shape (count,)."""

    time: np.ndarray  # seconds
    worker: np.ndarray


@quiet
def greedy_arrivals(h: Array, kappa: Array, count: int) -> Arrivals:
    """The first arrivals: the order statistics of all multiples of h_i + κ_i, ties by worker, as the engine has them.

    h: of one cluster, shape (workers,). kappa: seconds per gradient, κ or κ_i. With κ = 0 the M-th is
    `rennala_round` (h, M), for every M at once.
    """
    checks.single(count=count)
    seconds = per_gradient(h, kappa)
    jobs = rennala_jobs(seconds, checks.count("count", count, "number of gradients"))
    worker = np.repeat(np.arange(len(jobs)), jobs)
    multiple = np.arange(1, len(worker) + 1) - np.repeat(jobs.cumsum() - jobs, jobs)
    time = multiple * seconds[worker]
    order = np.argsort(time, kind="stable")
    return Arrivals(time[order], worker[order])


@quiet
def greedy_time(h: Array, kappa: Array, count: Array) -> Array:
    """Seconds of ``count`` arrivals at their mean rate, count · (Σ 1/(h_i + κ_i))^-1.

    A lower bound on the last of `greedy_arrivals`, which exceeds it by less than n arrivals' worth.
    """
    fastest, rates = fastest_and_rates(per_gradient(h, kappa))
    return product(checks.count("count", count, "number of gradients"), fastest[0], (rates[-1], -1))


def per_gradient(h, kappa):
    """h_i + κ_i of one cluster, seconds from one arrival of a worker to its next, shape (workers,)."""
    h, kappa = checks.compute_times(h), checks.communication_time(kappa)
    if h.ndim > 1:
        raise ValueError(f"h has shape {h.shape}: give one cluster, shape (workers,)")
    if kappa.shape not in ((), h.shape):
        raise ValueError(f"kappa has shape {kappa.shape} for {len(h)} workers: give one number, or {len(h)}")
    return h + kappa
