"""AFedPG: asynchronous federated policy gradient, with a look-ahead that depends on the delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from .step import check_momentum, check_step_size, unit


class AFedPGState(NamedTuple):
    """What `AFedPG` keeps after k updates."""

    point: Any  # θ_k, shape (d,)
    lookahead: Any  # θ̃_k
    direction: Any  # d
    updates: Any  # k


@dataclass(frozen=True)
class AFedPG:
    """Momentum and look-ahead at the server, with one gradient per update. (arXiv 2404.08003, Algorithm 1)

    step_size: s_0.
    momentum: a_0 in (0, 1]. (The paper swaps the letters α and η of arXiv 2509.24305.)
    step_decay, momentum_decay: s_k = s_0 (k+1)^-step_decay, a_v = a_0 (v+1)^-momentum_decay. With the default 0
        both are constant. The paper has 5/7 and 4/7 for stationarity, 1 and 4/5 for global optimality.

    For a gradient that was asked for at version v, a_v is both its weight and the momentum of the look-ahead.
    """

    step_size: float
    momentum: float = 0.1
    step_decay: float = 0.0
    momentum_decay: float = 0.0

    def __post_init__(self):
        check_step_size(self.step_size)
        check_momentum(self.momentum)
        for key in ("step_decay", "momentum_decay"):
            if not 0 <= getattr(self, key) < float("inf"):
                raise ValueError(f"{key}={getattr(self, key)!r} is no exponent: give a finite number >= 0")

    def init(self, params) -> AFedPGState:
        return AFedPGState(params, params, 0 * params, 0)

    def apply(self, state: AFedPGState, gradient, step_size, version, delay) -> AFedPGState:
        first = state.updates == 0
        a = self.momentum * (version + 1.0) ** -self.momentum_decay if self.momentum_decay else self.momentum
        s = step_size * (state.updates + 1.0) ** -self.step_decay if self.step_decay else step_size
        direction = (1 - a) * state.direction + a * gradient
        direction = first * gradient + (1 - first) * direction  # first arrival: d = g
        point = state.point + s * unit(direction)
        return AFedPGState(point, point + ((1 - a) / a) * (point - state.point), direction, state.updates + 1)

    def query(self, state: AFedPGState):
        return state.lookahead
