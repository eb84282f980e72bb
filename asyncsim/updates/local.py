"""Local steps: jobs are several plain steps at the worker."""

from __future__ import annotations

from dataclasses import dataclass

from ..base import offered
from .step import check_step_size
from .vanilla import VanillaState


@dataclass(frozen=True)
class LocalSteps:
    """θ_{t+1} = θ_t + α Δ_t, with Δ_t the weighted sum of how far workers went from the point that was sent to them.

    (FedAvg, arXiv 1602.05629, where α = 1; FedBuff, arXiv 2106.06639, Algorithms 1 and 2)

    step_size: α, the server's.
    local_steps: k, of each job.
    local_step_size: β, of the worker's θ ← θ + β g(τ, θ).

    A job sends one vector, its difference. Its return is the mean of its k trajectories'.
    """

    step_size: float
    local_steps: int
    local_step_size: float

    def __post_init__(self):
        check_step_size(self.step_size)
        if isinstance(self.local_steps, bool) or not isinstance(self.local_steps, int) or self.local_steps < 1:
            raise ValueError(f"local_steps={self.local_steps!r} is no number of steps: give an integer >= 1")
        if not 0 < self.local_step_size < float("inf"):
            raise ValueError(f"local_step_size={self.local_step_size!r} is no step size: give a finite number > 0")

    def init(self, params) -> VanillaState:
        return VanillaState(params, 0 * params)

    def apply(self, state: VanillaState, gradient, step_size, version, delay) -> VanillaState:
        return VanillaState(state.point + step_size * gradient, gradient)

    def query(self, state: VanillaState):
        return state.point

    def measure(self, problem, point, keys, workers, weights):
        local_steps = offered(problem, "local_steps", self)
        return local_steps(point, keys, workers, weights, self.local_steps, self.local_step_size)
