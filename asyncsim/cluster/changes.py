"""Clusters that differ from a given one in one thing: its network, its slowest worker, or how many workers it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .cluster import Cluster
from .times import Scaled


def mean_times(cluster: Cluster) -> list[float]:
    """Mean seconds per gradient of each worker at full speed, shape (workers,)."""
    return [time if isinstance(time, float) else time.mean for time in cluster.compute]


def median_times(cluster: Cluster) -> list[float]:
    """Median seconds per gradient of each worker at full speed, shape (workers,)."""
    return [time if isinstance(time, float) else time.quantile(0.5) for time in cluster.compute]


def copied(medians: Sequence[float], workers: int) -> tuple[int, ...]:
    """Of each of so many workers, which of the given ones it is a copy of.

    All given workers come as often as they fit in; the rest are evenly spaced in the order of their medians, so that
    fast and slow ones keep their proportions. Nothing is drawn by chance.

    >>> copied([1.0, 2.0, 3.0], 4)
    (0, 1, 2, 1)
    """
    n = len(medians)
    whole, rest = divmod(workers, n)
    order = sorted(range(n), key=lambda k: (medians[k], k))
    more = sorted(order[(2 * k + 1) * n // (2 * rest)] for k in range(rest))
    return (*range(n),) * whole + (*more,)


def slower_network(cluster: Cluster, factor: float) -> Cluster:
    """All communication takes ``factor`` times as long. Raises ValueError where it takes no time, or cannot be scaled.

    >>> slower_network(Cluster([1.0, 2.0], communication=0.5), 4).communication
    2.0
    """
    if not any(cluster.kappas) and not cluster.jitter:
        raise ValueError("communication takes no time: give seconds, with replace(cluster, communication=...)")
    return replace(cluster, communication=_scaled(cluster.communication, factor))


def _scaled(network: Any, factor: float) -> Any:
    if isinstance(network, float | tuple):
        return factor * network if isinstance(network, float) else tuple(factor * seconds for seconds in network)
    if getattr(network, "random", False):
        return replace(network, network=_scaled(network.network, factor), time=Scaled(network.time, factor))
    if hasattr(network, "bandwidth"):
        return replace(network, latency=factor * network.latency, bandwidth=network.bandwidth / factor)
    if hasattr(network, "seconds"):
        return replace(network, seconds=_scaled(network.seconds, factor))
    raise ValueError(f"communication={network!r} has no seconds and no bandwidth: give a network of asyncsim.cluster")


def slowest(cluster: Cluster) -> int:
    """The worker with the largest finite mean time; of equals the last. Raises ValueError where no mean is finite."""
    finite = [(mean, worker) for worker, mean in enumerate(mean_times(cluster)) if mean < math.inf]
    if not finite:
        raise ValueError("compute has no worker with a finite mean time: give at least one")
    return max(finite)[1]


def slower_worker(cluster: Cluster, worker: int, factor: float) -> Cluster:
    """One worker takes ``factor`` times as long for every gradient.

    >>> slower_worker(Cluster([1.0, 2.0]), 1, 10).compute
    (1.0, 20.0)
    """
    compute = list(cluster.compute)
    time = compute[worker]
    compute[worker] = factor * time if isinstance(time, float) else Scaled(time, factor)
    return replace(cluster, compute=compute)


def with_workers(cluster: Cluster, workers: int) -> Cluster:
    """As many workers of the same kinds, fast and slow ones in their proportions (see `copied`).

    Speeds and outages are repeated, too. Random times of a repeated worker are drawn anew, recorded ones are the same.

    >>> with_workers(Cluster([1.0, 2.0]), 5).compute
    (1.0, 2.0, 1.0, 2.0, 2.0)
    """
    kinds = copied(median_times(cluster), workers)
    speeds, outages = dict(cluster.speeds), dict(cluster.outages)
    return replace(
        cluster,
        compute=[cluster.compute[kind] for kind in kinds],
        communication=_repeated(cluster.communication, kinds),
        speeds={worker: speeds[kind] for worker, kind in enumerate(kinds) if kind in speeds},
        outages={worker: outages[kind] for worker, kind in enumerate(kinds) if kind in outages},
    )


def _repeated(network: Any, kinds: Sequence[int]) -> Any:
    if isinstance(network, tuple):
        return tuple(network[kind] for kind in kinds)
    if getattr(network, "random", False):
        return replace(network, network=_repeated(network.network, kinds))
    if isinstance(getattr(network, "seconds", None), tuple):
        return replace(network, seconds=_repeated(network.seconds, kinds))
    return network
