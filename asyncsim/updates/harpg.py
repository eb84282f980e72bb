"""HARPG: normalised policy gradient whose momentum is corrected by Hessian-vector products."""

from __future__ import annotations

from dataclasses import dataclass

from ..base import offered
from .mvr import recursive_step, two_points
from .nigt import NIGTState
from .step import check_momentum, check_step_size


@dataclass(frozen=True)
class HARPG:
    """Normalised steps along momentum that is corrected by the curvature between two iterates.

    d_t = (1 - c) (d_{t-1} + ∇²J(θ̂; τ̂) (θ_t - θ_{t-1})) + c g(τ_t, θ_t) and d_0 = g(τ_0, θ_0), with θ̂ uniform between
    the two points and τ̂ ~ π_θ̂ another trajectory. (N-HARPG, arXiv 2302.01734; here c and α are constant, and an
    update takes the mean over its jobs, each with a θ̂ of its own.)

    step_size: length of every step, α.
    momentum: weight of the new gradient, c in (0, 1]; 1 is normalised policy gradient.

    A job sends one vector, (1 - c) ∇²J(θ̂; τ̂) (θ_t - θ_{t-1}) + c g(τ, θ_t). Its points are those of its own version.
    Environment steps are those of both trajectories, returns those of τ.
    """

    step_size: float
    momentum: float = 0.1

    def __post_init__(self):
        check_step_size(self.step_size)
        check_momentum(self.momentum)

    def init(self, params) -> NIGTState:
        return NIGTState(params, params, 0 * params, 0)

    def apply(self, state: NIGTState, gradient, step_size, version, delay) -> NIGTState:
        return recursive_step(state, gradient, step_size, self.momentum)

    def query(self, state: NIGTState):
        return two_points(state)

    def measure(self, problem, points, keys, workers, weights):
        hessian_product = offered(problem, "hessian_product", self)
        change, others = hessian_product(points, keys, workers, weights)
        gradient, stats = problem.gradient(points[0], keys, workers, weights)
        sent = self.momentum * gradient + (1 - self.momentum) * change
        return sent, stats._replace(steps=stats.steps + others.steps)
