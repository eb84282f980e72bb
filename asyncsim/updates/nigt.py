"""NIGT: normalised policy gradient with implicit gradient transport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from .step import check_momentum, check_step_size, unit


class NIGTState(NamedTuple):
    """What `NIGT` keeps after t updates."""

    point: Any  # θ_t, shape (d,)
    previous: Any  # θ_{t-1}
    direction: Any  # d_{t-1}
    updates: Any  # t


@dataclass(frozen=True)
class NIGT:
    """Normalised steps along momentum; gradients are taken at an extrapolated point. (arXiv 2509.24305, Algorithm 1)

    step_size: length of every step, α.
    momentum: weight of the new gradient, η in (0, 1].
    lookahead: False samples at θ_t itself, normalised momentum without transport ("Vanilla" in arXiv 2404.08003).
    """

    step_size: float
    momentum: float = 0.1
    lookahead: bool = True

    def __post_init__(self):
        check_step_size(self.step_size)
        check_momentum(self.momentum)

    def init(self, params) -> NIGTState:
        return NIGTState(params, params, 0 * params, 0)

    def apply(self, state: NIGTState, gradient, step_size, version, delay) -> NIGTState:
        first = state.updates == 0
        direction = (1 - self.momentum) * state.direction + self.momentum * gradient  # d_t
        direction = first * gradient + (1 - first) * direction  # d_0 = g
        point = state.point + step_size * unit(direction)  # θ_{t+1}
        return NIGTState(point, state.point, direction, state.updates + 1)

    def query(self, state: NIGTState):
        if not self.lookahead:
            return state.point
        return state.point + ((1 - self.momentum) / self.momentum) * (state.point - state.previous)  # θ̃_t
