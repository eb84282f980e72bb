"""What problems offer to updates whose jobs compute something else than one gradient at one point.

These are methods of the problems: a class takes them into its body. `local_steps` needs `Problem.gradient` alone. The
others need three more methods, and hold for every problem that has trajectories:

* ``sampled(params, keys, workers, there)``: trajectories of M jobs, one per key, and their `JobStats`;
* ``scored(params, trajectories, weights)``: Σ_j weights_j g(τ_j, θ), shape (d,);
* ``log_probs(params, trajectories)``: log π_θ(a_t | s_t), shape (H, M), 0 after an episode's end.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..base import Array, JobStats

HESSIAN = 2**32 - 1  # folded into a job's key; splits of the key are as if small numbers were


def two_gradients(
    problem: Any, points: Array, keys: Array, workers: Array, weights: Array, clip: float
) -> tuple[Array, Array, JobStats]:
    """Gradients at two points θ and θ', shape (2, d), of the same trajectories τ_j ~ π_θ.

    Returns Σ_j weights_j g(τ_j, θ) and Σ_j weights_j min(w(τ_j), clip) g(τ_j, θ'), each of shape (d,), and stats. The
    importance weight w(τ) = Π_t π_θ'(a_t|s_t)/π_θ(a_t|s_t) makes the mean of w(τ) g(τ, θ') that of g at θ'.
    """
    here, there = points
    trajectories, stats = problem.sampled(here, keys, workers, weights != 0)
    logs = (problem.log_probs(there, trajectories) - problem.log_probs(here, trajectories)).sum(axis=0)
    ratios = jnp.minimum(jnp.exp(logs), clip)
    new, old = problem.scored(here, trajectories, weights), problem.scored(there, trajectories, weights * ratios)
    return new, old, stats


def hessian_product(problem: Any, points: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
    """Σ_j weights_j ∇²J(θ̂_j; τ̂_j) (θ - θ'), shape (d,), of points θ and θ', shape (2, d), and the stats of the τ̂_j.

    θ̂_j is uniform on the segment between the points and τ̂_j ~ π_θ̂_j, so the mean is ∇J(θ) - ∇J(θ'). With Φ such that
    g = ∇Φ, the stochastic Hessian is ∇Φ ∇log p(τ; θ)ᵀ + ∇²Φ. Nothing but folds of a job's key is random, independent
    of its gradient.
    """
    here, there = points
    step = here - there

    def one(key, worker, weight):
        place, again = jax.random.split(jax.random.fold_in(key, HESSIAN))
        point = there + jax.random.uniform(place, (), step.dtype) * step
        trajectory, stats = problem.sampled(point, again[None], worker[None], weight[None] != 0)

        def scored(params):
            return problem.scored(params, trajectory, weight[None])

        def log_prob(params):
            return problem.log_probs(params, trajectory).sum()

        score, curved = jax.jvp(scored, (point,), (step,))
        _, slope = jax.jvp(log_prob, (point,), (step,))
        return slope * score + curved, JobStats(*(x[0] for x in stats))

    products, stats = jax.vmap(one)(keys, workers, weights)
    return products.sum(axis=0), stats


def local_steps(
    problem: Any, params: Array, keys: Array, workers: Array, weights: Array, count: int, step_size: float
) -> tuple[Array, JobStats]:
    """Σ_j weights_j (θ_j - θ), shape (d,), with θ_j where job j's plain steps end, so many from θ.

    Returns also stats: of a job's trajectories, the mean of the returns and the sum of the steps.
    """

    def one(key, worker, weight):
        there = (weight != 0).astype(params.dtype)[None]

        def step(point, k):
            gradient, stats = problem.gradient(point, jax.random.fold_in(key, k)[None], worker[None], there)
            return point + step_size * gradient, stats

        last, (returns, steps) = lax.scan(step, params, jnp.arange(count))
        return weight * (last - params), JobStats(returns.mean(), steps.sum(dtype=jnp.int32))

    changes, stats = jax.vmap(one)(keys, workers, weights)
    return changes.sum(axis=0), stats
