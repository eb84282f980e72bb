"""Classic control as pure functions, equal to Gymnasium 1.4 step for step.

Left out: time limits (the caller has a horizon), rendering, and Gymnasium's alternatives (semi-implicit Euler and the
Sutton-Barto reward in CartPole, the "nips" equations and torque noise in Acrobot, bounds given to ``reset``). Floats
are JAX's default, where Gymnasium computes mostly in 64 bits and rounds what it shows to 32. Steps after termination
are undefined.

The fields are physical constants with Gymnasium's values. They may be traced arrays, so nothing here checks them or
branches on them: workers with different constants share one program, by ``dataclasses.replace`` inside ``vmap``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from asyncsim.base import nearest

from . import gymnasium
from .spaces import Box, Discrete, Environment


@dataclass(frozen=True)
class CartPole:
    """Keep a pole upright on a cart: Gymnasium's CartPole-v1.

    State and observation: cart position (m) and velocity, pole angle (rad, 0 is up) and velocity; all start uniform in
    ±0.05. Actions: push left, push right. Reward 1 for every step. Ends when cart or pole is past its threshold.
    """

    gravity: float = 9.8  # m/s²
    masscart: float = 1.0  # kg
    masspole: float = 0.1  # kg
    length: float = 0.5  # m, half the pole
    force_mag: float = 10.0  # N
    tau: float = 0.02  # s per step
    theta_threshold: float = 12 * 2 * math.pi / 360  # rad
    x_threshold: float = 2.4  # m

    observation_size: ClassVar[int] = 4
    actions: ClassVar[Discrete] = Discrete(2)

    def reset(self, key):
        return jax.random.uniform(key, (4,), minval=-0.05, maxval=0.05)

    def observe(self, state):
        return state

    def step(self, state, action, key):
        x, x_dot, theta, theta_dot = state
        sin, cos = jnp.sin(theta), jnp.cos(theta)
        mass = self.masscart + self.masspole
        moment = self.masspole * self.length

        force = jnp.where(action == 1, self.force_mag, -self.force_mag)
        push = (force + moment * theta_dot**2 * sin) / mass
        theta_acc = (self.gravity * sin - cos * push) / (self.length * (4 / 3 - self.masspole * cos**2 / mass))
        x_acc = push - moment * theta_acc * cos / mass

        # explicit Euler: positions move with the old velocities
        x, x_dot = x + self.tau * x_dot, x_dot + self.tau * x_acc
        theta, theta_dot = theta + self.tau * theta_dot, theta_dot + self.tau * theta_acc

        fallen = (jnp.abs(x) > self.x_threshold) | (jnp.abs(theta) > self.theta_threshold)
        return jnp.stack([x, x_dot, theta, theta_dot]), jnp.ones_like(x), fallen


@dataclass(frozen=True)
class Acrobot:
    """Swing the tip of a two-link chain above a height: Gymnasium's Acrobot-v1, with the "book" equations.

    State: angle of link 1 (rad, 0 hangs down), angle of link 2 relative to it, their velocities (rad/s); all start
    uniform in ±0.1. Observation: cosine and sine of each angle, velocities. Actions: -`torque`, 0, +`torque` at the
    joint. Reward -1 for every step but the last, which has 0. The height counts both links as 1 m, whatever their
    lengths, as Gymnasium's does.
    """

    gravity: float = 9.8  # m/s²
    link_length_1: float = 1.0  # m (that of link 2 does not enter)
    link_mass_1: float = 1.0  # kg
    link_mass_2: float = 1.0  # kg
    link_com_pos_1: float = 0.5  # m from the link's upper end to its centre of mass
    link_com_pos_2: float = 0.5  # m
    link_moi: float = 1.0  # kg m², of each link
    torque: float = 1.0  # N m
    dt: float = 0.2  # s per step, one Runge-Kutta step
    max_vel_1: float = 4 * math.pi  # rad/s
    max_vel_2: float = 9 * math.pi  # rad/s
    height: float = 1.0  # m above the fixed end

    observation_size: ClassVar[int] = 6
    actions: ClassVar[Discrete] = Discrete(3)

    def reset(self, key):
        return jax.random.uniform(key, (4,), minval=-0.1, maxval=0.1)

    def observe(self, state):
        theta1, theta2, omega1, omega2 = state
        return jnp.stack([jnp.cos(theta1), jnp.sin(theta1), jnp.cos(theta2), jnp.sin(theta2), omega1, omega2])

    def step(self, state, action, key):
        torque = self.torque * (action - 1.0)
        k1 = self._velocity(state, torque)
        k2 = self._velocity(state + self.dt / 2 * k1, torque)
        k3 = self._velocity(state + self.dt / 2 * k2, torque)
        k4 = self._velocity(state + self.dt * k3, torque)
        theta1, theta2, omega1, omega2 = state + self.dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

        theta1, theta2 = _wrap(theta1), _wrap(theta2)
        omega1 = jnp.clip(omega1, -self.max_vel_1, self.max_vel_1)
        omega2 = jnp.clip(omega2, -self.max_vel_2, self.max_vel_2)
        reached = -jnp.cos(theta1) - jnp.cos(theta1 + theta2) > self.height
        return jnp.stack([theta1, theta2, omega1, omega2]), reached.astype(state.dtype) - 1, reached

    def _velocity(self, state, torque):
        """d state / d time."""
        theta1, theta2, omega1, omega2 = state
        m1, m2 = self.link_mass_1, self.link_mass_2
        l1, c1, c2 = self.link_length_1, self.link_com_pos_1, self.link_com_pos_2
        sin, cos = m2 * l1 * c2 * jnp.sin(theta2), m2 * l1 * c2 * jnp.cos(theta2)

        d1 = m1 * c1**2 + m2 * (l1**2 + c2**2) + 2 * cos + 2 * self.link_moi
        d2 = m2 * c2**2 + cos + self.link_moi
        phi2 = m2 * c2 * self.gravity * jnp.sin(theta1 + theta2)
        phi1 = (m1 * c1 + m2 * l1) * self.gravity * jnp.sin(theta1) + phi2 - sin * omega2 * (omega2 + 2 * omega1)
        alpha2 = (torque + d2 / d1 * phi1 - sin * omega1**2 - phi2) / (m2 * c2**2 + self.link_moi - d2**2 / d1)
        alpha1 = -(d2 * alpha2 + phi1) / d1
        return jnp.stack([omega1, omega2, alpha1, alpha2])


@dataclass(frozen=True)
class Pendulum:
    """Swing a pendulum up and hold it there: Gymnasium's Pendulum-v1.

    State: angle (rad, 0 is up, never wrapped; starts uniform in ±π) and velocity (rad/s, in ±1). Observation: cosine
    and sine of the angle, velocity. Action: torque (N m), clipped. Reward -(angle² + 0.1 velocity² + 0.001 torque²) of
    the state before the step, with the angle in [-π, π]. Never ends.
    """

    gravity: float = 10.0  # m/s², Gymnasium's g
    mass: float = 1.0  # kg, m
    length: float = 1.0  # m, l
    dt: float = 0.05  # s per step
    max_speed: float = 8.0  # rad/s
    max_torque: float = 2.0  # N m

    observation_size: ClassVar[int] = 3

    @property
    def actions(self):
        return Box(1, self.max_torque)

    def reset(self, key):
        high = jnp.array([math.pi, 1.0])
        return jax.random.uniform(key, (2,), minval=-high, maxval=high)

    def observe(self, state):
        theta, theta_dot = state
        return jnp.stack([jnp.cos(theta), jnp.sin(theta), theta_dot])

    def step(self, state, action, key):
        theta, theta_dot = state
        torque = jnp.clip(action[0], -self.max_torque, self.max_torque)
        reward = -(_wrap(theta) ** 2 + 0.1 * theta_dot**2 + 0.001 * torque**2)

        theta_acc = 1.5 * self.gravity / self.length * jnp.sin(theta) + 3 / (self.mass * self.length**2) * torque
        theta_dot = jnp.clip(theta_dot + self.dt * theta_acc, -self.max_speed, self.max_speed)
        # semi-implicit Euler: the angle moves with the new velocity
        return jnp.stack([theta + self.dt * theta_dot, theta_dot]), reward, jnp.zeros((), bool)


@dataclass(frozen=True)
class MountainCarContinuous:
    """Rock a weak car up a hill: Gymnasium's MountainCarContinuous-v0.

    State and observation: position (starts uniform in [-0.6, -0.4]) and velocity per step (starts at 0). Action:
    force, clipped. Reward -0.1 action², of the action before clipping, and 100 more on reaching the goal, which ends
    the episode. The wall on the left stops the car.
    """

    power: float = 0.0015  # velocity per step and unit of force
    gravity: float = 0.0025  # velocity per step on the steepest slope
    max_action: float = 1.0
    max_speed: float = 0.07
    min_position: float = -1.2
    max_position: float = 0.6
    goal_position: float = 0.45
    goal_velocity: float = 0.0  # the least at the goal

    observation_size: ClassVar[int] = 2

    @property
    def actions(self):
        return Box(1, self.max_action)

    def reset(self, key):
        position = jax.random.uniform(key, (), minval=-0.6, maxval=-0.4)
        return jnp.stack([position, jnp.zeros_like(position)])

    def observe(self, state):
        return state

    def step(self, state, action, key):
        position, velocity = state
        force = jnp.clip(action[0], -self.max_action, self.max_action)
        velocity = velocity + self.power * force - self.gravity * jnp.cos(3 * position)
        velocity = jnp.clip(velocity, -self.max_speed, self.max_speed)
        position = jnp.clip(position + velocity, self.min_position, self.max_position)
        velocity = jnp.where((position <= self.min_position) & (velocity < 0), 0.0, velocity)

        reached = (position >= self.goal_position) & (velocity >= self.goal_velocity)
        reward = 100 * reached.astype(state.dtype) - 0.1 * action[0] ** 2
        return jnp.stack([position, velocity]), reward, reached


def _wrap(angle):
    """The same angle in [-π, π]."""
    return angle - 2 * math.pi * jnp.round(angle / (2 * math.pi))


ENVIRONMENTS = {
    "CartPole-v1": CartPole,
    "Acrobot-v1": Acrobot,
    "Pendulum-v1": Pendulum,
    "MountainCarContinuous-v0": MountainCarContinuous,
}
MUJOCO = tuple(
    f"{robot}-v{version}"
    for version in (4, 5)
    for robot in ("Humanoid", "HalfCheetah", "Walker2d", "Hopper", "Reacher")
)


def make(name: str, own: Mapping[str, Any] = {}, /, **constants: Any) -> Environment:
    """The environment with this Gymnasium id, or "gymnax/" and a name in gymnax. Keywords replace its fields.

    "gymnasium/" and an id: Gymnasium's own environment, whatever it is, with keywords of `gymnasium.make`.
    own: other classes by their names; those with Gymnasium's API take the keywords of their constructors.
    """
    classes: Mapping[str, Any] = {**own, **ENVIRONMENTS}
    environment: Any
    if name.startswith("gymnasium/"):
        return gymnasium.make(name.removeprefix("gymnasium/"), **constants)
    if name in own and gymnasium.makes_environments(own[name]):
        return gymnasium.made_by(own[name], **constants)
    if name in classes:
        environment = classes[name]
        known = [field.name for field in fields(environment)]
    elif name in MUJOCO:
        from .mujoco import MuJoCo  # here: mujoco is slow to import

        environment = partial(MuJoCo, name)
        known = [field.name for field in fields(MuJoCo)[1:]]
    elif name.startswith("gymnax/"):
        from .gymnax import Gymnax

        environment, known = partial(Gymnax, name.removeprefix("gymnax/")), []
    else:
        raise ValueError(f"environment={name!r} is unknown: {nearest(name, [*classes, *MUJOCO])}")
    for key in constants:
        if not known:
            raise ValueError(f"environment field {key!r} is unknown for {name}: it has none")
        if key not in known:
            raise ValueError(f"environment field {key!r} is unknown for {name}: {nearest(key, known)}")
    return environment(**constants)
