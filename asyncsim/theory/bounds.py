"""Bounds on a round, and the two forms that all bounds have: a harmonic mean of the fastest, and an arithmetic mean.

Arguments, shapes and units are those of the package, `asyncsim.theory`.
"""

from __future__ import annotations

import numpy as np

from . import checks
from .checks import Array
from .products import quiet, sum_of_products


def rennala_bound(h: Array, M: Array) -> Array:
    """Upper bound on `rennala_round`: 2 min_m (Σ_{i<=m} 1/h_i)^-1 (M + m), h ascending.

    The factor 2 pays for stale jobs that are finished first (``stale="finish"``). With cancelling a round takes between
    a quarter and a half of it: t is enough if t Σ_{i<=m} 1/h_i - m >= M; and with m the workers that finish a
    job, t Σ_{i<=m} 1/h_i is at least M and at least m, so at least (M + m)/2.
    """
    return harmonic_mean_form(checks.compute_times(h), [[2.0]], [[2.0, checks.count("M", M, "number of gradients")]])


def malenia_bound(h: Array, M: Array) -> Array:
    """Upper bound on `malenia_round`: 2 (h_n + (1/n Σ h_i) M/n).

    The factor 2 pays for stale jobs that are finished first (``stale="finish"``). With cancelling a round takes between
    a quarter and a half of it: 1/⌊t/h_i⌋ <= h_i/(t - h_n); and t is at least h_n and at least (1/n Σ h_i) M/n.
    """
    h, M = checks.compute_times(h), checks.count("M", M, "number of gradients")
    return arithmetic_mean_form(h, [[2.0]], [[2.0, M]])


@quiet
def harmonic_mean_form(h, updates, gradients):
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (updates + gradients/m), h ascending: the form of every harmonic-mean bound.

    updates, gradients: as `sum_of_products` takes them.
    """
    fastest, rates = fastest_and_rates(h)
    workers = np.arange(1, h.shape[-1] + 1)

    def seconds(terms, *factors):
        along = [[_along_workers(*(f if isinstance(f, tuple) else (f, 1))) for f in term] for term in terms]
        return sum_of_products(along, *factors, fastest, (rates, -1))

    return (seconds(updates, workers) + seconds(gradients)).min(-1)


def _along_workers(x, power):
    return np.asarray(x)[..., None], power


@quiet
def arithmetic_mean_form(h, updates, gradients):
    """h_n updates + (1/n Σ h_i) gradients/n: the form of Malenia's bounds."""
    slowest = h.max(-1)
    share = np.where(slowest < np.inf, (h / slowest[..., None]).mean(-1), 1.0)
    return sum_of_products(updates, slowest) + sum_of_products(gradients, slowest, share, (h.shape[-1], -1))


@quiet
def fastest_and_rates(h):
    """h_1, and Σ_{i<=m} h_1/h_i for m = 1 .. n, h ascending: gradients of the m fastest workers in the time of one."""
    h = np.sort(h)
    fastest = h[..., :1]
    return fastest, np.where(fastest < np.inf, fastest / h, 0.0).cumsum(-1)
