"""Both sides of a theorem, measured: the constants that it takes, and the time to ε that it promises.

Constants: Δ = sup J - J(θ_0), σ, L_g and L_h. Where they are known exactly they are taken, else they are measured at
given points, such as those of `ascent`: a supremum over all θ is out of reach of sampling, so what is measured is the
largest value over these points, which holds where the runs go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import stats

from ..base import Problem
from ..learning.keys import initial_key, job_key
from ..problems import Quadratic, Ridge, TabularMDP

Array = Any


# ---- constants of a problem


@dataclass(frozen=True)
class Constants:
    """What Theorems 4.4 and 5.1 take. ``how`` says of each what it is; ``sigma_error`` is σ's standard error."""

    Delta: float
    sigma: float
    L_g: float
    L_h: float
    sigma_error: float = 0.0
    how: tuple[tuple[str, str], ...] = (("Delta", "exact"), ("sigma", "exact"), ("L_g", "exact"), ("L_h", "exact"))

    def arguments(self) -> dict[str, float]:
        """As the functions of `theory` take them."""
        return {key: getattr(self, key) for key in ("sigma", "L_g", "L_h", "Delta")}

    def to_frame(self) -> pd.DataFrame:
        """``constant, value, standard_error, how``, a row each."""
        error = {"sigma": self.sigma_error}
        rows = [(key, getattr(self, key), error.get(key, 0.0), how) for key, how in self.how]
        return pd.DataFrame(rows, columns=["constant", "value", "standard_error", "how"])


def quadratic_constants(problem: Quadratic) -> Constants:
    """All exact: the largest eigenvalue of ¼ c tridiag(-1, 2, -1) is c cos²(π/(2(d + 1)))."""
    L_g = problem.scale * np.cos(np.pi / (2 * (problem.dimension + 1))) ** 2
    return Constants(problem.gap, problem.noise, float(L_g), 0.0)


def ridge_constants(problem: Ridge) -> Constants:
    """All exact."""
    return Constants(problem.gap, problem.noise, problem.L_g, problem.L_h)


def tabular_constants(problem: TabularMDP, points: Array, jobs: int = 4000, seed: int = 0) -> Constants:
    """Δ exactly (`tabular_gap`); σ², L_g and L_h the largest over ``points``, shape (P, d).

    σ²: the mean of ‖g - ∇J_i‖² over ``jobs`` trajectories, at the point (and worker) where it is largest.
    L_g: the spectral norm of the exact Hessian. L_h: ‖∇²J(θ + δu) - ∇²J(θ - δu)‖/2δ, with u an eigenvector or
    the direction of ∇J.
    """
    points = jnp.asarray(points)
    noise = [noise_level(problem, point, jobs, seed, worker) for point in points for worker in _homes(problem)]
    largest = max(noise, key=lambda each: each.mean)
    curvature, change = (np.asarray(column).max() for column in _curvature(problem, points))
    sigma = largest.mean**0.5
    where = f"largest at {len(points)} points"
    return Constants(
        tabular_gap(problem),
        float(sigma),
        float(curvature),
        float(change),
        float(largest.error / (2 * sigma)),
        (
            ("Delta", "exact: backward induction"),
            ("sigma", f"{where}, {jobs} trajectories each"),
            ("L_g", f"{where}: spectral norm of the exact Hessian"),
            ("L_h", f"{where}: differences of exact Hessians along their eigenvectors and ∇J"),
        ),
    )


def tabular_gap(problem: TabularMDP) -> float:
    """Δ = max J_H - J_H(θ_0), θ_0 the uniform policy, with the maximum over policies that may change with time.

    A softmax table cannot change with time: where the best action does, this is an upper bound.
    """
    if problem.transitions.ndim == 4:
        raise ValueError("tabular_gap: each worker has its own transitions; needs transitions of shape (S, A, S)")
    P, r = problem.transitions, problem.rewards.mean(0) if problem.rewards.ndim == 3 else problem.rewards
    best, uniform = np.zeros(problem.states), np.zeros(problem.states)
    for _ in range(problem.horizon):
        best = (r + problem.discount * P @ best).max(-1)
        uniform = (r + problem.discount * P @ uniform).mean(-1)
    return float(problem.initial @ (best - uniform))


class Noise(NamedTuple):
    """E‖g - ∇J‖² at a point, and the standard error of its measurement."""

    mean: float
    error: float


