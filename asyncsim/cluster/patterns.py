"""The patterns of compute times h_i used in arXiv 2509.24305, section 6. Workers are counted from i = 1."""

from __future__ import annotations

import math


def equal(workers: int) -> tuple[float, ...]:
    """h_i = 1."""
    return (1.0,) * workers


def sqrt(workers: int) -> tuple[float, ...]:
    """h_i = √i."""
    return tuple(math.sqrt(i) for i in range(1, workers + 1))


def linear(workers: int) -> tuple[float, ...]:
    """h_i = i."""
    return tuple(float(i) for i in range(1, workers + 1))


def decreasing(workers: int) -> tuple[float, ...]:
    """h_i = √(n + 1 - i), the mirror of `sqrt`. (Left open in the paper.)"""
    return sqrt(workers)[::-1]


def inverse_sqrt(workers: int) -> tuple[float, ...]:
    """h_i = 1/√i: what "decreasing" may mean as well. (Left open in the paper.)"""
    return tuple(1 / math.sqrt(i) for i in range(1, workers + 1))


def one_straggler(workers: int) -> tuple[float, ...]:
    """h = (1, ..., 1, 100)."""
    return (1.0,) * (workers - 1) + (100.0,)


# The words that a scenario file may use instead of a list.
PATTERNS = {
    "equal": equal,
    "sqrt": sqrt,
    "linear": linear,
    "decreasing": decreasing,
    "inverse-sqrt": inverse_sqrt,
    "one-straggler": one_straggler,
}
