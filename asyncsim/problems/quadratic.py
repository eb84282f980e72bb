"""The quadratic test function of papers about optimal asynchronous methods.

J = -f with f(x) = ½ xᵀAx - bᵀx, A = ¼ tridiag(-1, 2, -1), b = ¼ (-1, 0, ..., 0) and x_0 = (√d, 0, ..., 0): the worst
case of first-order methods (Nesterov), as in Tyurin & Richtárik, "Optimal Time Complexities of Parallel Stochastic
Optimization Methods Under a Fixed Computation Model" (2023, arXiv 2305.12387). They use d = 1000 and noise in one
coordinate with a small probability; here the noise is Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from asyncsim.base import Array, Evaluation, JobStats

from .offers import local_steps


@dataclass(frozen=True, eq=False, repr=False)  # equal by its numbers, below
class Quadratic:
    """J(x) = c (bᵀx - ½ xᵀAx), seen through gradients with Gaussian noise ξ ~ N(0, (σ²/d) I), so that E‖ξ‖² = σ².

    With shifts s_i worker i has J_i(x) = J(x) + ⟨s_i, x⟩, and the objective is their mean. L_h is 0.
    """

    dimension: int = 1000  # d
    noise: float = 0.0  # σ, of the whole vector; `scale` does not change it
    scale: float = 1.0  # c
    shifts: Array | None = None  # s_i, shape (n, d), one row per worker

    def __post_init__(self):
        if not isinstance(self.dimension, (int, np.integer)) or self.dimension < 1:
            raise ValueError(f"dimension: {self.dimension}; needs a whole number, 1 or more")
        if not 0 <= self.noise < np.inf:
            raise ValueError(f"noise: {self.noise}; needs a finite number, 0 or more")
        if not 0 < self.scale < np.inf:
            raise ValueError(f"scale: {self.scale}; needs a finite number above 0")
        if self.shifts is not None:
            shifts = np.array(self.shifts, float)  # an own copy, in full precision
            if shifts.ndim != 2 or len(shifts) == 0 or shifts.shape[1] != self.dimension:
                raise ValueError(f"shifts: shape {shifts.shape}; needs (n, {self.dimension}), one row per worker")
            if not np.isfinite(shifts).all():
                raise ValueError(f"shifts: {shifts[~np.isfinite(shifts)][0]}; needs finite numbers")
            shifts.flags.writeable = False
            object.__setattr__(self, "shifts", shifts)

    def __eq__(self, other):
        return isinstance(other, Quadratic) and self._values == other._values

    def __hash__(self):
        return hash(self._values)

    @property
    def _values(self) -> tuple:
        """All that it consists of: one compiled program serves two that are equal."""
        shifts = None if self.shifts is None else (self.shifts.shape, self.shifts.tobytes())
        return self.dimension, self.noise, self.scale, shifts

    def __repr__(self):
        return f"Quadratic(dimension={self.dimension}, noise={self.noise}, scale={self.scale}, workers={self.workers})"

    @property
    def workers(self) -> int | None:
        """How many workers have a shift; None: there are no shifts."""
        return None if self.shifts is None else len(self.shifts)

    @property
    def smoothness(self) -> float:
        """L_g, the largest eigenvalue of c A: c cos²(π / (2 (d + 1)))."""
        return float(self.scale * np.cos(np.pi / (2 * (self.dimension + 1))) ** 2)

    @property
    def gap(self) -> float:
        """Δ = J(x*) - J(x_0) = ½ (x* - x_0)ᵀ c A (x* - x_0)."""
        return float(self._energy(self.optimum() - self._start()))

    def optimum(self) -> np.ndarray:
        """x* with ∇J(x*) = 0, shape (d,), NumPy: tridiag(-1, 2, -1) x = g by summing twice, with both ends at 0."""
        g = 4 / self.scale * self._linear()
        inner = np.concatenate([[0.0], g.cumsum().cumsum()])
        k = np.arange(1, self.dimension + 1)
        return k * inner[-1] / (self.dimension + 1) - inner[:-1]

    def _start(self) -> np.ndarray:
        return np.sqrt(self.dimension) * np.eye(1, self.dimension)[0]

    def _linear(self) -> np.ndarray:
        """The linear term of J, c b + mean of the shifts."""
        b = -self.scale / 4 * np.eye(1, self.dimension)[0]
        return b if self.shifts is None else b + self.shifts.mean(0)

    def _energy(self, x: Array) -> Array:
        """½ xᵀ c A x, in O(d)."""
        return self.scale / 8 * (x[0] ** 2 + ((x[1:] - x[:-1]) ** 2).sum() + x[-1] ** 2)

    def _deviations(self, dtype) -> Array:
        """s_i minus their mean, shape (n, d)."""
        shifts: Array = self.shifts
        return jnp.asarray(shifts - shifts.mean(0), dtype)

    def init(self, key: Array) -> Array:
        """x_0 = (√d, 0, ..., 0), whatever the key."""
        return jnp.asarray(self._start(), jnp.result_type(float))

    def value(self, params: Array) -> Array:
        """Exact J(x), the mean over workers."""
        return (jnp.asarray(self._linear(), jnp.result_type(float)) * params).sum() - self._energy(params)

    def exact_gradient(self, params: Array) -> Array:
        """∇J(x) = c (b - A x) + the mean shift, shape (d,)."""
        return jax.grad(self.value)(params)

    def gradient(self, params: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
        """Σ_j weights_j (∇J_i(x) + ξ_j), shape (d,), with i the worker of job j; returns J_i(x), 0 steps."""
        value, gradient = jax.value_and_grad(self.value)(params)
        noise = jax.vmap(lambda key: jax.random.normal(key, params.shape, params.dtype))(keys)
        own = self.noise * self.dimension**-0.5 * noise  # what differs between jobs, shape (M, d)
        returns = jnp.full(len(keys), value)
        if self.shifts is not None:
            deviation = self._deviations(params.dtype)[workers]
            own, returns = own + deviation, returns + jnp.dot(deviation, params, precision="highest")
        total = weights.sum() * gradient + jnp.dot(weights, own, precision="highest")
        return total, JobStats(returns=returns, steps=jnp.zeros(len(keys), jnp.int32))

    def two_gradients(
        self, points: Array, keys: Array, workers: Array, weights: Array, clip: float
    ) -> tuple[Array, Array, JobStats]:
        """As `offers.two_gradients`, with the same noise at both points: there are no trajectories, and w = 1."""
        new, stats = self.gradient(points[0], keys, workers, weights)
        return new, self.gradient(points[1], keys, workers, weights)[0], stats

    def hessian_product(self, points: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
        """As `offers.hessian_product`: exactly -c A (x - x') of each job, whose noise is the same everywhere."""
        _, product = jax.jvp(self.exact_gradient, (points[0],), (points[0] - points[1],))
        nothing = jnp.zeros(len(keys), jnp.int32)
        return weights.sum() * product, JobStats(returns=nothing.astype(points.dtype), steps=nothing)

    local_steps = local_steps

    def evaluate(self, params: Array, key: Array) -> Evaluation:
        """Exact J(x), ‖∇J(x)‖, and every worker's J_i(x); needs no randomness."""
        value, gradient = jax.value_and_grad(self.value)(params)
        if self.shifts is None:
            return Evaluation(value, jnp.linalg.norm(gradient))
        own = value + jnp.dot(self._deviations(params.dtype), params, precision="highest")
        return Evaluation(value, jnp.linalg.norm(gradient), own)
