"""Trajectories, and the gradient that is made of them."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap
from jax.flatten_util import ravel_pytree

from .estimators import discounts
from .spaces import Trajectories

CHUNK = 50  # steps of one backward pass
ROWS = 256  # a matrix product sums over at most so many rows, if there are not more jobs: larger ones are slower


def rollout(environments, policy, params, keys, horizon: int, started=None) -> Trajectories:
    """One trajectory per key, all under the ``policy`` (a `PolicyNetwork`) with θ = ``params``.

    environments: a callable that maps ``f(environment, *batched)`` over the M jobs (one environment for all, or each
    job's own). Every key is split for reset, actions and dynamics; nothing else is random.
    started: (M,) bool, which jobs have a trajectory at all; None: all. Others take infinite actions, which MuJoCo's
        engine does not simulate.
    """
    reset_keys, action_keys, step_keys = jax.vmap(lambda key: tuple(jax.random.split(key, 3)))(keys)
    noise = jax.vmap(lambda key: policy.noise(key, horizon), out_axes=1)(action_keys)
    keys = jax.vmap(lambda key: jax.random.split(key, horizon), out_axes=1)(step_keys)
    layers = policy.layers(params)

    def step(t, state, alive):
        observations = environments(lambda environment, state: environment.observe(state), state)
        latents = policy.sample(policy.heads(layers, observations), noise[t])
        actions = policy.action(latents)
        if started is not None and jnp.issubdtype(actions.dtype, jnp.floating):
            actions = jnp.where(_like(started, actions), actions, jnp.inf)
        after, rewards, terminated = environments(
            lambda environment, *args: environment.step(*args), state, actions, keys[t]
        )
        rewards = jnp.where(alive, rewards, 0)
        state = jax.tree.map(lambda new, old: jnp.where(_like(alive, new), new, old), after, state)
        observations, latents = (jnp.where(_like(alive, x), x, 0) for x in (observations, latents))
        return state, alive & ~terminated, Trajectories(observations, latents, rewards, alive)

    def write(carry):
        t, state, alive, written = carry
        state, alive, now = step(t, state, alive)
        return t + 1, state, alive, jax.tree.map(lambda rows, row: rows.at[t].set(row), written, now)

    state, alive = (
        environments(lambda environment, key: environment.reset(key), reset_keys)
        if started is None
        else environments(_reset_if, reset_keys, started),
        jnp.ones(len(keys[0]), bool) if started is None else started,
    )
    shapes = jax.eval_shape(step, 0, state, alive)[2]
    empty = jax.tree.map(lambda row: jnp.zeros((horizon, *row.shape), row.dtype), shapes)
    # Nothing is simulated once every episode is over.
    start = (0, state, alive, empty)
    _, state, _, written = lax.while_loop(lambda carry: (carry[0] < horizon) & _any(carry[2]), write, start)
    closed = environments(_close, state)
    return lax.optimization_barrier((written, closed))[0] if jax.tree.leaves(closed) else written


def _close(environment, state):
    """Whatever `close` returns, where there is one."""
    own = getattr(environment, "close", None)
    return () if own is None else own(state)


def _reset_if(environment, key, there):
    """A first state; of an episode that nobody wants, whatever state costs least."""
    own = getattr(environment, "reset_if", None)
    return environment.reset(key) if own is None else own(key, there)


def weighted_gradient(policy, params, trajectories: Trajectories, weights, advantages, discount: float, entropy: float):
    """Σ_j w_j Σ_t (advantage_t ∇ log π_θ(u_t | s_t) + entropy γ^t ∇ H(π_θ(· | s_t))), shape (d,).

    advantages: (H, M).

    Backward passes over `CHUNK` steps of all jobs, one after another, until all episodes are over. They repeat the
    forward pass of the rollout: to store it would cost more memory traffic than the arithmetic it saves.
    """
    horizon, jobs = trajectories.rewards.shape
    gains = weights[None, :] * advantages * trajectories.alive
    bonus = entropy * discounts(trajectories.rewards, discount) * weights[None, :] * trajectories.alive
    length = min(CHUNK, horizon)
    block = max(steps for steps in range(1, length + 1) if length % steps == 0 and steps * jobs <= max(ROWS, jobs))
    layers = policy.layers(params)

    @jax.grad
    def score(layers, observations, latents, gains, bonus):
        heads = policy.heads(layers, observations)
        scored = jnp.vdot(gains, policy.log_prob(heads, latents))
        return scored + jnp.vdot(bonus, policy.entropy(heads)) if entropy else scored

    def chunk(k, gradient):
        start = jnp.minimum(k * CHUNK, horizon - length)  # the last chunk may overlap the one before
        rows = (trajectories.observations, trajectories.latents, gains, bonus)
        observations, latents, gain, more = (lax.dynamic_slice_in_dim(x, start, length) for x in rows)
        fresh = (start + jnp.arange(length) >= k * CHUNK)[:, None]
        parts = (observations, latents, gain * fresh, more * fresh)
        blocks = (x.reshape(-1, block * jobs, *x.shape[2:]) for x in parts)
        parts = jax.vmap(partial(score, layers))(*blocks)
        return jax.tree.map(lambda whole, part: whole + part.sum(axis=0), gradient, parts)

    steps = _most(trajectories.alive.any(axis=1).sum())
    chunks = (steps + CHUNK - 1) // CHUNK
    return ravel_pytree(lax.fori_loop(0, chunks, chunk, jax.tree.map(jnp.zeros_like, layers)))[0]


def log_probs(policy, params, trajectories: Trajectories):
    """log π_θ(u_t | s_t) of what was sampled, shape (H, M); 0 after an episode's end."""
    rows = (x.reshape(-1, *x.shape[2:]) for x in (trajectories.observations, trajectories.latents))
    observations, latents = rows
    found = policy.log_prob(policy.heads(policy.layers(params), observations), latents)
    return jnp.where(trajectories.alive, found.reshape(trajectories.alive.shape), 0)


def _over_lanes(reduce):
    """A reduction that, under vmap, also reduces over the mapped axis, so that loops end for all lanes at once.

    Otherwise a loop under vmap would copy its whole carry at every step, to keep that of lanes that are done.
    """
    function = custom_vmap(reduce)
    function.def_vmap(lambda size, batched, x: (function(x), False))
    return function


_any = _over_lanes(lambda flags: flags.any())
_most = _over_lanes(lambda counts: counts.max())


def _like(mask, array):
    return mask.reshape(mask.shape + (1,) * (array.ndim - mask.ndim))
