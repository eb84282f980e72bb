"""The compiled programs of a replay: they begin lanes, advance them by a schedule's steps, and evaluate points."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..base import Problem, Update
from .keys import evaluation_key, initial_key, job_key
from .scheduling import Schedule


class Pending(NamedTuple):
    """What is there of updates that are begun, each of shape (ahead, ...): update u at u modulo ahead."""

    gradient: Any  # (ahead, d)
    returns: Any  # sum over jobs
    jobs: Any  # how many
    steps: Any  # environment steps of those jobs, int32


class Carry(NamedTuple):
    """One lane's state between steps."""

    state: Any  # of the update rule
    points: Any  # (max delay + 1, d): query point of version v at v modulo its length
    pending: Pending
    returns: Any  # as in `Pending`, of the updates since the last evaluation
    jobs: Any
    steps: Any


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def begin(problem: Problem, update: Update, length: int, ahead: int, seeds) -> Carry:
    """Every lane at θ_0, with nothing done; seeds, and the leaves of what is returned, have the shape (lanes, ...).

    length: how many query points are kept. ahead: how many updates may be begun at the same time.
    """

    def lane(seed):
        params = problem.init(initial_key(seed))
        state = jax.tree.map(jnp.asarray, update.init(params))
        points = jnp.zeros((length, params.size), params.dtype).at[0].set(update.query(state))
        nothing, none = jnp.zeros((), params.dtype), jnp.zeros((), jnp.int32)
        pending = Pending(params, nothing, none, none)
        pending = jax.tree.map(lambda x: jnp.zeros((ahead, *x.shape), x.dtype), pending)
        return Carry(state, points, pending, nothing, none, none)

    return jax.vmap(lane)(seeds)


@partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=(4,))
def advance(problem, update, widths, mixed, carry, seeds, step_sizes, plan: Schedule, low, high, done, mark) -> Carry:
    """In every lane: do the schedule's steps low .. high - 1, and apply the updates done .. mark - 1."""

    def lane(carry: Carry, seed, step_size):
        length, ahead = len(carry.points), len(carry.pending.jobs)

        def compute(width, row, carry: Carry) -> Pending:
            """What is pending after the gradients of a step."""
            columns = (plan.version, plan.worker, plan.index, plan.weight, plan.again, plan.update)
            version, worker, index, weight, again, slot = (
                lax.dynamic_slice_in_dim(column, plan.first[row], width) for column in columns
            )
            real = jnp.arange(width) < plan.count[row]
            keys, weight, slot = jax.vmap(partial(job_key, seed))(version, worker, index), weight * real, slot % ahead
            pending, new = carry.pending, real & ~again  # a trajectory counts once
            if mixed:
                points = carry.points[version % length]
                gradients, stats = jax.vmap(lambda point, *job: problem.gradient(point, *(x[None] for x in job)))(
                    points, keys, worker, weight
                )
                gradient, stats = pending.gradient.at[slot].add(gradients), jax.tree.map(lambda x: x[:, 0], stats)
            else:
                gradient, stats = problem.gradient(carry.points[version[0] % length], keys, worker, weight)
                gradient = gradient[None]
            return Pending(
                gradient,
                pending.returns.at[slot].add(jnp.where(new, stats.returns, 0)),
                pending.jobs.at[slot].add(new),
                pending.steps.at[slot].add(jnp.where(new, stats.steps, 0)),
            )

        def apply(now, carry: Carry) -> Carry:
            slot, version = now % ahead, plan.oldest[now]
            mine = jax.tree.map(lambda x: x[slot], carry.pending)
            state = update.apply(carry.state, mine.gradient, step_size, version, now - version)
            return Carry(
                state,
                carry.points.at[(now + 1) % length].set(update.query(state)),
                jax.tree.map(lambda x: x.at[slot].set(0), carry.pending),
                carry.returns + mine.returns,
                carry.jobs + mine.jobs,
                carry.steps + mine.steps,
            )

        def step(row, carried):
            carry, done = carried
            branches = [partial(compute, width) for width in widths]
            least = jnp.searchsorted(jnp.array(widths), plan.count[row])
            carry = carry._replace(pending=lax.switch(least, branches, row, carry))
            ready = jnp.minimum(plan.ready[row], mark)
            return lax.fori_loop(done, ready, apply, carry), ready

        known = jnp.minimum(jnp.where(low > 0, plan.ready[low - 1], 0), mark)
        carry = lax.fori_loop(done, known, apply, carry)  # what was complete already
        return lax.fori_loop(low, high, step, (carry, known))[0]

    return jax.vmap(lane)(carry, seeds, step_sizes)


@partial(jax.jit, static_argnums=0)
def evaluate(problem: Problem, points, seeds):
    """`Problem.evaluate` of points of shape (lanes, d), each with its seed's evaluation key."""
    return jax.vmap(lambda point, seed: problem.evaluate(point, evaluation_key(seed)))(points, seeds)
