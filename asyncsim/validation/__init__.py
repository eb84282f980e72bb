"""The paper's claims, one after another: what is predicted, what is measured, and whether it holds.

One function per claim of arXiv 2509.24305: it runs the engine, the replay or both, and returns its rows and what is
drawn of them. ``quick`` makes them small. They need 64-bit floats in JAX. The same call gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from .averages import aggregation
from .communications import communication
from .equal_workers import speedup
from .evidence import Claim, Drawing, Evidence, table
from .exponents import accuracy
from .times import discarding, greedy_order, means, round_bounds, round_times, stragglers

__all__ = ["CLAIMS", "Claim", "Drawing", "Evidence", "table"]

CLAIMS: dict[str, Callable[[bool], Evidence]] = {
    "a": round_times,
    "b": round_bounds,
    "c": greedy_order,
    "d": stragglers,
    "e": means,
    "f": communication,
    "g": accuracy,
    "h": aggregation,
    "i": speedup,
    "j": discarding,
}
