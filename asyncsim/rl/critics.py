"""Value functions that are learned beside a policy, as baselines of its gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp

from .policies import MLP, PolicyNetwork
from .spaces import Discrete, Trajectories


@dataclass(frozen=True)
class Critic:
    """V(s): what follows a state, Σ_{h≥t} γ^(h-t) r_h, learned by the server and sent with the point.

    Its parameters follow the policy's in θ. Each update takes a plain step for them, whatever it does with the
    policy's: a gradient step on ½ (target - V(s_t))², on average over an update's jobs and the steps of each. They do
    not count in the size of messages.

    step_size: of these steps.
    gae_lambda: λ in [0, 1] of the generalised advantage A_t = Σ_{h≥t} (γλ)^(h-t) (r_h + γ V(s_{h+1}) - V(s_h)), and of
        the target A_t + V(s_t). (arXiv 1506.02438, eq. 16) With 1 the target is the observed discounted return, and the
        policy's gradient is unbiased for any V; a smaller λ has less variance, and bias where V is wrong.
    hidden: widths of its tanh layers.
    running_mean: V does not depend on s: it is an exponential moving average of the targets, with weight ``step_size``.

    A learned V(s) does not know how many steps are left of H.
    Raises ValueError for a step size that is not finite and > 0, and a λ outside [0, 1].
    """

    step_size: float = 0.01
    gae_lambda: float = 1.0
    hidden: tuple[int, ...] = (64, 64)
    running_mean: bool = False

    def __post_init__(self):
        if not 0 < self.step_size < math.inf:
            raise ValueError(f"step_size={self.step_size!r} is no step size: give a finite number > 0")
        if not 0 <= self.gae_lambda <= 1:
            raise ValueError(f"gae_lambda={self.gae_lambda!r} is outside [0, 1]: give λ, 1 for no bias")

    def for_observations(self, size: int) -> ValueNetwork:
        """The critic's functions for observations of this size."""
        return ValueNetwork(self, size)


@dataclass(frozen=True)
class ValueNetwork:
    """A critic for given observations. Its parameters are one flat vector of shape (size,)."""

    critic: Critic
    observation_size: int

    @cached_property
    def _network(self) -> PolicyNetwork:
        """The policy's kind of network, with one output."""
        return MLP(self.critic.hidden).for_spaces(self.observation_size, Discrete(1))

    @property
    def size(self) -> int:
        """The number of parameters."""
        return 1 if self.critic.running_mean else self._network.size

    def init(self, key):
        """As a policy's; a constant is 0 at first."""
        return jnp.zeros(1) if self.critic.running_mean else self._network.init(key)

    def values(self, params, trajectories: Trajectories):
        """V(s_t), shape (H, M); 0 after an episode's end."""
        if self.critic.running_mean:
            return jnp.where(trajectories.alive, params[0], 0)
        rows = trajectories.observations.reshape(-1, self.observation_size)
        found = self._network.heads(self._network.layers(params), rows)
        return jnp.where(trajectories.alive, found.reshape(trajectories.alive.shape), 0)

    def towards(self, params, trajectories: Trajectories, targets, weights):
        """In which direction V comes closer to its targets: Σ_j w_j (mean over t of (target_t - V(s_t)) ∇V(s_t))."""
        steps = jnp.maximum(trajectories.alive.sum(axis=0), 1)

        def closeness(params):
            missed = jnp.where(trajectories.alive, targets - self.values(params, trajectories), 0)
            return -0.5 * ((weights / steps)[None, :] * missed**2).sum()

        return jax.grad(closeness)(params)
