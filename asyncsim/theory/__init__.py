"""What theory says: one function per formula of arXiv 2509.24305, in the order of notebooks/science.md, Theory.

h: seconds per gradient, h_i > 0, worker axis last, in any order (``inf`` never finishes). kappa: seconds per
communication, κ >= 0. M: gradients, an integer >= 1. epsilon: the accuracy ε > 0 in E‖∇J‖ <= ε. Arrays broadcast; the
axes of ``h`` before the last take part. Times are simulated seconds.

Round times are exact, to the last bit: the engine puts the end of worker i's k-th job at the float product k·h_i.
Complexities drop constants and logarithms and say only how a time grows; Theorems 4.4 and 5.1 keep L_g, L_h, σ, Δ.

Every finite number will do: nothing overflows or underflows on the way to a result, and a result that is beyond the
range of floats is 0 or ``inf``. (Times of rounds end where a product k·h_i does.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any, NamedTuple

import numpy as np

Array = Any  # a NumPy array, or a number

_quiet = np.errstate(divide="ignore", over="ignore", invalid="ignore")  # h_i = inf, and 1/M_i = 1/0 = ∞


@_quiet
def _product(*factors):
    """Π x^p of factors x >= 0, or (x, p), of which only the result has to be a float; 0 · ∞ is 0.

    Each x is mantissa · 2^exponent, with a mantissa near 1, and exponents are added.
    """
    mantissa, exponent, nothing = np.float64(1), np.float64(0), False
    for factor in factors:
        x, power = factor if isinstance(factor, tuple) else (factor, 1)
        x = np.asarray(x, float)
        part, shift = np.frexp(x)
        whole = np.floor(shift * power)
        mantissa = mantissa * part**power * 2.0 ** (shift * power - whole)
        exponent = exponent + whole
        nothing = nothing | (x == (0 if power > 0 else np.inf))
    return np.where(nothing, 0.0, np.ldexp(mantissa, exponent.astype(np.int64)))[()]


@_quiet
def _sum(terms, *factors):
    """A sum of products, each with these factors besides."""
    return sum(_product(*term, *factors) for term in terms)


# ---- One round, exactly, for fixed times. The unfinished jobs of a full round are cancelled; κ is not in it.


@_quiet
def synchronous_round(h: Array, jobs_each: Array = 1) -> Array:
    """Seconds until every worker has finished ``jobs_each`` jobs: max h_i."""
    h, jobs_each = _compute(h), _count("jobs_each", jobs_each, "number of gradients")
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
    h, M = _compute(h), _count("M", M, "number of gradients")
    return h, np.broadcast_shapes(M.shape, h.shape[:-1]), lambda counts: counts.sum(-1) >= M


def _malenia(h, M):
    h, M = _compute(h), _count("M", M, "number of gradients")
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


@_quiet
def _round(h, shape, full):
    """The least float t at which the round is full, by bisection: floats >= 0 are ordered like their bits."""
    low, high = np.zeros(shape), np.full(shape, np.inf)
    bits = _least(lambda bits: full(_finished(h, bits.view(float))), low.view(np.int64), high.view(np.int64))
    return bits.view(float)


@_quiet
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


# ---- Bounds on a round


def rennala_bound(h: Array, M: Array) -> Array:
    """Upper bound on `rennala_round`: 2 min_m (Σ_{i<=m} 1/h_i)^-1 (M + m), h ascending.

    The factor 2 pays for stale jobs that are finished first (``stale="finish"``). With cancelling a round takes between
    a quarter and a half of it: t is enough if t Σ_{i<=m} 1/h_i - m >= M; and with m the workers that finish a
    job, t Σ_{i<=m} 1/h_i is at least M and at least m, so at least (M + m)/2.
    """
    return _fastest(_compute(h), [[2.0]], [[2.0, _count("M", M, "number of gradients")]])


def malenia_bound(h: Array, M: Array) -> Array:
    """Upper bound on `malenia_round`: 2 (h_n + (1/n Σ h_i) M/n).

    The factor 2 pays for stale jobs that are finished first (``stale="finish"``). With cancelling a round takes between
    a quarter and a half of it: 1/⌊t/h_i⌋ <= h_i/(t - h_n); and t is at least h_n and at least (1/n Σ h_i) M/n.
    """
    h, M = _compute(h), _count("M", M, "number of gradients")
    return _slowest(h, [[2.0]], [[2.0, M]])


@_quiet
def _fastest(h, updates, gradients):
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (updates + gradients/m), h ascending: the form of every harmonic-mean bound.

    updates, gradients: as `_sum` takes them.
    """
    fastest, rates = _rates(h)
    workers = np.arange(1, h.shape[-1] + 1)

    def seconds(terms, *factors):
        along = [[_along_workers(*(f if isinstance(f, tuple) else (f, 1))) for f in term] for term in terms]
        return _sum(along, *factors, fastest, (rates, -1))

    return (seconds(updates, workers) + seconds(gradients)).min(-1)


