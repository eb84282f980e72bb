"""One round, exactly, for fixed times. The unfinished jobs of a full round are cancelled; κ is not in it.

Arguments, shapes and units are those of the package, `asyncsim.theory`.
"""

from __future__ import annotations

import math

import numpy as np

from . import checks
from .checks import Array
from .products import quiet


@quiet
def synchronous_round(h: Array, jobs_each: Array = 1) -> Array:
    """Seconds until every worker has finished ``jobs_each`` jobs: max h_i."""
    h, jobs_each = checks.compute_times(h), checks.count("jobs_each", jobs_each, "number of gradients")
    return jobs_each * h.max(-1)


def rennala_round(h: Array, M: Array) -> Array:
    """Seconds of a round of Rennala: least t with Σ_i ⌊t/h_i⌋ >= M. (Algorithm 2; ``inf`` if nobody ever finishes)"""
    return _round(*_rennala(h, M))[()]


def malenia_round(h: Array, M: Array) -> Array:
    """Seconds of a round of Malenia: least t with n² >= M Σ_i 1/⌊t/h_i⌋. (Algorithm 4)

    ``inf`` if someone never finishes. The test has the rule's relative tolerance of 1e-12, because 1/30 + 1/6 = 0.2.
    """
    return _round(*_malenia(h, M))[()]


def rennala_jobs(h: Array, M: Array) -> Array:
    """Used jobs per worker in a round of Rennala, shape (..., workers): M in all; ties go to the lower index."""
    return _jobs(*_rennala(h, M))


def malenia_jobs(h: Array, M: Array) -> Array:
    """Used jobs per worker in a round of Malenia, M_i, shape (..., workers); ties go to the lower index."""
    return _jobs(*_malenia(h, M))


def _rennala(h, M):
    h, M = checks.compute_times(h), checks.count("M", M, "number of gradients")
    return h, np.broadcast_shapes(M.shape, h.shape[:-1]), lambda counts: counts.sum(-1) >= M


def _malenia(h, M):
    h, M = checks.compute_times(h), checks.count("M", M, "number of gradients")
    shape, squared = np.broadcast_shapes(M.shape, h.shape[:-1]), h.shape[-1] ** 2
    M = np.broadcast_to(M, shape)

    def full(counts):  # as rules/malenia.py decides it
        needed = np.asarray(M * (1 / counts).sum(-1))
        answer = np.asarray(squared >= needed * (1 - 1e-12))
        for row in map(tuple, np.argwhere(np.abs(needed - squared) < 1e-11 * squared)):  # too close for a NumPy sum
            answer[row] = squared >= M[row] * math.fsum(1 / counts[row]) * (1 - 1e-12)
        return answer

    return h, shape, full


def _finished(h, t):
    """Jobs finished by t: the largest k with k·h_i <= t in floats, at most 2^53, shape (..., workers)."""
    t = t[..., None]
    k = np.floor(np.minimum(t / h, 2.0**53))
    k += (k + 1) * h <= t  # the quotient and the product round: k may be one too small,
    k -= k * h > t  # or one too large
    return k


def _least(enough, low, high):
    """The least integer in [low, high] that is enough, elementwise; ``high`` is taken to be."""
    while (low < high).any():
        middle = low + (high - low) // 2
        yes = enough(middle)
        low, high = np.where(yes, low, middle + 1), np.where(yes, middle, high)
    return high


@quiet
def _round(h, shape, full):
    """The least float t at which the round is full, by bisection: floats >= 0 are ordered like their bits."""
    low, high = np.zeros(shape), np.full(shape, np.inf)
    bits = _least(lambda bits: full(_finished(h, bits.view(float))), low.view(np.int64), high.view(np.int64))
    return bits.view(float)


@quiet
def _jobs(h, shape, full):
    """What was finished before the last moment of the round, and as many of that moment's jobs as it takes."""
    t = _round(h, shape, full)
    if not np.isfinite(t).all():
        raise ValueError("h has a worker with inf seconds and the round never ends: give finite seconds")
    before = _finished(h, np.nextafter(t, 0))
    tied = _finished(h, t) > before
    rank = tied.cumsum(-1)

    def first(count):
        return before + (tied & (rank <= count[..., None]))

    last = _least(lambda count: full(first(count)), np.zeros(shape, np.int64), rank[..., -1])
    return first(np.asarray(last)).astype(np.int64)