def noise_level(problem: Problem, point: Array, jobs: int, seed: int = 0, worker: int | None = None) -> Noise:
    """E‖g - ∇J(θ)‖², over ``jobs`` gradients at ``point``; of one worker's problem, with g and ∇J_i its own."""
    squares = np.asarray(_squares(problem, worker is None, jobs, jnp.asarray(point), seed, worker or 0))
    return Noise(float(squares.mean()), float(squares.std(ddof=1) / jobs**0.5))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _squares(problem, shared, jobs, point, seed, worker):
    exact = problem.exact_gradient(point) if shared else problem.exact_gradient(point, worker)
    home, weight = jnp.full(1, worker, jnp.int32), jnp.ones(1, point.dtype)

    def square(index):
        key = job_key(seed, 0, worker, index)
        return ((problem.gradient(point, key[None], home, weight)[0] - exact) ** 2).sum()

    return jax.lax.map(square, jnp.arange(jobs), batch_size=1000)


def _homes(problem: TabularMDP) -> Sequence[int | None]:
    return (None,) if problem.workers is None else range(problem.workers)


@partial(jax.jit, static_argnums=0)
def _curvature(problem, points, delta=1e-3):
    """‖∇²J‖ and the largest rate of change of ∇²J, at each point."""
    hessian = jax.hessian(problem.value)

    def at(point):
        values, vectors = jnp.linalg.eigh(hessian(point))
        gradient = problem.exact_gradient(point)
        ways = jnp.vstack([vectors.T, gradient / (jnp.linalg.norm(gradient) + 1e-300)])

        def rate(u):
            return jnp.linalg.norm(hessian(point + delta * u) - hessian(point - delta * u), 2) / (2 * delta)

        return jnp.abs(values).max(), jax.vmap(rate)(ways).max()

    return jax.lax.map(at, points)


def ascent(problem: Any, length: float, count: int) -> Array:
    """θ_0 and ``count`` points along the path of steepest ascent from it, ``length`` in all, shape (count + 1, d)."""

    def step(point, _):
        gradient = problem.exact_gradient(point)
        point = point + length / count * gradient / (jnp.linalg.norm(gradient) + 1e-300)
        return point, point

    start = problem.init(initial_key(0))
    return jnp.concatenate([start[None], jax.jit(lambda point: jax.lax.scan(step, point, length=count)[1])(start)])


# ---- time to ε


def time_to(frame: pd.DataFrame, epsilon: float, average: bool = False) -> pd.DataFrame:
    """The first evaluated row at which ‖∇J(θ_t)‖ <= ε, of every seed and step size; NaN where it is never.

    frame: of one method, as in `History.to_frame`, on a problem that knows ‖∇J‖.
    average: of the mean of ‖∇J‖ over the updates so far, which is what theorems bound, instead of ‖∇J‖ itself. An
    evaluated norm stands for all updates until the next one.

    ``seed, step_size, update, time, gradients``.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon={epsilon} is no accuracy: give a number > 0")
    keys, columns = ["seed", "step_size"], ["update", "time", "gradients"]
    rows = []
    for lane, part in frame.groupby(keys):
        update, norm = part["update"].to_numpy(), part["gradient_norm"].to_numpy()
        if average:
            norm = np.append(norm[0], (norm[:-1] * np.diff(update)).cumsum() / update[1:])
        reached = np.flatnonzero(norm <= epsilon)
        values = part[columns].iloc[reached[0]].tolist() if len(reached) else [np.nan] * len(columns)
        rows.append([*lane, *values])
    return pd.DataFrame(rows, columns=keys + columns)


class Interval(NamedTuple):
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float


def student(values: Array) -> Interval:
    """The mean of independent values, and Student's interval for it; without width where there is one value."""
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, mean, mean)
    reach = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return Interval(mean, float(mean - reach), float(mean + reach))


class Slope(NamedTuple):
    """A straight line through points, and the 95 % confidence interval of its slope."""

    value: float
    low: float
    high: float
    error: float  # standard error
    line: np.ndarray  # fitted values, on the axes of the data

    @property
    def interval(self) -> tuple[float, float, str]:
        """The interval's ends, and which it is."""
        return self.low, self.high, "95 %"


def slope(x: Array, y: Array, logarithmic: bool = True) -> Slope:
    """Least squares; of log y on log x, or of y on x."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    across, up = (np.log(x), np.log(y)) if logarithmic else (x, y)
    value = ((across - across.mean()) @ up) / ((across - across.mean()) ** 2).sum()
    line = up.mean() + value * (across - across.mean())
    error = (((up - line) ** 2).sum() / (len(x) - 2) / ((across - across.mean()) ** 2).sum()) ** 0.5
    reach = stats.t.ppf(0.975, len(x) - 2) * error
    low, high = float(value - reach), float(value + reach)
    return Slope(float(value), low, high, float(error), np.exp(line) if logarithmic else line)
