"""How the rewards of trajectories become a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax.numpy as jnp
from jax import lax

from .critics import Critic

Credit = Literal["reward_to_go", "full_return", "reward_to_go_from_step"]
Baseline = Literal["none", "leave_one_out"]


@dataclass(frozen=True)
class Estimator:
    """g(τ, θ) = Σ_t (C_t - b_t) ∇ log π_θ(a_t | s_t) + β Σ_t γ^t ∇ H(π_θ(· | s_t)). The default is the paper's.

    credit: what an action is given, C_t.
        ``"reward_to_go"``: Σ_{h≥t} γ^h r_h, which counts the discount from the start of the episode (arXiv 2509.24305,
        eq. 3). ``"full_return"``: Σ_h γ^h r_h, as REINFORCE (Williams 1992). Both have the mean ∇J.
        ``"reward_to_go_from_step"``: Σ_{h≥t} γ^(h-t) r_h, as most programs have it. Late steps then weigh as much as
        early ones, and the mean is not ∇J, unless γ = 1.
    baseline: what is subtracted, b_t. ``"none"``: 0. ``"leave_one_out"``: the mean of C_t over the other trajectories
        that are computed with it at one point, which leaves the mean of g as it is. It is 0 where there is none: under
        rules that mix versions, as AFedPG's, with local steps, and in `train`, which computes jobs one by one.
    critic: gives the baseline, b_t = γ^t V(s_t), or V(s_t) where the credit is discounted from the step; with its
        λ < 1, C_t - b_t is the generalised advantage (see `Critic`). Not for full returns.
    entropy: β >= 0. H is the entropy of the policy's distribution, for continuous actions that of u before tanh. The
        bonus is for the states that were visited: how actions change which ones are visited later is left out.

    Raises ValueError for other words, for an entropy that is negative or not finite, and for what a critic excludes.
    """

    credit: Credit = "reward_to_go"
    baseline: Baseline = "none"
    entropy: float = 0.0
    critic: Critic | None = None

    def __post_init__(self):
        for key, known in (("credit", get_args(Credit)), ("baseline", get_args(Baseline))):
            if getattr(self, key) not in known:
                raise ValueError(f"{key}={getattr(self, key)!r} is unknown: give {' or '.join(map(repr, known))}")
        if not 0 <= self.entropy < math.inf:
            raise ValueError(f"entropy={self.entropy!r} is no weight of the entropy: give a finite number >= 0")
        if self.critic and self.baseline != "none":
            raise ValueError(f"baseline={self.baseline!r} and a critic, which is one: give one of them")
        if self.critic and self.credit == "full_return":
            raise ValueError("credit='full_return' and a critic, which knows what follows: give 'reward_to_go'")

    def credits(self, rewards, discount: float):
        """C_t of rewards of shape (H, M); the same shape."""
        discounted = discounts(rewards, discount) * rewards
        if self.credit == "full_return":
            return jnp.broadcast_to(discounted.sum(axis=0), rewards.shape)
        if self.credit == "reward_to_go":
            return lax.cumsum(discounted, axis=0, reverse=True)
        return _summed_ahead(rewards, discount)

    def advantages(self, rewards, there, discount: float):
        """C_t - b_t, shape (H, M). there: (M,) bool, which trajectories there are; of others it means nothing."""
        credits = self.credits(rewards, discount)
        if self.baseline == "none":
            return credits
        here = jnp.where(there, credits, 0)
        others = jnp.maximum(there.sum() - 1, 1)
        return credits - (here.sum(axis=1, keepdims=True) - here) / others

    def judged(self, rewards, values, discount: float):
        """C_t - b_t, and what the critic should have said instead of ``values``, V(s_t); all of shape (H, M).

        After an episode's end, values are 0, and nothing follows the last step: J is of H steps.
        """
        critic: Any = self.critic
        after = jnp.concatenate([values[1:], jnp.zeros_like(values[:1])])
        errors = rewards + discount * after - values
        advantages = _summed_ahead(errors, discount * critic.gae_lambda)
        scale = discounts(rewards, discount) if self.credit == "reward_to_go" else 1.0
        return scale * advantages, advantages + values


def _summed_ahead(terms, factor: float):
    """Σ_{h≥t} factor^(h-t) x_h for each t, of terms of shape (H, M)."""

    def add(after, term):
        here = term + factor * after
        return here, here

    return lax.scan(add, jnp.zeros_like(terms[0]), terms, reverse=True)[1]


def discounts(rewards, discount: float):
    """γ^t, shape (H, 1), of rewards of shape (H, M)."""
    return (discount ** jnp.arange(len(rewards), dtype=rewards.dtype))[:, None]
