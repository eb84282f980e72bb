"""MuJoCo's robots on the real C engine, equal to Gymnasium 1.4's -v4 and -v5 tasks step for step.

One `jax.pure_callback` per step takes the whole batch (seeds, step sizes, jobs) out of the compiled program and deals
it to all cores, so that a task looks like any other environment: it may be jitted, scanned and vmapped.

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
import logging
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from asyncsim.base import Array, nearest

from .environments import Box

THREADS = os.cpu_count() or 1
HUGE = 1e10  # MuJoCo's mjMAXVAL: beyond it a state is unstable


class State(NamedTuple):
    """Where an episode is."""

    bits: Array  # uint32, two per float64 of the engine's row: exact also where JAX has 32 bits
    observation: Array  # Gymnasium's, before the worker's view of it


@dataclass(frozen=True)
class MuJoCo:
    """A robot: Gymnasium's task of this name. Fields that are None become Gymnasium's values.

    reward = forward_reward_weight · progress + healthy_reward · healthy - ctrl_cost_weight · ‖action‖² - contact cost

    progress: velocity in x (m/s; Humanoid: of the centre of mass); Reacher: -distance to the target (m).
    healthy: 1 (from -v5 on: 0 in the step that ends the episode). Contact cost: 5e-7 ‖contact forces‖², at most 10;
    in Humanoid-v5 only.

    The numbers may be traced, and may differ by worker: a negative ``forward_reward_weight`` runs backwards,
    ``gravity_scale`` changes the dynamics, ``sign`` and ``flag`` the view (humanoid-two-worlds in arXiv 2509.24305).
    """

    name: str  # Gymnasium's id
    forward_reward_weight: float | None = None
    ctrl_cost_weight: float | None = None
    healthy_reward: float | None = None
    reset_noise_scale: float | None = None  # Reacher: of the joints' angles
    gravity_scale: float = 1.0  # times the model's gravity
    sign: float = 1.0  # the policy sees sign · observation ...
    flag: float | None = None  # ... and then this number, unless None

    def __post_init__(self):
        if self.name not in TASKS:
            raise ValueError(f"environment={self.name!r} is unknown: {nearest(self.name, list(TASKS))}")
        for key, value in TASKS[self.name].defaults.items():
            if getattr(self, key) is None:
                object.__setattr__(self, key, value)
        _engine(self.name)  # says now, not inside a compiled program, that a package is missing

    @property
    def observation_size(self) -> int:
        return _engine(self.name).observation_size + (self.flag is not None)

    @property
    def actions(self) -> Box:
        """Torques as fractions of the motors' gears."""
        return _engine(self.name).actions

    def reset(self, key):
        engine = _engine(self.name)
        home = jnp.asarray(engine.home, jnp.result_type(float))
        start = engine.task.start(key, home, engine.nv, self.reset_noise_scale)
        return self._call(engine.reset, start)[0]

    def observe(self, state):
        seen = self.sign * state.observation
        return seen if self.flag is None else jnp.append(seen, self.flag)

    def step(self, state, action, key):
        state, (progress, healthy, effort, contact, ended) = self._call(_engine(self.name).step, action, state.bits)
        gain = self.forward_reward_weight * progress + self.healthy_reward * healthy
        return state, gain - (self.ctrl_cost_weight * effort + contact), ended > 0

    def _call(self, function, numbers, *bits):
        """Out of the compiled program and back, in JAX's float. Few arguments, for each costs about 25 µs."""
        engine, dtype = _engine(self.name), jnp.result_type(float)
        numbers = jnp.append(jnp.asarray(numbers, dtype), jnp.asarray(self.gravity_scale, dtype))
        shapes = (
            jax.ShapeDtypeStruct((2 * engine.width,), np.uint32),
            jax.ShapeDtypeStruct((engine.observation_size,), dtype),
            jax.ShapeDtypeStruct((TERMS,), dtype),
        )
        bits, observation, terms = jax.pure_callback(function, shapes, numbers, *bits, vmap_method="broadcast_all")
        return State(bits, observation), terms


# How an episode starts: positions and velocities, shape (nq + nv,).


def _uniform(key, home, velocities, scale):
    """All uniform in ±scale around the model's pose at rest."""
    noise = jax.random.uniform(key, (len(home) + velocities,), home.dtype, -1, 1)
    return jnp.append(home, jnp.zeros(velocities, home.dtype)) + scale * noise


def _normal(key, home, velocities, scale):
    """Positions as in `_uniform`, velocities normal with deviation ``scale``."""
    keys = jax.random.split(key)
    noise = jax.random.normal(keys[1], (velocities,), home.dtype)
    return jnp.append(_uniform(keys[0], home, 0, scale), scale * noise)


def _arm(key, home, velocities, scale):
    """Angles uniform in ±scale, their velocities in ±0.005 rad/s; the target at rest, uniform in a disc of 0.2 m."""
    keys = jax.random.split(key, 3)
    angles, speeds = _uniform(keys[0], home[:2], 0, scale), _uniform(keys[1], jnp.zeros(2, home.dtype), 0, 0.005)
    area, turn = jax.random.uniform(keys[2], (2,), home.dtype)
    target = 0.2 * jnp.sqrt(area) * jnp.stack([jnp.cos(2 * math.pi * turn), jnp.sin(2 * math.pi * turn)])
    return jnp.concatenate([angles, target, speeds, jnp.zeros(2, home.dtype)])


