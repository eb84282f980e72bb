"""Any optax transformation as an update."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .step import check_step_size


class OptaxState(NamedTuple):
    """What `Optax` keeps after t updates."""

    point: Any  # θ_t, shape (d,)
    direction: Any  # the last gradient, transformed
    inner: Any  # the state of the transformation


@dataclass(frozen=True)
class Optax:
    """θ_{t+1} = θ_t + α T(g_t), with T a ``GradientTransformation`` such as ``optax.scale_by_adam()``.

    step_size: α. transformation: T, without a learning rate: optax's learning rates turn ascent into descent.
    """

    step_size: float
    transformation: Any = field(repr=False)  # functions do not print

    def __post_init__(self):
        check_step_size(self.step_size)
        if not (hasattr(self.transformation, "init") and hasattr(self.transformation, "update")):
            raise ValueError(
                f"transformation={self.transformation!r} is no GradientTransformation: give optax.scale_by_adam()"
            )

    def init(self, params) -> OptaxState:
        return OptaxState(params, 0 * params, self.transformation.init(params))

    def apply(self, state: OptaxState, gradient, step_size, version, delay) -> OptaxState:
        direction, inner = self.transformation.update(gradient, state.inner, state.point)
        return OptaxState(state.point + step_size * direction, direction, inner)

    def query(self, state: OptaxState):
        return state.point