def _along_workers(x, power):
    return np.asarray(x)[..., None], power


@_quiet
def _slowest(h, updates, gradients):
    """h_n updates + (1/n Σ h_i) gradients/n: the form of Malenia's bounds."""
    slowest = h.max(-1)
    share = np.where(slowest < np.inf, (h / slowest[..., None]).mean(-1), 1.0)
    return _sum(updates, slowest) + _sum(gradients, slowest, share, (h.shape[-1], -1))


@_quiet
def _rates(h):
    """h_1, and Σ_{i<=m} h_1/h_i for m = 1 .. n, h ascending: gradients of the m fastest workers in the time of one."""
    h = np.sort(h)
    fastest = h[..., :1]
    return fastest, np.where(fastest < np.inf, fastest / h, 0.0).cumsum(-1)


# ---- Greedy


class Arrivals(NamedTuple):
    """The first arrivals at a greedy server, in their order; both of shape (count,)."""

    time: np.ndarray  # seconds
    worker: np.ndarray


@_quiet
def greedy_arrivals(h: Array, kappa: Array, count: int) -> Arrivals:
    """The first arrivals: the order statistics of all multiples of h_i + κ_i, ties by worker, as the engine has them.

    h: of one cluster, shape (workers,). kappa: seconds per gradient, κ or κ_i. With κ = 0 the M-th is
    `rennala_round` (h, M), for every M at once.
    """
    _single(count=count)
    seconds = _per_gradient(h, kappa)
    jobs = rennala_jobs(seconds, _count("count", count, "number of gradients"))
    worker = np.repeat(np.arange(len(jobs)), jobs)
    multiple = np.arange(1, len(worker) + 1) - np.repeat(jobs.cumsum() - jobs, jobs)
    time = multiple * seconds[worker]
    order = np.argsort(time, kind="stable")
    return Arrivals(time[order], worker[order])


@_quiet
def greedy_time(h: Array, kappa: Array, count: Array) -> Array:
    """Seconds of ``count`` arrivals at their mean rate, count · (Σ 1/(h_i + κ_i))^-1.

    A lower bound on the last of `greedy_arrivals`, which exceeds it by less than n arrivals' worth.
    """
    fastest, rates = _rates(_per_gradient(h, kappa))
    return _product(_count("count", count, "number of gradients"), fastest[0], (rates[-1], -1))


def _per_gradient(h, kappa):
    h, kappa = _compute(h), _kappa(kappa)
    if h.ndim > 1:
        raise ValueError(f"h has shape {h.shape}: give one cluster, shape (workers,)")
    if kappa.shape not in ((), h.shape):
        raise ValueError(f"kappa has shape {kappa.shape} for {len(h)} workers: give one number, or {len(h)}")
    return h + kappa


# ---- Tables 1 and 2: how the time to E‖∇J‖ <= ε grows. Constants (L_g, L_h, σ, Δ) and logarithms are dropped.


class Complexity(NamedTuple):
    """Seconds, up to what was dropped."""

    computation: Array
    communication: Array

    @property
    @_quiet
    def total(self) -> Array:
        return self.computation + self.communication


def synchronous_pg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """h_n (ε^-2 + 1/(n ε^4)), and κ times the same. (Tables 1 and 2; constants and logs dropped)"""
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    updates = [(epsilon, -2)], [(epsilon, -4), (h.shape[-1], -1)]
    return Complexity(_sum(updates, h.max(-1)), _sum(updates, kappa))


