"""What communication may cost: readings of what arXiv 2509.24305 leaves open, each as what it changes of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .cluster import Cluster
from .networks import BYTES, Constant, ParameterServer, PerWorker


def one_way(cluster: Cluster) -> dict[str, Any]:
    """A gradient costs κ_i, and a round max κ_i."""
    return {"collective": "max", "transfer": "round_trip"}


def both_ways(cluster: Cluster) -> dict[str, Any]:
    """The point is sent at the same price: two κ_i a gradient, and two max κ_i a round."""
    return {"collective": "broadcast+reduce", "transfer": "both_ways"}


def contributors(cluster: Cluster) -> dict[str, Any]:
    """As one way, but a round costs only those who hold a used gradient."""
    return {"collective": "contributors", "transfer": "round_trip"}


def when_ready(cluster: Cluster) -> dict[str, Any]:
    """As contributors, but each sends as soon as it knows that it has done its part."""
    return {"collective": "when_ready", "transfer": "round_trip"}


def one_at_a_time(cluster: Cluster) -> dict[str, Any]:
    """As one way, but the server takes one message after another, each in the mean of all κ_i.

    A `ParameterServer`'s messages are equal, so slow workers send as fast as others. Raises ValueError where no κ_i say
    how long a message takes, or where it takes no time.
    """
    mean = sum(cluster.kappas) / cluster.workers
    if cluster.jitter or not isinstance(cluster.network, Constant | PerWorker) or not mean:
        raise ValueError("messages do not take fixed seconds > 0 of each worker, so a server's link has no speed")
    return one_way(cluster) | {"communication": ParameterServer(0.0, BYTES / mean, 1)}


PRICES: dict[str, Callable[[Cluster], dict[str, Any]]] = {
    price.__name__: price for price in (one_way, both_ways, contributors, when_ready, one_at_a_time)
}


def at_every_price(cluster: Cluster) -> dict[str, Cluster]:
    """The cluster at each of `PRICES` that it can have."""
    found = {}
    for name, price in PRICES.items():
        with suppress(ValueError):
            found[name] = replace(cluster, **price(cluster))
    return found
