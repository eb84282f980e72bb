"""Gymnasium 1.4's MuJoCo tasks as data: how an episode starts, observations, rewards, and when it ends.

Functions of an engine's state take arrays of NumPy and of JAX, so that both engines share the tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

HUGE = 1e10  # MuJoCo's mjMAXVAL: beyond it a state is unstable


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


# Functions of an engine's state after a step. `seen` holds arrays with one row per robot: qpos, qvel, and the task's
# `reads`. As in Gymnasium, `reads` are of the last forward pass inside the step, which is before qpos and qvel.


def _x(seen):
    return seen["qpos"][:, 0]


def _centre_of_mass(seen):
    mass = seen["mass"]
    return (mass[None] * seen["xipos"][:, :, 0]).sum(1) / mass.sum()


def _nearness(seen):
    squares = _squares(_to_finger(seen))
    return -squares.__array_namespace__().sqrt(squares)


def _to_finger(seen):
    return seen["xpos"][:, 3] - seen["xpos"][:, 4]  # bodies "fingertip" and "target"


def _squares(numbers):
    """The sum of squares of each row."""
    return (numbers**2).reshape(len(numbers), -1).sum(1)


def _velocity(before, after, seconds):
    return (after - before) / seconds


def _before(before, after, seconds):
    return before


def _after(before, after, seconds):
    return after


def _all_but_x(seen):
    return seen["qpos"][:, 1:], seen["qvel"]


def _clipped(seen):
    return seen["qpos"][:, 1:], seen["qvel"].clip(-10, 10)


def _humanoid(seen, bodies=slice(None), motors=slice(None)):
    rows = len(seen["qpos"])
    inertia, velocity, force = (seen[key][:, bodies].reshape(rows, -1) for key in ("cinert", "cvel", "cfrc_ext"))
    return seen["qpos"][:, 2:], seen["qvel"], inertia, velocity, seen["qfrc_actuator"][:, motors], force


def _humanoid_5(seen):
    return _humanoid(seen, slice(1, None), slice(6, None))  # without the world, and the joints without motors


def _reacher(seen):
    angles = seen["qpos"][:, :2]
    xp = angles.__array_namespace__()
    return xp.cos(angles), xp.sin(angles), seen["qpos"][:, 2:], seen["qvel"][:, :2], _to_finger(seen)


def _reacher_5(seen):
    *others, to_finger = _reacher(seen)
    return *others, to_finger[:, :2]


@dataclass(frozen=True)
class Task:
    """A task: what Gymnasium's class adds to a model."""

    xml: str
    frame_skip: int  # engine steps per step
    defaults: dict[str, float]  # of `MuJoCo`'s fields
    observe: Callable  # seen -> pieces of the observation
    healthy: tuple[tuple[slice, float, float], ...] = ()  # open ranges of (qpos, qvel); outside, the episode ends
    pays_fallen: bool = True  # whether the step that ends the episode has the healthy reward, too
    contact_cost_weight: float = 0.0
    start: Callable = _uniform
    place: Callable = _x  # seen -> the number that `progress` compares before and after a step
    progress: Callable = _velocity
    reads: tuple[str, ...] = ()  # further fields of MjData

    def bounds(self, size: int) -> np.ndarray:
        """The lowest and the highest healthy (qpos, qvel), each of shape (1, size)."""
        low, high = np.full((2, 1, size), [[[-math.inf]], [[math.inf]]])
        for columns, least, most in self.healthy:
            low[:, columns] = np.maximum(low[:, columns], least)
            high[:, columns] = np.minimum(high[:, columns], most)
        return np.stack([low, high])

    def terms(self, before, after, seconds, bounds, pose, actions, seen):
        """Progress, whether the healthy reward is paid, ‖action‖², contact cost, and whether the episode is over.

        before, after: the task's `place`, a step of ``seconds`` apart. pose: (qpos, qvel), after the step.
        """
        low, high = bounds
        well = ((low < pose) & (pose < high)).all(1)
        contact = after.__array_namespace__().zeros_like(after)
        if self.contact_cost_weight:
            contact = (self.contact_cost_weight * _squares(seen["cfrc_ext"])).clip(max=10.0)
        return self.progress(before, after, seconds), well | self.pays_fallen, _squares(actions), contact, ~well


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
