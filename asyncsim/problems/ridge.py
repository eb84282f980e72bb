"""A long ridge with a gentle slope: a function on which the rates of `asyncsim.theory` are attained.

Theorems hold for the worst function with given L_g, L_h, σ and Δ. That function depends on ε: it keeps ‖∇J‖ above ε for
as long as Δ allows, and its curvature across the path is as large as L_g and L_h allow. A ridge with slope 2ε is such a
function, and its constants are known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import jax
import jax.numpy as jnp

from asyncsim.base import Array, Evaluation, JobStats


@dataclass(frozen=True)
class Ridge:
    """J(x, y) = Δ tanh(s x/Δ) + c (cos y - 1) from (0, 0), with Gaussian noise ξ ~ N(0, (σ²/2) I), so E‖ξ‖² = σ²."""

    slope: float  # s, ‖∇J(0, 0)‖
    gap: float = 1.0  # Δ = sup J - J(0, 0)
    curvature: float = 1.0  # c, across the ridge
    noise: float = 0.0  # σ

    workers = None

    def __post_init__(self):
        for field in fields(self):
            value, least = getattr(self, field.name), "0 or more" if field.name == "noise" else "above 0"
            if not (0 <= value < float("inf") and (value or field.name == "noise")):
                raise ValueError(f"{field.name}: {value}; needs a finite number {least}")

    @property
    def L_g(self) -> float:
        """max ‖∇²J‖: the larger of c and s²/Δ max |tanh''|, which is 4/√27."""
        return max(self.curvature, 4 / 27**0.5 * self.slope**2 / self.gap)

    @property
    def L_h(self) -> float:
        """The Lipschitz constant of ∇²J: the larger of c and s³/Δ² max |tanh'''|, which is 2."""
        return max(self.curvature, 2 * self.slope**3 / self.gap**2)

    def init(self, key: Array) -> Array:
        """(0, 0), whatever the key."""
        return jnp.zeros(2)

    def value(self, params: Array) -> Array:
        """Exact J(x, y)."""
        x, y = params
        return self.gap * jnp.tanh(self.slope * x / self.gap) + self.curvature * (jnp.cos(y) - 1)

    def exact_gradient(self, params: Array) -> Array:
        """∇J(x, y), shape (2,)."""
        return jax.grad(self.value)(params)

    def gradient(self, params: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
        """Σ_j weights_j (∇J(x, y) + ξ_j), shape (2,); returns J(x, y), 0 steps."""
        value, gradient = jax.value_and_grad(self.value)(params)
        noise = jax.vmap(lambda key: jax.random.normal(key, params.shape, params.dtype))(keys)
        total = weights.sum() * gradient + self.noise * 0.5**0.5 * jnp.dot(weights, noise, precision="highest")
        return total, JobStats(returns=jnp.full(len(keys), value), steps=jnp.zeros(len(keys), jnp.int32))

    def evaluate(self, params: Array, key: Array) -> Evaluation:
        """Exact J and ‖∇J‖; needs no randomness."""
        value, gradient = jax.value_and_grad(self.value)(params)
        return Evaluation(value, jnp.linalg.norm(gradient))
