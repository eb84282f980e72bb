"""How much to collect for an update: whom to wait for, and the batch with the least seconds to ε.

Arguments, shapes and units are those of the package, `asyncsim.theory`, and of `theorems`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import checks
from .arrivals import greedy_arrivals
from .bounds import fastest_and_rates
from .checks import Array
from .products import at_least_one, logarithm, product, quiet


@quiet
def fastest_workers(h: Array, M: Array) -> Array:
    """How many of the fastest workers matter: the m of min_m (Σ_{i<=m} 1/h_i)^-1 (M + m), the least if several.

    M: gradients per update (any number > 0): ε^-1.5 for `rennala_nigt`, ε^-2 for `rennala_pg`, and for Theorem 4.4
    σ² (ε^-2 + √L_h Δ ε^-3.5)/K. Worker m + 1 matters if and only if h_{m+1} is less than that bound with m workers.
    """
    h, M = checks.compute_times(h), checks.positive("M", M, "number of gradients")
    return 1 + ((np.arange(1, h.shape[-1] + 1) + M[..., None]) / fastest_and_rates(h)[1]).argmin(-1)


@quiet
def updates_with_batch(M: Array, epsilon: Array, sigma: Array, L_g: Array, L_h: Array, Delta: Array) -> Array:
    """T(M), the updates to E‖∇J‖ <= ε if M is given: T and α of `nigt_parameters` with the largest η that M allows.

    η = min{1, M ε²/(144 σ²)}. T falls as 1/M until α = ε/(3 L_g) or η = 1: from `largest_batch_size` on it is constant.
    """
    flat, curved, noisy = (product(*part) for part in _updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta))
    return at_least_one(np.maximum(flat, np.maximum(curved, noisy)))


def _updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta):
    """6Δ/(α ε) is the largest of these: 1/α is 3 L_g/ε, or √(24 L_h/ε)/η with η = 1 or with η = M ε²/(144 σ²)."""
    M = checks.count("M", M, "number of gradients")
    epsilon, sigma, L_g, L_h, Delta = checks.constants(epsilon, sigma, L_g, L_h, Delta)
    curved = [6, Delta, (24, 0.5), (L_h, 0.5), (epsilon, -1.5)]
    return [18, Delta, L_g, (epsilon, -2)], curved, [*curved, 144, (sigma, 2), (M, -1), (epsilon, -2)]


def largest_batch_size(epsilon: Array, sigma: Array, L_g: Array, L_h: Array) -> Array:
    """The M beyond which a larger batch saves no update: max{1, ⌈144 η σ²/ε²⌉} with η = min{1, √(8 L_h ε/3)/L_g}."""
    epsilon, sigma, L_g, L_h, _ = checks.constants(epsilon, sigma, L_g, L_h, 1.0)
    gradients = 144, (sigma, 2), (epsilon, -2)
    root = product(*gradients, (8 / 3, 0.5), (L_h, 0.5), (epsilon, 0.5), (L_g, -1))
    return at_least_one(np.minimum(product(*gradients), root))


@quiet
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
    checks.single(epsilon=epsilon, sigma=sigma, L_g=L_g, L_h=L_h, Delta=Delta)
    kappa, largest = checks.communication_time(kappa), float(largest_batch_size(epsilon, sigma, L_g, L_h))
    if largest > 10**7:
        raise ValueError(f"epsilon={epsilon} asks for batches of up to {largest:.1e} gradients: give a larger epsilon")
    M = np.arange(1, int(largest) + 1)
    times = greedy_arrivals(h, 0.0, int(largest)).time if round_time is None else round_time(h, M)
    updates = updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta)
    seconds = updates * (kappa[..., None] + times)
    if not np.isfinite(seconds).all():  # some are beyond floats: compare logarithms
        parts = _updates_with_batch(M, epsilon, sigma, L_g, L_h, Delta)
        updates = np.maximum.reduce([np.broadcast_to(logarithm(part), M.shape) for part in parts])
        seconds = updates + np.logaddexp2(np.log2(kappa)[..., None], np.log2(times))
    return M[seconds.argmin(-1)]
