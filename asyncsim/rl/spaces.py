"""Interfaces of environments and action spaces, and what comes of acting in one."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Actions lie in middle ± scale, shape (size,); each is one number for all dimensions, or one for each of them."""

    size: int
    scale: float | tuple[float, ...]
    middle: float | tuple[float, ...] = 0.0

    @classmethod
    def between(cls, low: Sequence[float], high: Sequence[float]) -> Box:
        """The box with these bounds."""
        halves = tuple((most - least) / 2 for least, most in zip(low, high))
        middles = tuple((most + least) / 2 for least, most in zip(low, high))
        if len({*halves}) == 1 and not any(middles):
            return cls(len(halves), halves[0])
        return cls(len(halves), halves, middles)


class Environment(Protocol):
    """An environment for one episode, without a time limit. It may have ``calls_host``, as `asyncsim.base.Problem`.

    Where beginning an episode is costly it may also have ``reset_if(key, there)``, with a bool that says whether
    anybody wants this episode; and where episodes are kept on the host ``close(state)``, which is called with the last
    state of each and returns an array.
    """

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
