"""What the formulas' arguments have to be. Each function returns float64, or raises ValueError with one line."""

from __future__ import annotations

from reprlib import repr as short
from typing import Any

import numpy as np

Array = Any  # a NumPy array, or a number


def numbers(key, value, what, valid, advice):
    """The argument as float64; one line for the first number that is not valid."""
    try:
        raw = np.asarray(value)
        array = raw.astype(float, casting="same_kind" if raw.dtype.kind in "iuf" else "no")
    except (TypeError, ValueError):
        raise ValueError(f"{key}={short(value)} is no {what}: give {advice}") from None
    wrong = np.argwhere(~valid(array))
    if len(wrong):
        at = tuple(map(int, wrong[0]))
        raise ValueError(f"{key}{list(at) or ''}={raw[at]} is no {what}: give {advice}")
    return array


def compute_times(h):
    """h_i in seconds, > 0 or infinite, shape (..., workers)."""
    times = numbers("h", h, "compute time", lambda x: x > 0, "seconds > 0")
    if times.ndim == 0:
        raise ValueError(f"h={h} is not a list: give one number of seconds per worker")
    if not times.size:
        raise ValueError("h=[] has no worker: give at least one number of seconds")
    return times


def communication_time(kappa):
    """κ in seconds, finite and >= 0."""
    return numbers("kappa", kappa, "communication time", lambda x: (x >= 0) & (x < np.inf), "finite seconds >= 0")


def accuracy(epsilon):
    """ε, finite and > 0."""
    return numbers("epsilon", epsilon, "accuracy", lambda x: (x > 0) & (x < np.inf), "a number > 0")


def positive(key, value, what):
    """Any constant that is finite and > 0. key, what: its name, and what it is, for a line about a wrong one."""
    return numbers(key, value, what, lambda x: (x > 0) & (x < np.inf), "a finite number > 0")


def nonnegative(key, value, what):
    """Any constant that is finite and >= 0."""
    return numbers(key, value, what, lambda x: (x >= 0) & (x < np.inf), "a finite number >= 0")


def count(key, value, what):
    """An integer from 1 to 2^53, as a float."""
    return numbers(key, value, what, lambda x: (x >= 1) & (x <= 2**53) & (x == np.floor(x)), "an integer >= 1")


def arguments(h, epsilon, kappa):
    """Those of most formulas: h, ε and κ."""
    return compute_times(h), accuracy(epsilon), communication_time(kappa)


def constants(epsilon, sigma, L_g, L_h, Delta):
    """Those of the theorems: ε, σ, L_g, L_h and Δ."""
    return (
        accuracy(epsilon),
        nonnegative("sigma", sigma, "noise level"),
        positive("L_g", L_g, "smoothness constant"),
        nonnegative("L_h", L_h, "smoothness constant"),
        positive("Delta", Delta, "gap"),
    )


def single(**numbers):
    """Raises ValueError for an argument that is not one number."""
    for key, value in numbers.items():
        if np.ndim(value):
            raise ValueError(f"{key} has shape {np.shape(value)}: give one number")
