"""The compiled programs of a replay: they begin lanes, advance them by a schedule's steps, and evaluate points.

All have one number of lanes (`lanes.LANES`), filled up where there are fewer, and advance by steps of one width. A
program rounds as its shapes let it, so the number of lanes and the widths follow from what a lane depends on. Lengths
of buffers may differ, for nothing is summed over them.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..base import Problem, Update, measure
from .keys import evaluation_key, initial_key, job_key
from .lanes import Lanes
from .scheduling import POOLED, Plan


class Pending(NamedTuple):
    """What is there of updates that are begun, each of shape (ahead, ...): update u at u modulo ahead."""

    gradient: Any  # (ahead, d)
    returns: Any  # sum over jobs
    jobs: Any  # how many
    steps: Any  # environment steps of those jobs, int32


class Sums(NamedTuple):
    """As in `Pending`, of the updates since the last evaluation."""

    returns: Any
    jobs: Any
    steps: Any


class Carry(NamedTuple):
    """One lane's state between steps."""

    state: Any  # of the update rule
    points: Any  # (max delay + 1, ...) or more: what was sent at version v, at v modulo its length
    pending: Pending
    sums: Sums


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def begin(problem: Problem, update: Update, length: int, ahead: int, seeds) -> Carry:
    """Every lane at θ_0, with nothing done; seeds, and the leaves of what is returned, have the shape (lanes, ...).

    length: how many query points are kept. ahead: how many updates may be begun at the same time.
    """

    def lane(seed):
        params = problem.init(initial_key(seed))
        # Of types that are not weak, as a checkpoint's are: weak ones would take a program of their own.
        state = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.asarray(leaf).dtype), update.init(params))
        sent = update.query(state)
        points = jnp.zeros((length, *sent.shape), params.dtype).at[0].set(sent)
        nothing, none = jnp.zeros((), params.dtype), jnp.zeros((), jnp.int32)
        pending = Pending(params, nothing, none, none)
        pending = jax.tree.map(lambda x: jnp.zeros((ahead, *x.shape), x.dtype), pending)
        return Carry(state, points, pending, Sums(nothing, none, none))

    return jax.vmap(lane)(seeds)


@partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=(4,))
def advance(
    problem: Problem, update: Update, width: int, pool: int, carry: Carry, lanes: Lanes, plan: Plan, window
) -> Carry:
    """In every lane: do the schedule's steps low .. high - 1, and apply the updates done .. mark - 1.

    width: of the steps, `POOLED` or how many jobs with one point. pool: how many jobs a pooled step has room for.
    window: (low, high, done, mark).
    """
    room, (low, high, done, mark) = pool if width == POOLED else width, window
    of_jobs = measure(update, problem)

    def lane(carry: Carry, seed, step_size, real):
        length, ahead = len(carry.points), len(carry.pending.jobs)

        def compute(row, carry: Carry) -> Carry:
            """With what is pending after the gradients of a step."""
            columns = (plan.version, plan.worker, plan.index, plan.weight, plan.again, plan.update)
            version, worker, index, weight, again, slot = (
                lax.dynamic_slice_in_dim(column, plan.first[row], room) for column in columns
            )
            there = (jnp.arange(room) < plan.count[row]) & real
            keys, weight, slot = jax.vmap(partial(job_key, seed))(version, worker, index), weight * there, slot % ahead
            pending, new = carry.pending, there & ~again  # a trajectory counts once
            if width == POOLED:
                points = carry.points[version % length]
                gradient, stats = jax.vmap(lambda point, *job: of_jobs(point, *(x[None] for x in job)))(
                    points, keys, worker, weight
                )
                stats = jax.tree.map(lambda x: x[:, 0], stats)
            else:
                gradient, stats = of_jobs(carry.points[version[0] % length], keys, worker, weight)
            whole = pending.gradient.at[slot if width == POOLED else slot[0]].add(gradient)
            returns = pending.returns.at[slot].add(jnp.where(new, stats.returns, 0))
            steps = pending.steps.at[slot].add(jnp.where(new, stats.steps, 0))
            return carry._replace(pending=Pending(whole, returns, pending.jobs.at[slot].add(new), steps))

        def apply(now, carry: Carry) -> Carry:
            slot, version = now % ahead, plan.oldest[now]
            mine = jax.tree.map(lambda x: x[slot], carry.pending)
            state = update.apply(carry.state, mine.gradient, step_size, version, now - version)
            sums = jax.tree.map(jnp.add, carry.sums, Sums(*mine[1:]))
            points = carry.points.at[(now + 1) % length].set(update.query(state))
            return Carry(state, points, jax.tree.map(lambda x: x.at[slot].set(0), carry.pending), sums)

        def step(row, carried):
            carry, done = carried
            carry = compute(row, carry)
            ready = jnp.minimum(plan.ready[row], mark)
            return lax.fori_loop(done, ready, apply, carry), ready

        known = jnp.minimum(jnp.where(low > 0, plan.ready[low - 1], done), mark)
        carry = lax.fori_loop(done, known, apply, carry)  # what was complete already
        return lax.fori_loop(low, high, step, (carry, known))[0]

    return jax.vmap(lane)(carry, *lanes)


@partial(jax.jit, static_argnums=0)
def evaluate(problem: Problem, point, direction, seed):
    """`Problem.evaluate` of one lane's point with its seed's evaluation key, and ‖d‖ of its last step.

    Everything is NaN of a point that is not finite: an environment with discrete actions has some return of it, too.
    """
    found = problem.evaluate(point, evaluation_key(seed))
    finite = jnp.isfinite(point).all()
    return jax.tree.map(lambda x: jnp.where(finite, x, jnp.nan), found), jnp.linalg.norm(direction)
