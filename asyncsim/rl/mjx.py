"""MJX, MuJoCo's physics in JAX, as a second engine for accelerators: the same models and tasks, as pure functions.

MJX takes Gymnasium's own models and is maintained with MuJoCo. It also runs on CPUs, where it can be compared with the
C engine: in 64 bits they agree up to rounding, until the physics amplifies it. Brax's environments are no longer
maintained. MuJoCo Playground's have other observations and rewards than the paper's tasks. MuJoCo Warp is 32-bit and
for Nvidia's devices only.

Deviations from the C engine: physics is in JAX's float, 32 bits by default. Humanoid's constraints are solved by
Newton's method, because MJX has no PGS; in 64 bits the relative difference of observations was 2e-8 after one step and
5e-6 within twenty. An episode that is over costs as much as the others, until all are over. Results may depend on the
batch shape, as everywhere in JAX.
"""

from __future__ import annotations

import contextlib
import copy
import io
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from asyncsim.base import Array

from .tasks import HUGE


class State(NamedTuple):
    """The state of an episode."""

    qpos: Array  # shape (nq,)
    qvel: Array  # shape (nv,)
    warmstart: Array  # the solver's start, shape (nv,)
    place: Array  # `Task.place`, shape ()
    observation: Array  # Gymnasium's, before `sign` and `flag`


class Engine:
    """A task in MJX, for one robot; batches are made by `vmap`. The model is that of the C engine ``reference``."""

    def __init__(self, reference: Any):
        self.reference, self.mjx = reference, _import_mjx()
        solvers, model = reference.mujoco.mjtSolver, copy.copy(reference.model)
        if model.opt.solver == solvers.mjSOL_PGS:
            model.opt.solver = solvers.mjSOL_NEWTON
        with jax.ensure_compile_time_eval():
            self.model = self.mjx.put_model(model, impl="jax")
            self.blank = self.mjx.make_data(model, impl="jax")

    def begin(self, start, gravity):
        """The state at these (qpos, qvel)."""
        qpos, qvel = jnp.split(start, [len(self.reference.home)])
        with _strict():
            data = self.mjx.forward(self._pulled(gravity), self.blank.replace(qpos=qpos, qvel=qvel))
        return self._state(qpos, qvel, data.qacc_warmstart, self._reads(data))[0]

    def advance(self, state, action, gravity):
        """The state after a step, and the terms of its reward."""
        task, model = self.reference.task, self._pulled(gravity)
        # As in the C engine, controls that are NaN or infinite act as zeros. The reward still has them.
        blank = self.blank.replace(ctrl=jnp.where(jnp.isfinite(action).all(), action, 0).astype(state.qpos.dtype))

        def substep(_, carry):
            qpos, qvel, warmstart, _ = carry
            data = self.mjx.step(model, blank.replace(qpos=qpos, qvel=qvel, qacc_warmstart=warmstart))
            if "cfrc_ext" in task.reads:
                data = self.mjx.rne_postconstraint(model, data)
            return data.qpos, data.qvel, data.qacc_warmstart, self._reads(data)

        with _strict():
            first = state.qpos, state.qvel, state.warmstart, self._reads(blank)
            qpos, qvel, warmstart, reads = jax.lax.fori_loop(0, task.frame_skip, substep, first)
        after, seen = self._state(qpos, qvel, warmstart, reads)
        pose = jnp.append(qpos, qvel)
        rows = (x[None] for x in (state.place, after.place))
        terms = task.terms(*rows, self.reference.seconds, self.reference.bounds, pose[None], action[None], seen)
        terms = jnp.stack([term[0].astype(pose.dtype) for term in terms])
        stable = jnp.abs(jnp.concatenate([pose, warmstart, after.place[None]])).max() < HUGE  # NaN is not less
        held = state._replace(observation=jnp.zeros_like(state.observation))
        after = jax.tree.map(lambda new, old: jnp.where(stable, new, old), after, held)
        return after, jnp.where(stable, terms, jnp.zeros_like(terms).at[-1].set(1))

    def _state(self, qpos, qvel, warmstart, reads):
        """The state, and what the task reads, as a batch of one row."""
        seen = {"qpos": qpos, "qvel": qvel, **reads}
        seen = {key: x[None] for key, x in seen.items()} | {"mass": jnp.asarray(self.reference.mass, qpos.dtype)}
        place = self.reference.task.place(seen)[0]
        observation = jnp.concatenate(self.reference.task.observe(seen), axis=1)[0]
        return State(qpos, qvel, warmstart, place, observation), seen

    def _reads(self, data):
        inner = data._impl  # where MJX keeps fields that only some of its implementations have
        return {key: getattr(inner if hasattr(inner, key) else data, key) for key in self.reference.task.reads}

    def _pulled(self, gravity):
        pull = self.model.opt.gravity
        return self.model.tree_replace({"opt.gravity": pull.at[2].multiply(gravity)})


@cache
def engine(reference: Any, dtype: Any) -> Engine:
    """The MJX engine for the task of this C engine, in JAX's float ``dtype``."""
    return Engine(reference)


@contextlib.contextmanager
def _strict():
    """Full precision of matrix products, which some accelerators lower; and rank promotion, which MJX relies on."""
    with jax.default_matmul_precision("highest"), jax.numpy_rank_promotion("allow"):
        yield


def _import_mjx():
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints that Warp is missing, which it can do without
            from mujoco import mjx
    except ImportError:
        raise ValueError("engine='mjx' needs the package mujoco-mjx: pip install 'asyncsim[gpu]'") from None
    return mjx
