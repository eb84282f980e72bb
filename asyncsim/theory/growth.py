"""How fast gradients come as a cluster grows: closed forms to stand beside simulations of many workers."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

from ..base import Method
from ..cluster import Cluster, ComputeTime
from ..rules import MSynchronous, Rennala, Synchronous
from .prospects import Bare, bare, pace
from .rules import ARRIVALS, ROUNDS

NODES = 300  # of the quadrature


class Rate(NamedTuple):
    """Gradients used per second; NaN where there is no formula.

    relation: of what is simulated to it.
    """

    gradients: float
    relation: Literal["exact", "on average", "at most", "at least"] = "on average"


def order_statistic(time: ComputeTime, workers: int, k: int) -> float:
    """Mean seconds until k of ``workers`` independent jobs of one distribution are done: ∫ Q(B⁻¹(u; k, n-k+1)) du.

    Q is the distribution's quantile function and B the beta distribution's function, which the k-th smallest of n
    uniform numbers has. (David and Nagaraja 2003, section 3.1)

    Raises ValueError unless 1 <= k <= workers.

    >>> from asyncsim.cluster import Exponential
    >>> round(order_statistic(Exponential(1.0), 4, 4), 6)  # 1/4 + 1/3 + 1/2 + 1
    2.083333
    """
    if not 1 <= k <= workers:
        raise ValueError(f"k={k} is no number of jobs of {workers} workers: give 1 to {workers}")
    from scipy.special import betaincinv

    # u = x²(3 - 2x) has no slope at both ends, where the quantiles of heavy tails have too much of it.
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = (nodes + 1) / 2
    q = betaincinv(k, workers - k + 1, x**2 * (3 - 2 * x))
    seconds = np.array([time.quantile(min(each, 1 - 2**-53)) for each in q.tolist()])  # 1 only by rounding
    return float(np.sum(weights / 2 * 6 * x * (1 - x) * seconds))


def gradient_rate(method: Method, cluster: Cluster) -> Rate:
    """What theory says of a method on a cluster.

    Fixed times: `prospects.pace`. Workers with one distribution of times: of rounds of one job each, the order
    statistic; of Rennala with M <= n, whose round ends at the latest when M workers have finished one, at least that.
    Greedy methods: Σ 1/(E h_i + κ_i); where gradients queue at the server, that or what its port lets through, 1 in
    4d/B seconds, whichever is less, is the most there can be. (Denning and Buzen 1978, asymptotic bounds)
    """
    try:
        known = bare(cluster)
    except ValueError:
        return Rate(math.nan)
    if type(method.rule) in ARRIVALS:
        found = pace(method, known)
        if not cluster.queues:
            return Rate(found.rates[1])
        port = cluster.communications_per_gradient * _service(cluster)
        return Rate(min(found.rates[1], 1 / port), "at most")
    first, *others = cluster.compute
    if isinstance(first, float) and all(isinstance(each, float) for each in others):
        return Rate(pace(method, known).rates[1], "on average" if cluster.jitter else "exact")
    if isinstance(first, float) or any(each != first for each in others):
        return Rate(math.nan)
    return _of_equals(method, first, cluster.workers, known)


def _of_equals(method: Method, time: ComputeTime, workers: int, cluster: Bare) -> Rate:
    """Of a collecting method on workers whose times have one distribution."""
    rule = method.rule
    if cluster.senders_alone or type(rule) not in ROUNDS:
        return Rate(math.nan)
    size = ROUNDS[type(rule)].size(rule, workers, False)
    own = isinstance(rule, MSynchronous) or isinstance(rule, Synchronous) and rule.jobs_each == 1
    if not own and not (isinstance(rule, Rennala) and size <= workers):
        return Rate(math.nan)
    seconds = method.work * order_statistic(time, workers, size) + cluster.round_kappa
    return Rate(size / seconds, "on average" if own else "at least")


def _service(cluster: Cluster) -> float:
    network: Any = cluster.network  # one that queues
    return network.service_seconds
