"""Finite Markov decision processes with a softmax table: small enough to know J and ∇J exactly.

The estimator is g_H(τ, θ) = Σ_{t<H} ( Σ_{h=t}^{H-1} γ^h r_h ) ∇ log π_θ(a_t | s_t), with γ^h counted from the start of
the episode (arXiv 2509.24305, eq. 3), so E[g_H] = ∇J_H, the gradient of the truncated return J_H = E Σ_{h<H} γ^h r_h.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from asyncsim.base import Array, Evaluation, JobStats

from .offers import hessian_product, local_steps, two_gradients


class Visits(NamedTuple):
    """M trajectories of H steps."""

    visits: Array  # s·A + a, shape (H, M), int32
    rewards: Array  # (H, M)


@dataclass(frozen=True, eq=False, repr=False)  # equal by its numbers, below
class TabularMDP:
    """S states, A actions, and the policy π_θ(a|s) = softmax(θ[s])_a with θ a flat (S, A) table, d = S·A.

    With a leading axis of n, worker i has its own rewards or transitions (or both), and J = (1/n) Σ_i J_i.
    """

    transitions: Array  # P(s'|s, a), shape (S, A, S) or (n, S, A, S)
    rewards: Array  # r(s, a), shape (S, A) or (n, S, A)
    initial: Array  # distribution of s_0, shape (S,), the same for all workers
    discount: float = 0.9  # γ, in [0, 1)
    horizon: int = 50  # H, environment steps per trajectory
    init_scale: float = 0.0  # standard deviation of θ_0; 0: the uniform policy

    def __post_init__(self):
        for name in ("transitions", "rewards", "initial"):
            object.__setattr__(self, name, np.array(getattr(self, name), float))  # own copies, in full precision
        P, r = self.transitions, self.rewards
        if P.ndim not in (3, 4) or P.shape[-3] != P.shape[-1] or not P.size:
            raise ValueError(f"transitions: shape {P.shape}; needs (S, A, S), or (n, S, A, S) for n workers")
        if r.ndim not in (2, 3) or r.shape[-2:] != P.shape[-3:-1]:
            raise ValueError(f"rewards: shape {r.shape}; needs {P.shape[-3:-1]}, with n in front for n workers")
        if self.initial.shape != P.shape[-1:]:
            raise ValueError(f"initial: shape {self.initial.shape}; needs {P.shape[-1:]}, one probability per state")
        if r.ndim == 3 and (len(r) == 0 or P.ndim == 4 and len(r) != len(P)):
            raise ValueError(f"rewards: {len(r)} workers; needs as many as transitions, one or more")
        if not np.isfinite(r).all():
            raise ValueError(f"rewards: {r[~np.isfinite(r)][0]}; needs finite numbers")
        for name, p in (("transitions", P), ("initial", self.initial)):
            if not (p >= 0).all():
                raise ValueError(f"{name}: probability {p[~(p >= 0)][0]}; needs numbers in [0, 1]")
            off = np.abs(p.sum(-1) - 1)
            if not (off <= 1e-6).all():  # wide enough for rows that were written in 32 bits
                raise ValueError(f"{name}: a row sums to {p.sum(-1).flat[off.argmax()]:.6g}; needs 1")
            p /= p.sum(-1, keepdims=True)
            p.flags.writeable = False
        r.flags.writeable = False
        if not 0 <= self.discount < 1:
            raise ValueError(f"discount: {self.discount}; needs 0 <= γ < 1")
        if not isinstance(self.horizon, (int, np.integer)) or self.horizon < 1:
            raise ValueError(f"horizon: {self.horizon}; needs a whole number of steps, 1 or more")
        if not 0 <= self.init_scale < np.inf:
            raise ValueError(f"init_scale: {self.init_scale}; needs a finite number, 0 or more")

    def __eq__(self, other):
        return isinstance(other, TabularMDP) and self._values == other._values

    def __hash__(self):
        return hash(self._values)

    @cached_property
    def _values(self) -> tuple:
        """All that it consists of: one compiled program serves two that are equal."""
        arrays = (self.transitions, self.rewards, self.initial)
        scalars = (self.discount, self.horizon, self.init_scale)
        return tuple((array.shape, array.tobytes()) for array in arrays) + scalars

    def __repr__(self):
        return (
            f"TabularMDP(states={self.states}, actions={self.actions}, workers={self.workers}, "
            f"discount={self.discount}, horizon={self.horizon}, init_scale={self.init_scale})"
        )

    @classmethod
    def garnet(cls, states=20, actions=4, branching=3, seed=0, discount=0.9, horizon=50, workers=None, init_scale=0.0):
        """A random MDP (Archibald, McKinnon & Thomas 1995, "On the generation of Markov decision processes").

        Each (s, a) has `branching` distinct successors, with probabilities uniform on the simplex; rewards are U[0, 1];
        s_0 is uniform. The n `workers` share the transitions, which do not depend on n, and each has its own rewards.
        """
        for name, value in (("states", states), ("actions", actions), ("workers", 1 if workers is None else workers)):
            if value < 1:
                raise ValueError(f"{name}: {value}; needs 1 or more")
        if not 1 <= branching <= states:
            raise ValueError(f"branching: {branching}; needs 1 to {states}, the number of states")
        rng = np.random.Generator(np.random.Philox(seed))
        successors = rng.random((states, actions, states)).argsort(-1)[..., :branching]
        transitions = np.zeros((states, actions, states))
        np.put_along_axis(transitions, successors, rng.dirichlet(np.ones(branching), (states, actions)), -1)
        rewards = rng.random((states, actions) if workers is None else (workers, states, actions))
        return cls(transitions, rewards, np.full(states, 1 / states), discount, horizon, init_scale)

    @classmethod
    def chain(cls, states=5, slip=0.1, small=0.1, large=1.0, discount=0.9, horizon=50, init_scale=0.0):
        """The chain: action 0 goes left, 1 goes right, and with probability `slip` the other way; at an end it stays.

        It starts at the left end, where going left pays `small`; going right at the right end pays `large`.
        """
        if states < 2:
            raise ValueError(f"states: {states}; needs 2 or more, a chain has two ends")
        if not 0 <= slip <= 1:
            raise ValueError(f"slip: {slip}; needs a probability in [0, 1]")
        here = np.arange(states)
        left, right = np.eye(states)[np.maximum(here - 1, 0)], np.eye(states)[np.minimum(here + 1, states - 1)]
        transitions = np.stack([(1 - slip) * left + slip * right, slip * left + (1 - slip) * right], 1)
        rewards = np.zeros((states, 2))
        rewards[0, 0], rewards[-1, 1] = small, large
        return cls(transitions, rewards, np.eye(states)[0], discount, horizon, init_scale)

    @property
    def states(self) -> int:
        """S."""
        return self.rewards.shape[-2]

    @property
    def actions(self) -> int:
        """A."""
        return self.rewards.shape[-1]

    @property
    def workers(self) -> int | None:
        """How many workers have tables of their own; None: all share them."""
        if self.rewards.ndim == 3:
            return len(self.rewards)
        return len(self.transitions) if self.transitions.ndim == 4 else None

    def init(self, key: Array) -> Array:
        """θ_0, shape (S·A,): zeros by default, else normal with standard deviation `init_scale`."""
        return self.init_scale * jax.random.normal(key, (self.states * self.actions,), jnp.result_type(float))

    def policy(self, params: Array) -> Array:
        """π_θ(a|s), shape (S, A)."""
        return jax.nn.softmax(params.reshape(self.states, self.actions))

    # ---- sampled

    @cached_property
    def _steps(self) -> np.ndarray:
        """P(s' ≤ j | s, a), shape (1 or n, S·A, S - 1), without the last column of ones: so every draw is a state."""
        cumulative = self.transitions.cumsum(-1)
        cumulative /= cumulative[..., -1:]  # exactly 1 after the last successor, so no draw goes beyond it
        return cumulative.reshape(-1, self.states * self.actions, self.states)[..., :-1]

    @cached_property
    def _starts(self) -> np.ndarray:
        cumulative = self.initial.cumsum()
        return (cumulative / cumulative[-1])[:-1]

    def _visits(self, params: Array, keys: Array, workers: Array) -> Array:
        """M trajectories, all at once: the visited s·A + a, shape (H, M), int32."""
        dtype = jnp.result_type(float)
        steps, starts = jnp.asarray(self._steps, dtype), jnp.asarray(self._starts, dtype)
        acts = self.policy(params).cumsum(-1)[:, :-1]
        home = workers if len(steps) > 1 else jnp.zeros_like(workers)

        def draw(cumulative, uniforms):  # inverse CDF, one row per job
            return (uniforms[:, None] >= cumulative).sum(-1, dtype=jnp.int32)

        def step(state, uniforms):
            visit = state * self.actions + draw(acts[state], uniforms[0])
            return draw(steps[home, visit], uniforms[1]), visit

        uniforms = jax.vmap(lambda key: jax.random.uniform(key, (2 * self.horizon + 1,), dtype))(keys).T
        first = draw(starts[None], uniforms[0])
        return jax.lax.scan(step, first, uniforms[1:].reshape(self.horizon, 2, -1))[1]

    def sampled(self, params: Array, keys: Array, workers: Array, there: Array) -> tuple[Visits, JobStats]:
        """One trajectory per key; returns (M,), steps = H (M,). Those that are not ``there`` are sampled, too."""
        visits = self._visits(params, keys, workers)
        table = jnp.asarray(self.rewards.reshape(-1, self.states * self.actions), jnp.result_type(float))
        rewards = table[workers if len(table) > 1 else jnp.zeros_like(workers), visits]
        return Visits(visits, rewards), JobStats(rewards.sum(0), jnp.full(len(keys), self.horizon, jnp.int32))

    def log_probs(self, params: Array, trajectories: Visits) -> Array:
        """log π_θ(a_t|s_t), shape (H, M)."""
        return jax.nn.log_softmax(params.reshape(self.states, self.actions)).ravel()[trajectories.visits]

    def scored(self, params: Array, trajectories: Visits, weights: Array) -> Array:
        """Σ_j weights_j g_H(τ_j, θ), shape (S·A,)."""
        dtype = jnp.result_type(float)
        powers = jnp.asarray(self.discount ** np.arange(self.horizon), dtype)[:, None]
        to_go = jax.lax.cumsum(powers * trajectories.rewards, reverse=True)
        # ∇ log π(a|s) is the indicator of (s, a) minus π(·|s) in row s.
        credit = jnp.zeros(self.states * self.actions, dtype).at[trajectories.visits].add(weights[None] * to_go)
        credit = credit.reshape(self.states, self.actions)
        gradient = credit - self.policy(params) * credit.sum(-1, keepdims=True)
        return gradient.ravel()

    def gradient(self, params: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
        """Σ_j weights_j g_H(τ_j, θ), shape (S·A,), one trajectory per key; returns (M,), steps = H (M,)."""
        trajectories, stats = self.sampled(params, keys, workers, weights != 0)
        return self.scored(params, trajectories, weights), stats

    two_gradients, hessian_product, local_steps = two_gradients, hessian_product, local_steps

    # ---- exact

    def _mean(self, values, params: Array, worker: Array | None) -> Array:
        """ρᵀ values(P_π, r_π) of one worker's tables, or its mean over all workers.

        Products ask for full precision, because a device's default may be less.
        """
        dtype = jnp.result_type(float)
        P, r, start = (jnp.asarray(x, dtype) for x in (self.transitions, self.rewards, self.initial))
        policy = self.policy(params)

        def value(P, r):
            P = jnp.einsum("sa,sat->st", policy, P, precision="highest")
            return (start * values(P, (policy * r).sum(-1))).sum()

        if worker is not None:
            return value(P[worker] if P.ndim == 4 else P, r[worker] if r.ndim == 3 else r)
        if self.workers is None:
            return value(P, r)
        return jax.vmap(value, (0 if P.ndim == 4 else None, 0 if r.ndim == 3 else None))(P, r).mean()

    def value(self, params: Array, worker: Array | None = None) -> Array:
        """Exact J_H(θ) = E Σ_{h<H} γ^h r_h; of one `worker`, J_i."""

        def values(P, r):
            def backup(v, _):
                return r + self.discount * jnp.dot(P, v, precision="highest"), None

            return jax.lax.scan(backup, jnp.zeros_like(r), length=self.horizon)[0]

        return self._mean(values, params, worker)

    def exact_gradient(self, params: Array, worker: Array | None = None) -> Array:
        """∇J_H(θ) = E[g_H], shape (S·A,); of one `worker`, ∇J_i."""
        return jax.grad(self.value)(params, worker)

    def infinite_value(self, params: Array, worker: Array | None = None) -> Array:
        """J(θ) for H = ∞: ρᵀ (I - γ P_π)^-1 r_π; of one `worker`, J_i."""

        def values(P, r):
            return jnp.linalg.solve(jnp.eye(self.states, dtype=r.dtype) - self.discount * P, r)

        return self._mean(values, params, worker)

    def optimal_value(self) -> float:
        """max over policies of J for H = ∞, by policy iteration. ValueError where workers differ in transitions.

        It also bounds J_H if no reward is negative. A mean over different transitions is no single MDP.
        """
        if self.transitions.ndim == 4:
            raise ValueError("optimal_value: each worker has its own transitions; needs transitions of shape (S, A, S)")
        P, r = self.transitions, self.rewards.mean(0) if self.rewards.ndim == 3 else self.rewards
        here, action = np.arange(self.states), np.zeros(self.states, int)
        while True:
            v = np.linalg.solve(np.eye(self.states) - self.discount * P[here, action], r[here, action])
            q = r + self.discount * P @ v
            if (q.max(-1) - v).max() <= 1e-12 * max(1.0, np.abs(v).max()):
                return float(self.initial @ v)
            action = q.argmax(-1)

    def evaluate(self, params: Array, key: Array) -> Evaluation:
        """Exact J_H(θ), ‖∇J_H(θ)‖, and every worker's J_i; needs no randomness."""
        value, gradient = jax.value_and_grad(self.value)(params)
        own = jax.vmap(lambda worker: self.value(params, worker))(jnp.arange(self.workers)) if self.workers else ()
        return Evaluation(value, jnp.linalg.norm(gradient), own)
