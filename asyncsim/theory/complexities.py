"""Tables 1 and 2: how the time to E‖∇J‖ <= ε grows. Constants (L_g, L_h, σ, Δ) and logarithms are dropped.

Arguments, shapes and units are those of the package, `asyncsim.theory`.
"""

from __future__ import annotations

from typing import NamedTuple

from . import checks
from .bounds import arithmetic_mean_form, fastest_and_rates, harmonic_mean_form
from .checks import Array
from .products import product, quiet, sum_of_products


class Complexity(NamedTuple):
    """Seconds, up to what was dropped."""

    computation: Array
    communication: Array

    @property
    @quiet
    def total(self) -> Array:
        """Seconds of both."""
        return self.computation + self.communication


def synchronous_pg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """h_n (ε^-2 + 1/(n ε^4)), and κ times the same. (Tables 1 and 2; constants and logs dropped)"""
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    updates = [(epsilon, -2)], [(epsilon, -4), (h.shape[-1], -1)]
    return Complexity(sum_of_products(updates, h.max(-1)), sum_of_products(updates, kappa))


def synchronous_nigt(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """At least h_n/(n ε^3.5), and κ ε^-3.5. (Tables 1 and 2; constants and logs dropped)"""
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    return Complexity(product(h.max(-1), (epsilon, -3.5), (h.shape[-1], -1)), product(kappa, (epsilon, -3.5)))


def rennala_pg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (ε^-2 + 1/(m ε^4)), and κ ε^-2. (Table 1; constants and logs dropped)"""
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    return Complexity(harmonic_mean_form(h, [[(epsilon, -2)]], [[(epsilon, -4)]]), product(kappa, (epsilon, -2)))


@quiet
def afedpg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """(1/n Σ 1/h_i)^-1 (n^(4/3) ε^(-7/3) + 1/(n ε^3.5)), and at least κ ε^-3. (Table 1; constants and logs dropped)

    κ ε^-3 is a bound for all n: workers communicate side by side, so that with h_i = 0 the time would be
    κ (n^(4/3) ε^(-7/3) + 1/(n ε^3.5)), which is least at n = (3/4)^(3/7) ε^-0.5, where it is 1.98 κ ε^-3.
    """
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    n, (fastest, rates) = h.shape[-1], fastest_and_rates(h)
    gradients = [(n, 7 / 3), (epsilon, -7 / 3)], [(epsilon, -3.5)]  # n times the sum: the harmonic mean has n, too
    seconds = sum_of_products(gradients, fastest[..., 0], (rates[..., -1], -1))
    return Complexity(seconds, product(kappa, (epsilon, -3)))


def rennala_nigt(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (ε^-2 + 1/(m ε^3.5)), and κ ε^-2. (Table 1; constants and logs dropped)"""
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    return Complexity(harmonic_mean_form(h, [[(epsilon, -2)]], [[(epsilon, -3.5)]]), product(kappa, (epsilon, -2)))


def malenia_pg(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """h_n ε^-2 + (1/n Σ h_i)/(n ε^4), and κ ε^-2. (Table 2; constants and logs dropped)"""
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    return Complexity(arithmetic_mean_form(h, [[(epsilon, -2)]], [[(epsilon, -4)]]), product(kappa, (epsilon, -2)))


def malenia_nigt(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """h_n ε^-2 + (1/n Σ h_i)/(n ε^3.5), and κ ε^-2. (Table 2; constants and logs dropped)"""
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    return Complexity(arithmetic_mean_form(h, [[(epsilon, -2)]], [[(epsilon, -3.5)]]), product(kappa, (epsilon, -2)))


def gradients_per_update(epsilon: Array) -> Array:
    """ε^-1.5: in the row of `rennala_nigt`, the gradients that a worker's share of the noise takes, for each update."""
    return product((checks.accuracy(epsilon), -1.5))


def lower_bound(h: Array, epsilon: Array, kappa: Array = 0.0) -> Complexity:
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (ε^(-12/7) + 1/(m ε^3.5)), and κ ε^(-12/7). (Constants and logs dropped)

    No stochastic first-order method is faster on every twice smooth J. The noise term is that of `rennala_nigt`.
    ε^(-12/7) is what a method without noise needs (Carmon et al., arXiv 1711.00841): communications, and, in the term
    of computation that has no noise, updates.
    """
    h, epsilon, kappa = checks.arguments(h, epsilon, kappa)
    noiseless = epsilon, -12 / 7
    return Complexity(harmonic_mean_form(h, [[noiseless]], [[(epsilon, -3.5)]]), product(kappa, noiseless))


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
