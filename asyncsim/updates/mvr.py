"""MVR: normalised policy gradient with momentum-based variance reduction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base import offered
from .nigt import NIGTState
from .step import check_momentum, check_step_size, unit

CLIP = 2.0  # of importance weights


@dataclass(frozen=True)
class MVR:
    """Normalised steps along momentum that is corrected for how the gradient has changed since the last step.

    d_t = c g(τ_t, θ_t) + (1 - c) (d_{t-1} + g(τ_t, θ_t) - w(τ_t) g(τ_t, θ_{t-1})) and d_0 = g(τ_0, θ_0), with
    τ_t ~ π_θ_t and w its importance weight under θ_{t-1}. (STORM-PG, arXiv 2003.04302; Rennala MVR, arXiv 2605.08871,
    where there are no trajectories. Here steps are normalised, as NIGT's.)

    step_size: length of every step, α.
    momentum: weight of the new gradient, c in (0, 1]; 1 is normalised policy gradient.
    clip: the largest w; ``inf`` does not clip. Clipped weights have a mean below 1, so that too little is subtracted: d
        is then biased, the more the longer steps and trajectories are.

    A job sends one vector, g(τ, θ_t) - (1 - c) w(τ) g(τ, θ_{t-1}). Its points are those of its own version.
    """

    step_size: float
    momentum: float = 0.1
    clip: float = CLIP

    def __post_init__(self):
        check_step_size(self.step_size)
        check_momentum(self.momentum)
        if not self.clip > 0:
            raise ValueError(f"clip={self.clip!r} is no bound of importance weights: give a number > 0, inf for none")

    def init(self, params) -> NIGTState:
        return NIGTState(params, params, 0 * params, 0)

    def apply(self, state: NIGTState, gradient, step_size, version, delay) -> NIGTState:
        return recursive_step(state, gradient, step_size, self.momentum)

    def query(self, state: NIGTState):
        return two_points(state)

    def measure(self, problem, points, keys, workers, weights):
        two_gradients = offered(problem, "two_gradients", self)
        new, old, stats = two_gradients(points, keys, workers, weights, self.clip)
        return new - (1 - self.momentum) * old, stats


def recursive_step(state: NIGTState, sent, step_size, momentum) -> NIGTState:
    """A normalised step along d_t = (1 - c) d_{t-1} + m_t.

    sent: m_t, shape (d,), which estimates ∇J(θ_t) - (1 - c) ∇J(θ_{t-1}). Before the first step both points are θ_0, so
    m_0 is c g(τ_0, θ_0), and d_0 = m_0/c.
    """
    first = state.updates == 0
    direction = (1 - momentum) * state.direction + sent / (first * momentum + (1 - first))
    point = state.point + step_size * unit(direction)
    return NIGTState(point, state.point, direction, state.updates + 1)


def two_points(state: NIGTState) -> Any:
    """θ_t and θ_{t-1}, shape (2, d)."""
    return state.point.__array_namespace__().stack((state.point, state.previous))
