"""MuJoCo's robots on the C engine, equal to Gymnasium 1.4's -v4 and -v5 tasks step for step.

One callback per step takes the whole batch (seeds, step sizes, jobs) out of the compiled program and distributes it
over all cores. So a task looks like any other environment: it may be jitted, scanned and vmapped.

A trajectory is a pure function of its first state and its actions, bit for bit: the same in every slot, batch and
number of threads, whatever ran before. (The *policy's* matrix products round differently in batches of other shapes,
and physics amplifies that: whole runs are equal where their shapes are.) Between releases of MuJoCo trajectories
differ; results hold for the release that pyproject.toml pins.

Deviations from Gymnasium: noise at reset comes from JAX keys (same distributions), in JAX's float; observations and
rewards are rounded to JAX's float at the end; and a step that MuJoCo finds unstable ends the episode with reward 0 and
an observation of zeros, where Gymnasium continues from the model's initial pose. Left out: time limits (the caller has
a horizon), rendering, other models, ``terminate_when_unhealthy=False``, and changing the healthy ranges.
"""

from __future__ import annotations

import copy
import ctypes
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from asyncsim.base import Array, nearest

from . import mjx
from .callback import callback
from .spaces import Box
from .tasks import HUGE, TASKS, Task

THREADS = os.cpu_count() or 1


class State(NamedTuple):
    """The state of an episode."""

    bits: Array  # uint32, two per float64 of the engine's row: exact also in JAX's 32-bit mode
    observation: Array  # Gymnasium's, before `sign` and `flag`


@dataclass(frozen=True)
class MuJoCo:
    """A robot: Gymnasium's task of this name. Fields that are None become Gymnasium's values.

    reward = forward_reward_weight · progress + healthy_reward · healthy - ctrl_cost_weight · ‖action‖² - contact cost

    progress: velocity in x (m/s; Humanoid: of the centre of mass); Reacher: -distance to the target (m).
    healthy: 1 (from -v5 on: 0 in the step that ends the episode). Contact cost: 5e-7 ‖contact forces‖², at most 10;
    in Humanoid-v5 only.

    The numbers may be traced, and may differ by worker: a negative ``forward_reward_weight`` rewards running backwards,
    ``gravity_scale`` changes the dynamics, ``sign`` and ``flag`` the observations (two worlds in arXiv 2509.24305).
    """

    name: str  # Gymnasium's id
    forward_reward_weight: float | None = None
    ctrl_cost_weight: float | None = None
    healthy_reward: float | None = None
    reset_noise_scale: float | None = None  # Reacher: of the joints' angles
    gravity_scale: float = 1.0  # times the model's gravity
    sign: float = 1.0  # the policy sees sign · observation ...
    flag: float | None = None  # ... and then this number, unless None
    engine: str = "mujoco"  # the C engine; or "mjx", for accelerators

    def __post_init__(self):
        if self.name not in TASKS:
            raise ValueError(f"environment={self.name!r} is unknown: {nearest(self.name, list(TASKS))}")
        for key, value in TASKS[self.name].defaults.items():
            if getattr(self, key) is None:
                object.__setattr__(self, key, value)
        if self.engine not in ("mujoco", "mjx"):
            raise ValueError(f"engine={self.engine!r} is unknown: give 'mujoco' or 'mjx'")
        self._physics()  # raises errors about missing packages here, not inside a compiled program

    def _physics(self) -> Engine | mjx.Engine:
        engine = _engine(self.name)
        return engine if self.engine == "mujoco" else mjx.engine(engine, jnp.result_type(float))

    @property
    def calls_host(self) -> bool:
        """Whether steps are computed on the host (by the C engine, a whole batch at once)."""
        return self.engine == "mujoco"

    @property
    def observation_size(self) -> int:
        return _engine(self.name).observation_size + (self.flag is not None)

    @property
    def actions(self) -> Box:
        """Torques as fractions of the motors' gears."""
        return _engine(self.name).actions

    def reset(self, key):
        task, home = TASKS[self.name], jnp.asarray(_engine(self.name).home, jnp.result_type(float))
        start = task.start(key, home, _engine(self.name).nv, self.reset_noise_scale)
        return self._physics().begin(start, self.gravity_scale)

    def observe(self, state):
        seen = self.sign * state.observation
        return seen if self.flag is None else jnp.append(seen, self.flag)

    def step(self, state, action, key):
        state, terms = self._physics().advance(state, action, self.gravity_scale)
        progress, healthy, effort, contact, ended = terms
        gain = self.forward_reward_weight * progress + self.healthy_reward * healthy
        return state, gain - (self.ctrl_cost_weight * effort + contact), ended > 0