# What is read off the engine after a step. `seen` holds arrays with one row per robot: qpos, qvel, and the task's
# `reads`. As in Gymnasium these reads are as old as the last forward pass inside the step, not as qpos and qvel.


def _x(seen):
    return seen["qpos"][:, 0]


def _centre_of_mass(seen):
    mass = seen["mass"]
    return (mass * seen["xipos"][:, :, 0]).sum(1) / mass.sum()


def _nearness(seen):
    return -np.sqrt(np.square(_to_finger(seen)).sum(1))


def _to_finger(seen):
    return seen["xpos"][:, 3] - seen["xpos"][:, 4]  # bodies "fingertip" and "target"


def _velocity(before, after, seconds):
    return (after - before) / seconds


def _before(before, after, seconds):
    return before


def _after(before, after, seconds):
    return after


def _all_but_x(seen):
    return seen["qpos"][:, 1:], seen["qvel"]


def _clipped(seen):
    return seen["qpos"][:, 1:], np.clip(seen["qvel"], -10, 10)


def _humanoid(seen, bodies=slice(None), motors=slice(None)):
    rows = len(seen["qpos"])
    inertia, velocity, force = (seen[key][:, bodies].reshape(rows, -1) for key in ("cinert", "cvel", "cfrc_ext"))
    return seen["qpos"][:, 2:], seen["qvel"], inertia, velocity, seen["qfrc_actuator"][:, motors], force


def _humanoid_5(seen):
    return _humanoid(seen, slice(1, None), slice(6, None))  # without the world, and the joints without motors


def _reacher(seen):
    angles = seen["qpos"][:, :2]
    return np.cos(angles), np.sin(angles), seen["qpos"][:, 2:], seen["qvel"][:, :2], _to_finger(seen)


def _reacher_5(seen):
    *others, to_finger = _reacher(seen)
    return *others, to_finger[:, :2]


@dataclass(frozen=True)
class Task:
    """What Gymnasium's class says about a model."""

    xml: str
    frame_skip: int  # engine steps per step
    defaults: dict[str, float]  # of `MuJoCo`'s fields
    observe: Callable  # seen -> pieces of the observation
    healthy: tuple[tuple[slice, float, float], ...] = ()  # open ranges of (qpos, qvel); outside, the episode ends
    pays_fallen: bool = True  # the healthy reward is also for the step that ends the episode
    contact_cost_weight: float = 0.0
    start: Callable = _uniform
    place: Callable = _x  # seen -> what `progress` compares before and after a step
    progress: Callable = _velocity
    reads: tuple[str, ...] = ()  # further fields of MjData


def _weights(forward, ctrl, healthy, noise):
    names = ("forward_reward_weight", "ctrl_cost_weight", "healthy_reward", "reset_noise_scale")
    return dict(zip(names, (forward, ctrl, healthy, noise), strict=True))


_HALF_CHEETAH = Task("half_cheetah.xml", 5, _weights(1.0, 0.1, 0.0, 0.1), _all_but_x, start=_normal)
_HOPPER = Task(
    "hopper.xml",
    4,
    _weights(1.0, 1e-3, 1.0, 5e-3),
    _clipped,
    healthy=((slice(1, 2), 0.7, math.inf), (slice(2, 3), -0.2, 0.2), (slice(2, None), -100.0, 100.0)),
)
_WALKER = Task(
    "walker2d.xml",
    4,
    _weights(1.0, 1e-3, 1.0, 5e-3),
    _clipped,
    healthy=((slice(1, 2), 0.8, 2.0), (slice(2, 3), -1.0, 1.0)),
)
_HUMANOID = Task(
    "humanoid.xml",
    5,
    _weights(1.25, 0.1, 5.0, 1e-2),
    _humanoid,
    healthy=((slice(2, 3), 1.0, 2.0),),
    place=_centre_of_mass,
    reads=("xipos", "cinert", "cvel", "qfrc_actuator", "cfrc_ext"),
)
# Gymnasium's -v4 rewards the distance before the step.
_REACHER = Task(
    "reacher.xml",
    2,
    _weights(1.0, 1.0, 0.0, 0.1),
    _reacher,
    start=_arm,
    place=_nearness,
    progress=_before,
    reads=("xpos",),
)
TASKS = {
    "Humanoid-v4": _HUMANOID,
    "HalfCheetah-v4": _HALF_CHEETAH,
    "Walker2d-v4": _WALKER,
    "Hopper-v4": _HOPPER,
    "Reacher-v4": _REACHER,
    "Humanoid-v5": replace(_HUMANOID, observe=_humanoid_5, pays_fallen=False, contact_cost_weight=5e-7),
    "HalfCheetah-v5": _HALF_CHEETAH,
    "Walker2d-v5": replace(_WALKER, xml="walker2d_v5.xml", pays_fallen=False),
    "Hopper-v5": replace(_HOPPER, pays_fallen=False),
    "Reacher-v5": replace(_REACHER, observe=_reacher_5, progress=_after),
}


