"""Plain policy gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from .step import check_step_size


class VanillaState(NamedTuple):
    """What `VanillaPG` and `DelayAdaptivePG` keep after t updates."""

    point: Any  # θ_t, shape (d,)
    direction: Any  # g_{t-1}


@dataclass(frozen=True)
class VanillaPG:
    """θ_{t+1} = θ_t + α g_t. (Williams 1992; the update of A3C, arXiv 1602.01783, without its critic)

    step_size: α.
    """

    step_size: float

    def __post_init__(self):
        check_step_size(self.step_size)

    def init(self, params) -> VanillaState:
        return VanillaState(params, 0 * params)

    def apply(self, state: VanillaState, gradient, step_size, version, delay) -> VanillaState:
        return VanillaState(state.point + step_size * gradient, gradient)

    def query(self, state: VanillaState):
        return state.point