TERMS = 5  # of `Task.terms`


class Engine:
    """A task in NumPy and the C engine, in batches. It has no state of its own, only scratch memory.

    A robot is a row of float64: whether its episode has ended; the task's `place`; and MuJoCo's integration state
    (time, qpos, qvel, the solver's warm start and the controls) without the applied forces, which are always zero.
    """

    def __init__(self, task: Task):
        self.task, self.mujoco = task, _import_mujoco()
        self.model = self.mujoco.MjModel.from_xml_path(str(_assets() / task.xml))
        self.model.opt.disableflags |= self.mujoco.mjtDisableBit.mjDSBL_AUTORESET
        state = self.mujoco.mjtState
        self.spec = int(state.mjSTATE_FULLPHYSICS | state.mjSTATE_WARMSTART | state.mjSTATE_CTRL)
        self.width = 2 + self.mujoco.mj_stateSize(self.model, self.spec)
        self.home, self.nv = self.model.qpos0.copy(), self.model.nv
        self.qpos = slice(3, 3 + self.model.nq)
        self.qvel = slice(self.qpos.stop, self.qpos.stop + self.nv)
        self.controls = slice(self.width - self.model.nu, self.width)
        self.pose = slice(self.qpos.start, self.qvel.stop)
        self.bounds = task.bounds(self.model.nq + self.nv)
        self.mass = self.model.body_mass.copy()
        self.seconds = task.frame_skip * self.model.opt.timestep
        self.actions = Box(self.model.nu, float(self.model.actuator_ctrlrange[0, 1]))
        self.blank = self.mujoco.MjData(self.model)
        self.spare: list[tuple[Any, Any]] = []  # models and their MjData that no thread is using
        self.observation_size = self.reset(np.append(self.home, np.ones(self.nv + 1)))[1].size

    def begin(self, start, gravity):
        """The state at these (qpos, qvel), in JAX."""
        return self._call(self.reset, gravity, start)[0]

    def advance(self, state, action, gravity):
        """The state after a step, and the terms of its reward, in JAX."""
        return self._call(self.step, gravity, action, state.bits)

    def _call(self, function, gravity, numbers, *bits):
        """Call ``function`` on the host; numbers go there and come back in JAX's float."""
        dtype = jnp.result_type(float)
        numbers = jnp.append(jnp.asarray(numbers, dtype), jnp.asarray(gravity, dtype))
        results = (2 * self.width, np.dtype(np.uint32)), (self.observation_size, dtype), (TERMS, dtype)
        bits, observation, terms = callback(function, results, numbers, *bits)
        return State(bits, observation), terms

    def reset(self, numbers):
        """Callback: rows, observations and zeros for terms, at these (qpos, qvel); gravity is the last number."""
        numbers = np.asarray(numbers)
        given = numbers.reshape(-1, numbers.shape[-1])
        rows = np.zeros((len(given), self.width))
        rows[:, self.pose] = given[:, :-1]
        seen = self._run(rows, given[:, -1], moving=False)
        rows[:, 1] = self.task.place(seen)
        return _shaped(numbers, rows, self._observe(seen, numbers.dtype), np.zeros((len(rows), TERMS), numbers.dtype))

    def step(self, numbers, bits):
        """Callback: rows, observations and terms after a step with these actions; gravity is the last number.

        Robots with infinite actions, which no policy takes, are not there: their episodes end. For robots whose episode
        had ended, observations and terms are 0, except the term that says so.
        """
        numbers, bits = np.asarray(numbers), np.asarray(bits)
        rows, given = bits.view(np.float64).reshape(-1, self.width), numbers.reshape(-1, numbers.shape[-1])
        going = (rows[:, 0] == 0) & ~np.isposinf(given[:, 0])
        if going.all():
            return _shaped(numbers, *self._step(rows, given))
        observations = np.zeros((len(rows), self.observation_size), numbers.dtype)
        terms = np.zeros((len(rows), TERMS), numbers.dtype)
        rows, terms[:, -1] = rows.copy(), 1
        rows[~going, 0] = 1
        if going.any():
            rows[going], observations[going], terms[going] = self._step(rows[going], given[going])
        return _shaped(numbers, rows, observations, terms)

    def _step(self, before, given):
        task, after, actions = self.task, before.copy(), given[:, :-1].astype(np.float64)
        after[:, self.controls] = actions
        seen = self._run(after, given[:, -1], moving=True)
        with np.errstate(all="ignore"):  # an unstable state may hold anything
            after[:, 1] = task.place(seen)
            observations, terms = self._observe(seen, given.dtype), np.zeros((len(after), TERMS), given.dtype)
            places = before[:, 1], after[:, 1], self.seconds
            for k, term in enumerate(task.terms(*places, self.bounds, after[:, self.pose], actions, seen)):
                terms[:, k] = term
            unstable = ~(np.abs(after[:, : self.controls.start]).max(1) < HUGE)  # NaN is not less
        if unstable.any():
            after[unstable], observations[unstable], terms[unstable] = before[unstable], 0, 0
            terms[unstable, -1] = 1
        after[:, 0] = terms[:, -1]
        return after, observations, terms

    def _observe(self, seen, dtype):
        return np.concatenate(self.task.observe(seen), axis=1, dtype=dtype)

    def _run(self, rows, gravity, moving):
        """Advance the rows by one step (``moving``), or only read them, on all cores; return what the task reads."""
        fields = {key: getattr(self.blank, key) for key in self.task.reads}
        reads = {key: np.empty((len(rows), *field.shape)) for key, field in fields.items()}
        lanes = iter(range(len(rows)))  # shared by the threads: each takes the next row when it is free
        args = lanes, rows[:, 2:], gravity.tolist(), reads, moving
        helpers = [_pool().submit(self._work, *args) for _ in range(min(THREADS, len(rows)) - 1)]
        self._work(*args)
        for helper in helpers:
            helper.result()
        return reads | {"qpos": rows[:, self.qpos], "qvel": rows[:, self.qvel], "mass": self.mass}

    def _work(self, lanes, states, gravity, reads, moving):
        """The work of one thread: only engine calls and copies, which run in parallel with other threads."""
        mujoco, spec, frame_skip, forces = self.mujoco, self.spec, self.task.frame_skip, "cfrc_ext" in self.task.reads
        set_state, get_state, step = mujoco.mj_setState, mujoco.mj_getState, mujoco.mj_step
        model, data = scratch = self.spare.pop() if self.spare else self._scratch()
        pull, weight = model.opt.gravity, self.model.opt.gravity[2]
        reads = [(to, getattr(data, key)) for key, to in reads.items()]
        for i in lanes:
            pull[2] = weight * gravity[i]
            state = states[i]
            if moving:
                set_state(model, data, state, spec)
                step(model, data, frame_skip)
                if forces:
                    mujoco.mj_rnePostConstraint(model, data)
            else:
                mujoco.mj_resetData(model, data)
                set_state(model, data, state, spec)
                mujoco.mj_forward(model, data)
            get_state(model, data, state, spec)
            for to, field in reads:
                to[i] = field
        self.spare.append(scratch)

    def _scratch(self):
        return copy.copy(self.model), self.mujoco.MjData(self.model)