TERMS = 5  # progress, healthy, effort, contact cost, ended


class Engine:
    """A task in NumPy and the C engine, in batches. Remembers nothing: what it keeps is scratch memory.

    A robot is a row of float64: whether its episode has ended, the task's `place`, then MuJoCo's integration state
    without the applied forces, which are always zero: time, qpos, qvel, the solver's warm start and the controls.
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
        self.low, self.high = np.full((2, self.model.nq + self.nv), [[-math.inf], [math.inf]])
        for columns, low, high in task.healthy:
            self.low[columns] = np.maximum(self.low[columns], low)
            self.high[columns] = np.minimum(self.high[columns], high)
        self.mass = self.model.body_mass.copy()
        self.seconds = task.frame_skip * self.model.opt.timestep
        self.actions = Box(self.model.nu, float(self.model.actuator_ctrlrange[0, 1]))
        self.blank = self.mujoco.MjData(self.model)
        self.spare: list[tuple[Any, Any]] = []  # models and their MjData that no thread is using
        self.observation_size = self.reset(np.append(self.home, np.ones(self.nv + 1)))[1].size

    def reset(self, numbers):
        """Callback: rows, observations and no terms, at these positions and velocities; gravity is the last number."""
        numbers = np.asarray(numbers)
        given = numbers.reshape(-1, numbers.shape[-1])
        rows = np.zeros((len(given), self.width))
        rows[:, self.pose] = given[:, :-1]
        seen = self._run(rows, given[:, -1], moving=False)
        rows[:, 1] = self.task.place(seen)
        return _shaped(numbers, rows, self._observe(seen, numbers.dtype), np.zeros((len(rows), TERMS), numbers.dtype))

    def step(self, numbers, bits):
        """Callback: rows, observations and terms after a step with these actions; gravity is the last number.

        Of robots whose episode had ended, only that is said.
        """
        numbers, bits = np.asarray(numbers), np.asarray(bits)
        rows, given = bits.view(np.float64).reshape(-1, self.width), numbers.reshape(-1, numbers.shape[-1])
        going = rows[:, 0] == 0
        if going.all():
            return _shaped(numbers, *self._step(rows, given))
        observations = np.zeros((len(rows), self.observation_size), numbers.dtype)
        terms = np.zeros((len(rows), TERMS), numbers.dtype)
        rows, terms[:, -1] = rows.copy(), 1
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
            well = ((self.low < after[:, self.pose]) & (after[:, self.pose] < self.high)).all(1)
            terms[:, 0] = task.progress(before[:, 1], after[:, 1], self.seconds)
            terms[:, 1] = well | task.pays_fallen
            terms[:, 2] = np.square(actions).sum(1)
            if task.contact_cost_weight:
                squares = np.square(seen["cfrc_ext"]).reshape(len(after), -1).sum(1)
                terms[:, 3] = np.minimum(task.contact_cost_weight * squares, 10.0)
            unstable = ~(np.abs(after[:, : self.controls.start]).max(1) < HUGE)  # NaN is not less
        if unstable.any():
            well[unstable], after[unstable], observations[unstable], terms[unstable] = False, before[unstable], 0, 0
        after[:, 0] = terms[:, -1] = ~well
        return after, observations, terms

    def _observe(self, seen, dtype):
        return np.concatenate(self.task.observe(seen), axis=1, dtype=dtype)

    def _run(self, rows, gravity, moving):
        """Move the rows one step on (or only look at them), on all cores; what the task sees."""
        fields = {key: getattr(self.blank, key) for key in self.task.reads}
        reads = {key: np.empty((len(rows), *field.shape)) for key, field in fields.items()}
        lanes = iter(range(len(rows)))  # shared: whoever is free takes the next
        args = lanes, rows[:, 2:], gravity.tolist(), reads, moving
        helpers = [_pool().submit(self._work, *args) for _ in range(min(THREADS, len(rows)) - 1)]
        self._work(*args)
        for helper in helpers:
            helper.result()
        return reads | {"qpos": rows[:, self.qpos], "qvel": rows[:, self.qvel], "mass": self.mass}

    def _work(self, lanes, states, gravity, reads, moving):
        """One thread: engine calls and copies only, for those run beside the other threads'."""
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
    """Results in the batch's shape."""
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
    if mujoco.get_mju_user_warning() is None:  # MuJoCo's own way is to write MUJOCO_LOG.TXT where the user stands
        mujoco.set_mju_user_warning(logging.getLogger(__name__).info)
    return mujoco


def _assets() -> Path:
    """Gymnasium's models, without its own MuJoCo classes: those import more."""
    package = find_spec("gymnasium")
    if package is None:
        raise ValueError("MuJoCo's tasks need Gymnasium's models: pip install gymnasium==1.4.0")
    return Path(package.origin).parent / "envs" / "mujoco" / "assets"
