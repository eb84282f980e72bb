"""Theorems 4.4 and 5.1, and a choice of parameters that gives their times.

sigma: σ, with E‖g - ∇J‖² <= σ². Delta: Δ = sup J - J(θ_0). L_g, L_h: Lipschitz constants of ∇J and ∇²J. Other
arguments, shapes and units are those of the package, `asyncsim.theory`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import checks
from .bounds import arithmetic_mean_form, harmonic_mean_form
from .checks import Array
from .complexities import Complexity
from .products import at_least_one, product, quiet, sum_of_products


def updates_needed(epsilon: Array, L_g: Array, L_h: Array, Delta: Array) -> Array:
    """K = L_g Δ/ε² + √L_h Δ/ε^1.5 updates. (Theorems 4.4 and 5.1; a universal constant and logs dropped)"""
    return sum_of_products(_theorem(epsilon, 0.0, L_g, L_h, Delta)[0])


def theorem_4_4(
    h: Array, epsilon: Array, kappa: Array, sigma: Array, L_g: Array, L_h: Array, Delta: Array
) -> Complexity:
    """Rennala NIGT: κ K + min_m (1/m Σ_{i<=m} 1/h_i)^-1 (K + σ²/(m ε²) + σ² √L_h Δ/(m ε^3.5)), seconds.

    (Theorem 4.4; a universal constant and logs dropped. K: `updates_needed`)
    """
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    K, gradients = _theorem(epsilon, sigma, L_g, L_h, Delta)
    return Complexity(harmonic_mean_form(h, K, gradients), sum_of_products(K, kappa))


def theorem_5_1(
    h: Array, epsilon: Array, kappa: Array, sigma: Array, L_g: Array, L_h: Array, Delta: Array
) -> Complexity:
    """Malenia NIGT: κ K + h_n K + (1/n Σ h_i) (σ²/(n ε²) + σ² √L_h Δ/(n ε^3.5)), seconds.

    (Theorem 5.1; a universal constant and logs dropped. K: `updates_needed`)
    """
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    K, gradients = _theorem(epsilon, sigma, L_g, L_h, Delta)
    return Complexity(arithmetic_mean_form(h, K, gradients), sum_of_products(K, kappa))


def _theorem(epsilon, sigma, L_g, L_h, Delta):
    """K, and the gradients that the noise asks for besides one an update, as `sum_of_products` takes them."""
    epsilon, sigma, L_g, L_h, Delta = checks.constants(epsilon, sigma, L_g, L_h, Delta)
    K = [L_g, Delta, (epsilon, -2)], [(L_h, 0.5), Delta, (epsilon, -1.5)]
    return K, ([(sigma, 2), (epsilon, -2)], [(sigma, 2), (L_h, 0.5), Delta, (epsilon, -3.5)])


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


@quiet
def nigt_parameters(epsilon: float, sigma: float, L_g: float, L_h: float, Delta: float) -> Parameters:
    """η = min{1, √(L_h ε)/L_g}, M = max{1, ⌈144 η σ²/ε²⌉}, M_init = max{1, ⌈144 σ²/ε²⌉},
    α = min{ε/(3 L_g), η √(ε/(24 L_h))}, T = ⌈6Δ/(α ε)⌉. (From Lemmas D.1 and D.2; the paper's own constants may differ)

    With L_h = 0 that η would be 0. Any η does then; taken is the largest for which M = 1, ε²/(144 σ²). Raises
    ValueError where one of these is beyond the range of floats.
    """
    checks.single(epsilon=epsilon, sigma=sigma, L_g=L_g, L_h=L_h, Delta=Delta)
    epsilon, sigma, L_g, L_h, Delta = checks.constants(epsilon, sigma, L_g, L_h, Delta)
    root = product((L_h, 0.5), (epsilon, 0.5), (L_g, -1))
    eta = np.minimum(1.0, root if L_h else product(1 / 144, (epsilon, 2), (sigma, -2)))
    alpha = np.minimum(product(epsilon, (3, -1), (L_g, -1)), product(eta, (epsilon, 0.5), (24, -0.5), (L_h, -0.5)))
    batches = [144, (sigma, 2), (epsilon, -2)]
    updates = product(6, Delta, (alpha, -1), (epsilon, -1))
    return _parameters(epsilon, eta, product(eta, *batches), product(*batches), alpha, updates)


def _parameters(epsilon, eta, M, M_init, alpha, T):
    counts = {"batch_size": M, "initial_batch_size": M_init, "updates": T}
    counts = {key: float(at_least_one(value)) for key, value in counts.items()}
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
    checks.single(sigma=sigma, L_g=L_g, L_h=L_h, Delta=Delta)
    _, sigma, L_g, L_h, Delta = checks.constants(1.0, sigma, L_g, L_h, Delta)
    eta, alpha = parameters.momentum, parameters.step_size
    M, M_init, T = parameters.batch_size, parameters.initial_batch_size, parameters.updates
    noise = [sigma, (M_init, -0.5)], [sigma, (eta, 0.5), (2 - eta, -0.5), (M, -0.5)]
    drift = [[1 - eta, 0.5, L_h, (alpha, 2), (eta, -2)]]
    path = [Delta, (alpha, -1), (T, -1)], [L_g, alpha, 0.5]
    return float(sum_of_products(path) + sum_of_products([*noise, *drift], 2.0))


def pg_parameters(epsilon: float, sigma: float, L_g: float, Delta: float) -> Parameters:
    """The same for vanilla policy gradient: α = 1/L_g, M = max{1, ⌈144 σ²/ε²⌉}, T = ⌈(288/143) L_g Δ/ε²⌉, no memory.

    J(θ_{t+1}) >= J(θ_t) + ‖∇J‖²/(2 L_g) - σ²/(2 L_g M) in the mean, so the average of E‖∇J‖² over t < T is at most
    2 L_g Δ/T + σ²/M <= ε². The noise has the share that `nigt_parameters` gives it at first, M = M_init.
    """
    checks.single(epsilon=epsilon, sigma=sigma, L_g=L_g, Delta=Delta)
    epsilon, sigma, L_g, _, Delta = checks.constants(epsilon, sigma, L_g, 0.0, Delta)
    M = product(144, (sigma, 2), (epsilon, -2))
    return _parameters(epsilon, 1.0, M, M, product((L_g, -1)), product(288 / 143, L_g, Delta, (epsilon, -2)))