def _shaped(numbers, rows, observations, terms):
    """Results, with the leading axes of the batch."""
    return tuple(x.reshape(*numbers.shape[:-1], -1) for x in (rows.view(np.uint32), observations, terms))


@cache
def _engine(name: str) -> Engine:
    return Engine(TASKS[name])


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, THREADS - 1), "mujoco")


def _import_mujoco():
    try:
        import mujoco
    except ImportError:
        raise ValueError("MuJoCo's tasks need the package mujoco: pip install mujoco==4.0.0") from None
    if mujoco.get_mju_user_warning() is None:  # by default MuJoCo writes MUJOCO_LOG.TXT to the working directory
        mujoco.set_mju_user_warning(logging.getLogger(__name__).info)
    for library in Path(mujoco.__file__).parent.glob("libmujoco.so.*"):  # on Linux; elsewhere it is only slower
        # The package has the engine read a clock at each stage of a step, for profiles: up to 30 % of a step.
        ctypes.c_void_p.in_dll(ctypes.CDLL(str(library)), "mjcb_time").value = None
    return mujoco


def _assets() -> Path:
    """Where Gymnasium's models are. Its MuJoCo classes are not imported: they need more packages."""
    package = find_spec("gymnasium")
    if package is None or package.origin is None:
        raise ValueError("MuJoCo's tasks need Gymnasium's models: pip install gymnasium==1.4.0")
    return Path(package.origin).parent / "envs" / "mujoco" / "assets"
