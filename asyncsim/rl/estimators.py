"""How the rewards of trajectories become a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import jax.numpy as jnp
from jax import lax

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
        of the same update at the same point, which leaves the mean of g as it is; 0 where there is no other one, so
        always under AFedPG.
    entropy: β >= 0. H is the entropy of the policy's distribution, for continuous actions that of u before tanh. The
        bonus is for the states that were visited: how actions change which ones are visited later is left out.

    Raises ValueError for other words, and for an entropy that is negative or not finite.
    """

    credit: Credit = "reward_to_go"
    baseline: Baseline = "none"
    entropy: float = 0.0

    def __post_init__(self):
        for key, known in (("credit", get_args(Credit)), ("baseline", get_args(Baseline))):
            if getattr(self, key) not in known:
                raise ValueError(f"{key}={getattr(self, key)!r} is unknown: give {' or '.join(map(repr, known))}")
        if not 0 <= self.entropy < math.inf:
            raise ValueError(f"entropy={self.entropy!r} is no weight of the entropy: give a finite number >= 0")

    def credits(self, rewards, discount: float):
        """C_t of rewards of shape (H, M); the same shape."""
        discounted = discounts(rewards, discount) * rewards
        if self.credit == "full_return":
            return jnp.broadcast_to(discounted.sum(axis=0), rewards.shape)
        if self.credit == "reward_to_go":
            return lax.cumsum(discounted, axis=0, reverse=True)

        def add(after, reward):
            here = reward + discount * after
            return here, here

        return lax.scan(add, jnp.zeros_like(rewards[0]), rewards, reverse=True)[1]

    def advantages(self, rewards, there, discount: float):
        """C_t - b_t, shape (H, M). there: (M,) bool, which trajectories there are; of others it means nothing."""
        credits = self.credits(rewards, discount)
        if self.baseline == "none":
            return credits
        here = jnp.where(there, credits, 0)
        others = jnp.maximum(there.sum() - 1, 1)
        return credits - (here.sum(axis=1, keepdims=True) - here) / others


def discounts(rewards, discount: float):
    """γ^t, shape (H, 1), of rewards of shape (H, M)."""
    return (discount ** jnp.arange(len(rewards), dtype=rewards.dtype))[:, None]