def synchronous_nigt(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """At least h_n/(n ε^3.5), and κ ε^-3.5. (Tables 1 and 2; constants and logs dropped)"""
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    return Complexity(_product(h.max(-1), (epsilon, -3.5), (h.shape[-1], -1)), _product(kappa, (epsilon, -3.5)))


def rennala_pg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (ε^-2 + 1/(m ε^4)), and κ ε^-2. (Table 1; constants and logs dropped)"""
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    return Complexity(_fastest(h, [[(epsilon, -2)]], [[(epsilon, -4)]]), _product(kappa, (epsilon, -2)))


@_quiet
def afedpg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """(1/n Σ 1/h_i)^-1 (n^(4/3) ε^(-7/3) + 1/(n ε^3.5)), and at least κ ε^-3. (Table 1; constants and logs dropped)

    κ ε^-3 is a bound for all n: workers communicate side by side, so that with h_i = 0 the time would be
    κ (n^(4/3) ε^(-7/3) + 1/(n ε^3.5)), which is least at n = (3/4)^(3/7) ε^-0.5, where it is 1.98 κ ε^-3.
    """
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    n, (fastest, rates) = h.shape[-1], _rates(h)
    gradients = [(n, 7 / 3), (epsilon, -7 / 3)], [(epsilon, -3.5)]  # n times the sum: the harmonic mean has n, too
    seconds = _sum(gradients, fastest[..., 0], (rates[..., -1], -1))
    return Complexity(seconds, _product(kappa, (epsilon, -3)))


def rennala_nigt(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (ε^-2 + 1/(m ε^3.5)), and κ ε^-2. (Table 1; constants and logs dropped)"""
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    return Complexity(_fastest(h, [[(epsilon, -2)]], [[(epsilon, -3.5)]]), _product(kappa, (epsilon, -2)))


def malenia_pg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """h_n ε^-2 + (1/n Σ h_i)/(n ε^4), and κ ε^-2. (Table 2; constants and logs dropped)"""
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    return Complexity(_slowest(h, [[(epsilon, -2)]], [[(epsilon, -4)]]), _product(kappa, (epsilon, -2)))


def malenia_nigt(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """h_n ε^-2 + (1/n Σ h_i)/(n ε^3.5), and κ ε^-2. (Table 2; constants and logs dropped)"""
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    return Complexity(_slowest(h, [[(epsilon, -2)]], [[(epsilon, -3.5)]]), _product(kappa, (epsilon, -2)))


def gradients_per_update(epsilon: Array) -> Array:
    """ε^-1.5: in the row of `rennala_nigt`, the gradients that a worker's share of the noise takes, for each update."""
    return _product((_epsilon(epsilon), -1.5))


def lower_bound(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (ε^(-12/7) + 1/(m ε^3.5)), and κ ε^(-12/7). (Constants and logs dropped)

    No stochastic first-order method is faster on every twice smooth J. The noise term is that of `rennala_nigt`.
    Without noise a method needs ε^(-12/7) gradients (Carmon et al., arXiv 1711.00841), which is the noiseless term
    here, of computation and of communication.
    """
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    noiseless = epsilon, -12 / 7
    return Complexity(_fastest(h, [[noiseless]], [[(epsilon, -3.5)]]), _product(kappa, noiseless))


# The rows of the two tables, by the names of `asyncsim.methods`.
TABLE = {
    "synchronous_pg": synchronous_pg,
    "synchronous_nigt": synchronous_nigt,
    "rennala_pg": rennala_pg,
    "afedpg": afedpg,
    "rennala_nigt": rennala_nigt,
    "malenia_pg": malenia_pg,
    "malenia_nigt": malenia_nigt,
    "lower_bound": lower_bound,
}


# ---- Theorems 4.4 and 5.1. sigma: σ, with E‖g - ∇J‖² <= σ²; Delta: Δ = sup J - J(θ_0);
#      L_g, L_h: Lipschitz constants of ∇J and ∇²J.


def updates_needed(epsilon: Array, L_g: Array, L_h: Array, Delta: Array) -> Array:
    """K = L_g Δ/ε² + √L_h Δ/ε^1.5 updates. (Theorems 4.4 and 5.1; a universal constant and logs dropped)"""
    return _sum(_theorem(epsilon, 0.0, L_g, L_h, Delta)[0])


def theorem_4_4(
    h: Array, epsilon: Array, kappa: Array, sigma: Array, L_g: Array, L_h: Array, Delta: Array
) -> Complexity:
    """Rennala NIGT: κ K + min_m (1/m Σ_{i<=m} 1/h_i)^-1 (K + σ²/(m ε²) + σ² √L_h Δ/(m ε^3.5)), seconds.

    (Theorem 4.4; a universal constant and logs dropped. K: `updates_needed`)
    """
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    K, gradients = _theorem(epsilon, sigma, L_g, L_h, Delta)
    return Complexity(_fastest(h, K, gradients), _sum(K, kappa))


def theorem_5_1(
    h: Array, epsilon: Array, kappa: Array, sigma: Array, L_g: Array, L_h: Array, Delta: Array
) -> Complexity:
    """Malenia NIGT: κ K + h_n K + (1/n Σ h_i) (σ²/(n ε²) + σ² √L_h Δ/(n ε^3.5)), seconds.

    (Theorem 5.1; a universal constant and logs dropped. K: `updates_needed`)
    """
    h, epsilon, kappa = _arguments(h, epsilon, kappa)
    K, gradients = _theorem(epsilon, sigma, L_g, L_h, Delta)
    return Complexity(_slowest(h, K, gradients), _sum(K, kappa))


def _theorem(epsilon, sigma, L_g, L_h, Delta):
    """K, and the gradients that the noise asks for besides one an update, as `_sum` takes them."""
    epsilon, sigma, L_g, L_h, Delta = _constants(epsilon, sigma, L_g, L_h, Delta)
    K = [L_g, Delta, (epsilon, -2)], [(L_h, 0.5), Delta, (epsilon, -1.5)]
    return K, ([(sigma, 2), (epsilon, -2)], [(sigma, 2), (L_h, 0.5), Delta, (epsilon, -3.5)])


# ---- A choice of parameters that gives these times


@dataclass(frozen=True)
class Parameters:
    """What Rennala and Malenia need for E‖∇J‖ <= ε on average over their updates."""

    momentum: float  # η
    batch_size: int  # M
    initial_batch_size: int  # M_init
    step_size: float  # α
    updates: int  # T

    @property
    def gradients(self) -> int:
        """Used in all: M_init + (T - 1) M."""
        return self.initial_batch_size + (self.updates - 1) * self.batch_size


@_quiet
def nigt_parameters(epsilon: float, sigma: float, L_g: float, L_h: float, Delta: float) -> Parameters:
    """η = min{1, √(L_h ε)/L_g}, M = max{1, ⌈144 η σ²/ε²⌉}, M_init = max{1, ⌈144 σ²/ε²⌉},
    α = min{ε/(3 L_g), η √(ε/(24 L_h))}, T = ⌈6Δ/(α ε)⌉. (From Lemmas D.1 and D.2; the paper's own constants may differ)

    With L_h = 0 that η would be 0. Any η does then; taken is the largest for which M = 1, ε²/(144 σ²). Raises
    ValueError where one of these is beyond the range of floats.
    """
    _single(epsilon=epsilon, sigma=sigma, L_g=L_g, L_h=L_h, Delta=Delta)
    epsilon, sigma, L_g, L_h, Delta = _constants(epsilon, sigma, L_g, L_h, Delta)
    root = _product((L_h, 0.5), (epsilon, 0.5), (L_g, -1))
    eta = np.minimum(1.0, root if L_h else _product(1 / 144, (epsilon, 2), (sigma, -2)))
    alpha = np.minimum(_product(epsilon, (3, -1), (L_g, -1)), _product(eta, (epsilon, 0.5), (24, -0.5), (L_h, -0.5)))
    batches = [144, (sigma, 2), (epsilon, -2)]
    updates = _product(6, Delta, (alpha, -1), (epsilon, -1))
    return _parameters(epsilon, eta, _product(eta, *batches), _product(*batches), alpha, updates)


def _parameters(epsilon, eta, M, M_init, alpha, T):
    counts = {"batch_size": M, "initial_batch_size": M_init, "updates": T}
    counts = {key: float(_at_least_one(value)) for key, value in counts.items()}
    found = {"momentum": float(eta), "step_size": float(alpha)} | counts
    for key, value in found.items():
        if not np.finfo(float).tiny <= value < np.inf:  # smaller ones are rounded, by up to their whole size
            raise ValueError(
                f"epsilon={epsilon:g} asks for {key}={value:g} with these constants: give less extreme ones"
            )
    return Parameters(**found | {key: int(value) for key, value in counts.items()})


def nigt_guarantee(parameters: Parameters, sigma: float, L_g: float, L_h: float, Delta: float) -> float:
    """Upper bound on the average of E‖∇J(θ_t)‖ over t < T: at most ε for `nigt_parameters`.

    Δ/(α T) + L_g α/2 + 2 e, with e = σ/√M_init + √(η/(2 - η)) σ/√M + (1 - η) L_h α²/(2 η²) a bound on E‖d_t - ∇J(θ_t)‖.
    Derivation: J(θ_{t+1}) >= J(θ_t) + α (‖∇J‖ - 2 ‖d_t - ∇J‖) - L_g α²/2; and in d_t - ∇J(θ_t) the look-ahead cancels
    the first order, which leaves η times this update's noise and (1 - η) L_h α²/(2η) an update.
    """
    _single(sigma=sigma, L_g=L_g, L_h=L_h, Delta=Delta)
    _, sigma, L_g, L_h, Delta = _constants(1.0, sigma, L_g, L_h, Delta)
    eta, alpha = parameters.momentum, parameters.step_size
    M, M_init, T = parameters.batch_size, parameters.initial_batch_size, parameters.updates
    noise = [sigma, (M_init, -0.5)], [sigma, (eta, 0.5), (2 - eta, -0.5), (M, -0.5)]
    drift = [[1 - eta, 0.5, L_h, (alpha, 2), (eta, -2)]]
    return float(_sum([[Delta, (alpha, -1), (T, -1)], [L_g, alpha, 0.5]]) + _sum([*noise, *drift], 2.0))


def pg_parameters(epsilon: float, sigma: float, L_g: float, Delta: float) -> Parameters:
    """The same for vanilla policy gradient: α = 1/L_g, M = max{1, ⌈144 σ²/ε²⌉}, T = ⌈(288/143) L_g Δ/ε²⌉, no memory.

    J(θ_{t+1}) >= J(θ_t) + ‖∇J‖²/(2 L_g) - σ²/(2 L_g M) in the mean, so the average of E‖∇J‖² over t < T is at most
    2 L_g Δ/T + σ²/M <= ε². The noise has the share that `nigt_parameters` gives it at first, M = M_init.
    """
    _single(epsilon=epsilon, sigma=sigma, L_g=L_g, Delta=Delta)
    epsilon, sigma, L_g, _, Delta = _constants(epsilon, sigma, L_g, 0.0, Delta)
    M = _product(144, (sigma, 2), (epsilon, -2))
    return _parameters(epsilon, 1.0, M, M, _product((L_g, -1)), _product(288 / 143, L_g, Delta, (epsilon, -2)))


def _at_least_one(x):
    """max{1, ⌈x⌉}, where an x that is an integer but for rounding counts as that integer."""
    return np.maximum(1.0, np.ceil(x * (1 - 1e-13)))


# ---- Constants of a policy with bounded scores


class PolicyConstants(NamedTuple):
    """Of J and of its stochastic gradient."""

    L_g: Array
    sigma: Array  # σ


def policy_constants(r_max: Array, M_g: Array, M_h: Array, discount: Array) -> PolicyConstants:
    """L_g = r_max (M_g² + M_h)/(1-γ)² and σ² = r_max² M_g²/(1-γ)³. (Fatkhullin et al. 2023, arXiv 2302.01734)

    r_max: bound on the size of a reward. M_g, M_h: bounds on ‖∇ log π(a|s)‖ and ‖∇² log π(a|s)‖. Enough is that
    E‖∇ log π‖² <= M_g² and E‖∇² log π‖ <= M_h over a ~ π(·|s): with s_t the scores of a trajectory, uncorrelated,
    E‖g‖² <= r_max² Σ_h γ^h Σ_h γ^h E‖Σ_{t<=h} s_t‖² <= r_max² (1-γ)^-1 Σ_h γ^h (h+1) M_g², and for ‖u‖ = 1
    |uᵀ∇²J u| <= r_max Σ_h γ^h E[(Σ_{t<=h} uᵀs_t)² + Σ_{t<=h} ‖∇² log π‖] <= r_max Σ_h γ^h (h+1) (M_g² + M_h).
    """
    r_max = _positive("r_max", r_max, "bound on rewards")
    M_g, M_h = _nonnegative("M_g", M_g, "bound"), _nonnegative("M_h", M_h, "bound")
    discount = _numbers("discount", discount, "discount", lambda x: (x >= 0) & (x < 1), "a number in [0, 1)")
    return PolicyConstants(
        _sum([[(M_g, 2)], [M_h]], r_max, (1 - discount, -2)), _product(r_max, M_g, (1 - discount, -1.5))
    )


class ScoreBounds(NamedTuple):
    """M_g and M_h, as `policy_constants` takes them."""

    M_g: Array
    M_h: Array


def softmax_score(actions: Array) -> ScoreBounds:
    """M_g = √(1 - 1/A) in mean square and M_h = 1/2, for a softmax over an (S, A) table.

    The score is e_a - π (in row s): ‖e_a - π‖² = 1 - 2π_a + ‖π‖² < 2, so √2 bounds every single one, and its mean is
    1 - ‖π‖² <= 1 - 1/A. The Hessian is -(diag π - ππᵀ) whatever a: uᵀ(diag π - ππᵀ)u is the variance of u_a, which lies
    in a range of at most √2 ‖u‖, so it is at most ‖u‖²/2 (Popoviciu). Both are best possible; one action has no score.
    """
    actions = _count("actions", actions, "number of actions")
    return ScoreBounds(np.sqrt(1 - 1 / actions), np.where(actions > 1, 0.5, 0.0)[()])


def gaussian_score(jacobian: Array, deviation: Array, actions: Array = 1, curvature: Array = 0.0) -> ScoreBounds:
    """M_g = √A G/σ in mean square and M_h = G²/σ² + √A F/σ in mean, for u ~ N(μ_θ(s), σ² I) with a fixed σ.

    jacobian: G >= ‖∂μ/∂θ‖ (spectral) at every state; for a linear mean μ = θφ(s) it is max ‖φ(s)‖. deviation: σ.
    actions: A, the dimension of u. curvature: F >= ‖Σ_j v_j ∇²μ_j‖ for every unit v; 0 for a linear mean.

    The score is (∂μ/∂θ)ᵀ z/σ with z ~ N(0, I): a single one is unbounded, its mean square is ‖∂μ/∂θ‖_F²/σ² <= A G²/σ².
    The Hessian is -(∂μ/∂θ)ᵀ(∂μ/∂θ)/σ² + Σ_j z_j ∇²μ_j/σ, and E‖z‖ <= √A. Squashing, a = c·tanh(u), changes nothing.
    Not covered: a σ that is learned, whose Hessian grows with z²; and networks, where G and F have no bound for all θ.
    """
    jacobian, deviation = _nonnegative("jacobian", jacobian, "bound"), _positive("deviation", deviation, "deviation")
    actions, curvature = _count("actions", actions, "number of actions"), _nonnegative("curvature", curvature, "bound")
    root = actions, 0.5
    hessian = [(jacobian, 2), (deviation, -2)], [root, curvature, (deviation, -1)]
    return ScoreBounds(_product(root, jacobian, (deviation, -1)), _sum(hessian))


# ---- What follows from it: whom to wait for, how much to collect, when communication decides, what cancelling costs


@_quiet
def fastest_workers(h: Array, M: Array) -> Array:
    """How many of the fastest workers matter: the m of min_m (Σ_{i<=m} 1/h_i)^-1 (M + m), the least if several.

    M: gradients per update (any number > 0): ε^-1.5 for `rennala_nigt`, ε^-2 for `rennala_pg`, and for Theorem 4.4
    σ² (ε^-2 + √L_h Δ ε^-3.5)/K. Worker m + 1 matters if and only if h_{m+1} is less than that bound with m workers.
    """
    h, M = _compute(h), _positive("M", M, "number of gradients")
    return 1 + ((np.arange(1, h.shape[-1] + 1) + M[..., None]) / _rates(h)[1]).argmin(-1)


@_quiet
def updates_with_batch(M: Array, epsilon: Array, sigma: Array, L_g: Array, L_h: Array, Delta: Array) -> Array:
    """T(M), the updates to E‖∇J‖ <= ε if M is given: T and α of `nigt_parameters` with the largest η that M allows.

    η = min{1, M ε²/(144 σ²)}. T falls as 1/M until α = ε/(3 L_g) or η = 1: from `largest_batch_size` on it is constant.
    """
    flat, curved, noisy = (_product(*part) for part in _updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta))
    return _at_least_one(np.maximum(flat, np.maximum(curved, noisy)))


def _updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta):
    """6Δ/(α ε) is the largest of these: 1/α is 3 L_g/ε, or √(24 L_h/ε)/η with η = 1 or with η = M ε²/(144 σ²)."""
    M = _count("M", M, "number of gradients")
    epsilon, sigma, L_g, L_h, Delta = _constants(epsilon, sigma, L_g, L_h, Delta)
    curved = [6, Delta, (24, 0.5), (L_h, 0.5), (epsilon, -1.5)]
    return [18, Delta, L_g, (epsilon, -2)], curved, [*curved, 144, (sigma, 2), (M, -1), (epsilon, -2)]


def largest_batch_size(epsilon: Array, sigma: Array, L_g: Array, L_h: Array) -> Array:
    """The M beyond which a larger batch saves no update: max{1, ⌈144 η σ²/ε²⌉} with η = min{1, √(8 L_h ε/3)/L_g}."""
    epsilon, sigma, L_g, L_h, _ = _constants(epsilon, sigma, L_g, L_h, 1.0)
    gradients = 144, (sigma, 2), (epsilon, -2)
    root = _product(*gradients, (8 / 3, 0.5), (L_h, 0.5), (epsilon, 0.5), (L_g, -1))
    return _at_least_one(np.minimum(_product(*gradients), root))


@_quiet
def best_batch_size(
    h: Array,
    kappa: Array,
    epsilon: float,
    sigma: float,
    L_g: float,
    L_h: float,
    Delta: float,
    round_time: Callable[[Array, Array], Array] | None = None,
) -> Array:
    """The M that minimises the predicted seconds T(M) (κ + t(M)), the least if several; one for each κ.

    The model: T(M) is `updates_with_batch`, t(M) the exact time of a round; the first round's M_init is left out.
    h: of one cluster. round_time: t(M), for all M = 1, 2, ... at once; None is Rennala's. `malenia_round` takes memory
    for n · `largest_batch_size` numbers.
    """
    _single(epsilon=epsilon, sigma=sigma, L_g=L_g, L_h=L_h, Delta=Delta)
    kappa, largest = _kappa(kappa), float(largest_batch_size(epsilon, sigma, L_g, L_h))
    if largest > 10**7:
        raise ValueError(f"epsilon={epsilon} asks for batches of up to {largest:.1e} gradients: give a larger epsilon")
    M = np.arange(1, int(largest) + 1)
    times = greedy_arrivals(h, 0.0, largest).time if round_time is None else round_time(h, M)
    updates = updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta)
    seconds = updates * (kappa[..., None] + times)
    if not np.isfinite(seconds).all():  # some are beyond floats: compare logarithms
        parts = _updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta)
        updates = np.maximum.reduce([np.broadcast_to(_logarithm(part), M.shape) for part in parts])
        seconds = updates + np.logaddexp2(np.log2(kappa)[..., None], np.log2(times))
    return M[seconds.argmin(-1)]


def _logarithm(factors):
    """log2 of `_product`."""
    return sum(power * np.log2(x) for x, power in (f if isinstance(f, tuple) else (f, 1) for f in factors))


@_quiet
def crossover(one: Complexity, other: Complexity) -> Array:
    """Least κ from which ``one`` takes no longer than ``other``: 0 if so without communication, ``inf`` if never.

    Of two rows with kappa=1, so that their communication is a number of communications:
    ``crossover(rennala_nigt(h, epsilon, 1), afedpg(h, epsilon, 1))``.
    """
    behind = np.asarray(one.computation) - other.computation
    saved = np.asarray(other.communication) - one.communication
    crossed = np.where(saved > 0, behind / saved, np.inf)
    now = np.less_equal(one.computation, other.computation) | np.isinf(other.communication)
    return np.where(now, 0.0, crossed)[()]


@_quiet
def measured_crossover(h: Array, updates: float, round_time: float, greedy_updates: float) -> float:
    """Least κ (the same for all) from which a collecting method takes no longer than a greedy one; ``inf`` if none.

    updates, round_time: of the collecting method, which takes updates · (round_time + κ). greedy_updates: of the greedy
    method, which takes `greedy_time` (h, κ, greedy_updates), concave in κ. Its workers communicate side by side, so for
    large κ that is κ · greedy_updates/n: with less than n · updates, greedy is ahead again from some larger κ on.
    """
    _single(updates=updates, round_time=round_time, greedy_updates=greedy_updates)
    h, updates = _compute(h), _positive("updates", updates, "number of updates")
    round_time = _positive("round_time", round_time, "round time")
    greedy_updates = _positive("greedy_updates", greedy_updates, "number of updates")
    unit = np.maximum(round_time, h[np.isfinite(h)].max(initial=0.0))  # of time: all others are at most 1
    h, round_time, ratio = h / unit, round_time / unit, _product(greedy_updates, (updates, -1))
    kappa, limit = 0.0, 2e12
    while kappa < limit:  # Newton's method, from the left on a concave function: never beyond its first zero
        fastest, rates = _rates(h + kappa)
        ahead = _product(ratio, fastest[0], (rates[-1], -1)) - (round_time + kappa)
        shares = fastest / (h + kappa)
        slope = ratio * ((shares / rates[-1]) ** 2).sum() - 1
        step = -ahead / slope
        if ahead >= 0 or 0 < step <= 1e-14 * kappa:
            return float(_product(kappa, unit))
        if not slope > 0:
            break
        kappa += step
    return math.inf


def cancelled_jobs(workers: Array, used: Array) -> Array:
    """Share of jobs that a round of Rennala or Malenia cancels: (n - 1)/(n - 1 + used), exactly.

    When the last job arrives every worker is at another one, except who brought it. used: M for Rennala; for Malenia
    Σ M_i, which is at least M, so with M this is a bound. It holds for random times too.
    """
    others = _count("workers", workers, "number of workers") - 1
    return others / (others + _count("used", used, "number of gradients"))


@_quiet
def cancelled_seconds(h: Array, jobs: Array, round_time: Array) -> Array:
    """Share of computing seconds that a round cancels, exactly for fixed times: 1 - Σ_i jobs_i h_i/(n t).

    jobs: `rennala_jobs` or `malenia_jobs`, shape (..., workers). round_time: t, seconds, without communication.
    """
    h, jobs = _compute(h), _nonnegative("jobs", jobs, "number of gradients")
    share = _product(jobs, h, (_positive("round_time", round_time, "round time")[..., None], -1))
    return 1 - np.where(jobs > 0, share, 0.0).mean(-1)


@_quiet
def cancelled_seconds_bound(h: Array, round_time: Array) -> Array:
    """Upper bound on `cancelled_seconds`, 1/n Σ_i min{1, h_i/t}: a worker loses at most one job, or the round."""
    return np.minimum(1.0, _compute(h) / _positive("round_time", round_time, "round time")[..., None]).mean(-1)


# ---- Checks of arguments


def _numbers(key, value, what, valid, advice):
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


def _compute(h):
    times = _numbers("h", h, "compute time", lambda x: x > 0, "seconds > 0")
    if times.ndim == 0:
        raise ValueError(f"h={h} is not a list: give one number of seconds per worker")
    if not times.size:
        raise ValueError("h=[] has no worker: give at least one number of seconds")
    return times


def _kappa(kappa):
    return _numbers("kappa", kappa, "communication time", lambda x: (x >= 0) & (x < np.inf), "finite seconds >= 0")


def _epsilon(epsilon):
    return _numbers("epsilon", epsilon, "accuracy", lambda x: (x > 0) & (x < np.inf), "a number > 0")


def _positive(key, value, what):
    return _numbers(key, value, what, lambda x: (x > 0) & (x < np.inf), "a finite number > 0")


def _nonnegative(key, value, what):
    return _numbers(key, value, what, lambda x: (x >= 0) & (x < np.inf), "a finite number >= 0")


def _count(key, value, what):
    return _numbers(key, value, what, lambda x: (x >= 1) & (x <= 2**53) & (x == np.floor(x)), "an integer >= 1")


def _arguments(h, epsilon, kappa):
    return _compute(h), _epsilon(epsilon), _kappa(kappa)


def _constants(epsilon, sigma, L_g, L_h, Delta):
    return (
        _epsilon(epsilon),
        _nonnegative("sigma", sigma, "noise level"),
        _positive("L_g", L_g, "smoothness constant"),
        _nonnegative("L_h", L_h, "smoothness constant"),
        _positive("Delta", Delta, "gap"),
    )


def _single(**numbers):
    for key, value in numbers.items():
        if np.ndim(value):
            raise ValueError(f"{key} has shape {np.shape(value)}: give one number")
