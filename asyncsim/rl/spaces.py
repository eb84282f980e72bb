"""Interfaces of environments and action spaces, and what comes of acting in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from asyncsim.base import Array

State = Array  # one flat float array


@dataclass(frozen=True)
class Discrete:
    """Actions are integers 0 .. size-1, shape ()."""

    size: int


@dataclass(frozen=True)
class Box:
    """Actions lie in [-scale, scale]^size, shape (size,)."""

    size: int
    scale: float


class Environment(Protocol):
    """An environment for one episode, without a time limit. It may have ``calls_host``, as `asyncsim.base.Problem`."""

    @property
    def observation_size(self) -> int:
        """How many numbers the policy sees."""

    @property
    def actions(self) -> Discrete | Box:
        """What `step` accepts."""

    def reset(self, key: Array) -> State:
        """A random first state."""

    def observe(self, state: State) -> Array:
        """What the policy sees of a state, shape (observation_size,)."""

    def step(self, state: State, action: Array, key: Array) -> tuple[State, Array, Array]:
        """Next state, reward and whether the episode has ended; the key is for stochastic dynamics."""


class Trajectories(NamedTuple):
    """M trajectories of at most H steps; after termination ``alive`` is False and everything else is 0."""

    observations: Array  # (H, M, o)
    latents: Array  # (H, M) or (H, M, A), what log π scores
    rewards: Array  # (H, M)
    alive: Array  # (H, M) bool, whether the step was taken
