"""Plain policy gradient with shorter steps for old gradients."""

from __future__ import annotations

from dataclasses import dataclass

from .step import check_step_size
from .vanilla import VanillaState


@dataclass(frozen=True)
class DelayAdaptivePG:
    """θ_{t+1} = θ_t + α n/max(n, δ) g_t. (Mishchenko, Bach, Even and Woodworth 2022, arXiv 2206.07638)

    step_size: α. workers: n.
    """

    step_size: float
    workers: int

    def __post_init__(self):
        check_step_size(self.step_size)
        if isinstance(self.workers, bool) or not isinstance(self.workers, int) or self.workers < 1:
            raise ValueError(f"workers={self.workers!r} is no number of workers: give an integer >= 1")

    def init(self, params) -> VanillaState:
        return VanillaState(params, 0 * params)

    def apply(self, state: VanillaState, gradient, step_size, version, delay) -> VanillaState:
        late = delay > self.workers
        longest = late * delay + (1 - late) * self.workers  # max(n, δ)
        # α n first: JAX divides two integers in float32
        return VanillaState(state.point + step_size * self.workers / longest * gradient, gradient)

    def query(self, state: VanillaState):
        return state.point
