"""Environments of gymnax, without their time limits. (Lange 2022, github.com/RobertTLange/gymnax)

Deviations: observations are flattened; observations and rewards have JAX's default float; ``max_steps_in_episode`` is
set to a huge number, because the caller has a horizon. Some of gymnax's environments do not run in JAX's 64-bit mode.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from asyncsim.base import Array, nearest

from .spaces import Box, Discrete

NEVER = 2**31 - 1  # steps


class State(NamedTuple):
    """The state of an episode."""

    inner: Any  # gymnax's state
    observation: Array  # shape (observation_size,)


@dataclass(frozen=True)
class Gymnax:
    """The environment that ``gymnax.make`` knows by this name."""

    name: str

    def __post_init__(self):
        _made(self.name)  # raises errors here, not inside a compiled program

    @property
    def observation_size(self) -> int:
        environment, params = _made(self.name)
        return math.prod(environment.observation_space(params).shape)

    @property
    def actions(self) -> Discrete | Box:
        environment, params = _made(self.name)
        space = environment.action_space(params)
        if hasattr(space, "n"):
            return Discrete(int(space.n))
        low, high = (np.broadcast_to(bound, space.shape).ravel() for bound in (space.low, space.high))
        if (low != -high).any() or (high != high[0]).any():
            raise ValueError(f"environment='gymnax/{self.name}' has actions in [{low}, {high}]: give one with ±scale")
        return Box(high.size, float(high[0]))

    def reset(self, key):
        environment, params = _made(self.name)
        observation, inner = environment.reset_env(key, params)
        return State(jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), inner), _flat(observation))

    def observe(self, state):
        return state.observation

    def step(self, state, action, key):
        environment, params = _made(self.name)
        action = action.reshape(environment.action_space(params).shape)
        observation, inner, reward, ended, _ = environment.step_env(key, state.inner, action, params)
        inner = jax.tree.map(lambda new, old: jnp.asarray(new, old.dtype), inner, state.inner)  # a loop may carry it
        return State(inner, _flat(observation)), _flat(reward)[0], jnp.asarray(ended, bool).reshape(())


def _flat(numbers):
    return jnp.asarray(numbers, jnp.result_type(float)).ravel()


@cache
def _made(name: str):
    """gymnax's environment of this name, and its parameters."""
    try:
        import gymnax
    except ImportError as error:
        raise ValueError(
            f"environment='gymnax/{name}' needs the package {error.name}: pip install 'asyncsim[gymnax]'"
        ) from None
    if name not in gymnax.registered_envs:
        raise ValueError(f"environment='gymnax/{name}' is unknown: {nearest(name, list(gymnax.registered_envs))}")
    with jax.ensure_compile_time_eval():
        environment, params = gymnax.make(name)
        return environment, params.replace(max_steps_in_episode=NEVER)
