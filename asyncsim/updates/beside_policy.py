"""An update of a policy, and plain steps of the critic that is learned beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ..base import Update


class BesideState(NamedTuple):
    """What `BesidePolicy` keeps after t updates."""

    policy: Any  # the state of the policy's update
    critic: Any  # its parameters
    point: Any  # of both, the policy's first
    direction: Any  # of the policy's last step


@dataclass(frozen=True)
class BesidePolicy:
    """Another update for all parameters but the last ``size``, which take plain steps, with step size ``rate``.

    So what an update does with the policy, a normalisation for example, does not depend on how far off the critic is.
    (arXiv 1602.01783 takes one step for both.)
    """

    update: Update
    size: int
    rate: float

    @property
    def step_size(self) -> float:
        """α of the policy's update."""
        return self.update.step_size

    def init(self, params) -> BesideState:
        state, critic = self.update.init(params[: -self.size]), params[-self.size :]
        return BesideState(state, critic, params, state.direction)

    def apply(self, state: BesideState, gradient, step_size, version, delay) -> BesideState:
        policy = self.update.apply(state.policy, gradient[: -self.size], step_size, version, delay)
        critic = state.critic + self.rate * gradient[-self.size :]
        return BesideState(policy, critic, _joined(policy.point, critic), policy.direction)

    def query(self, state: BesideState):
        return _joined(self.update.query(state.policy), state.critic)


def _joined(policy, critic):
    return policy.__array_namespace__().concat([policy, critic])
