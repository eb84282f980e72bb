"""A Python file with a rule that knows the time, an update and an environment, and a scenario that names them."""

OWN = '''"""Ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from asyncsim import Method, rules
from asyncsim.base import AGAIN, Decision
from asyncsim.rl.spaces import Discrete


@dataclass(frozen=True)
class Pairs:
    """Two gradients make an update, and one alone after some seconds."""

    seconds: float
    communication: ClassVar = "round"

    def __post_init__(self):
        if not self.seconds > 0:
            raise ValueError(f"seconds={self.seconds!r}: give seconds > 0")

    def empty(self, workers):
        return []

    def receive(self, held, ticket, clock):
        held = [*held, ticket.job]
        if len(held) == 1:
            return held, Decision(start=(ticket.worker,), wake=clock.now + self.seconds)
        return [], Decision(held, 1 / 2, clock.workers)

    def woken(self, held, clock):
        return [], Decision(held, 1.0, clock.workers) if held else Decision()


class ShortState(NamedTuple):
    point: Any
    direction: Any


@dataclass(frozen=True)
class Short:
    """Steps that are not too long."""

    step_size: float
    longest: float = 1.0

    def init(self, params):
        return ShortState(params, 0 * params)

    def apply(self, state, gradient, step_size, version, delay):
        norm = (gradient @ gradient) ** 0.5
        return ShortState(state.point + step_size * gradient / (1 + norm / self.longest), gradient)

    def query(self, state):
        return state.point


@dataclass(frozen=True)
class Corridor:
    """Walk to its end."""

    length: float = 3.0
    observation_size: ClassVar[int] = 1
    actions: ClassVar[Discrete] = Discrete(2)

    def reset(self, key):
        return jax.random.uniform(key, (1,))

    def observe(self, state):
        return state

    def step(self, state, action, key):
        state = state + 2 * action - 1
        return state, -jnp.abs(state[0] - self.length), state[0] >= self.length


def short_pairs(seconds: float, step_size: float, longest: float = 1.0) -> Method:
    """Short steps with pairs."""
    return Method("short_pairs", Pairs(seconds), Short(step_size, longest))


def helper(anything):
    return anything
'''

SCENARIO = """
title = "own"
seeds = [0, 1]
tuning_seeds = [5]
step_sizes = [0.03125]
evaluate_every = 2
[quick]
seeds = [3]
[stop]
updates = 4
[cluster]
workers = 3
compute = "sqrt"
communication = 0.5
[problem]
environment = "Corridor"
horizon = 5
discount = 0.9
hidden = [4]
evaluation_episodes = 2
[methods.short_pairs]
longest = 0.5
[methods.short_pairs.tune]
seconds = [4.0, 0.5]
[methods.eager]
method = "short_pairs"
seconds = 0.25
longest = 0.5
"""
