"""Components that own-method.toml names: a rule with a deadline, an update, and an environment of Gymnasium's kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np

from asyncsim import Method
from asyncsim.base import AGAIN, Decision


@dataclass(frozen=True)
class Patient:
    """All gradients that are finished by a deadline make an update; while there are fewer than ``least``, it waits.

    least: gradients of an update, at least. seconds: from the start of the round to the deadline.
    """

    least: int
    seconds: float
    communication: ClassVar[str] = "round"  # one collective an update

    def empty(self, workers):
        return []  # the jobs of the round, which the engine keeps

    def receive(self, held, ticket, clock):
        held.append(ticket.job)
        deadline = clock.began + self.seconds
        if len(held) >= self.least and clock.now >= deadline:
            return [], self._update(held, clock)
        if len(held) == 1 and clock.now < deadline:
            return held, Decision(start=(ticket.worker,), wake=deadline)
        return held, AGAIN

    def woken(self, held, clock):
        if len(held) >= self.least and clock.now >= clock.began + self.seconds:
            return [], self._update(held, clock)
        return held, Decision()  # it was the deadline of an earlier round, or there are too few

    def _update(self, held, clock):
        return Decision(use=held, weights=1 / len(held), start=clock.workers)


class SignState(NamedTuple):
    """What `Signs` keeps."""

    point: Any  # θ_t, shape (d,)
    direction: Any  # exponential moving average of the gradients


@dataclass(frozen=True)
class Signs:
    """Steps of length α along the signs of averaged gradients. (signSGD with momentum, arXiv 1802.04434)"""

    step_size: float
    momentum: float = 0.1

    def init(self, params):
        return SignState(params, 0 * params)

    def apply(self, state, gradient, step_size, version, delay):
        direction = (1 - self.momentum) * state.direction + self.momentum * gradient
        signs = 1.0 * (direction > 0) - 1.0 * (direction < 0)
        return SignState(state.point + step_size * signs / len(signs) ** 0.5, direction)

    def query(self, state):
        return state.point


class Corridor(gymnasium.Env):
    """Walk to the end of a corridor in which a wind blows; every step costs 0.1, and reaching the end pays 1."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, wind: float = 0.2):
        self.wind = wind

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-0.5, 0.5)
        return self._seen(), {}

    def step(self, action):
        blown = self.wind * self.np_random.uniform(-1.0, 0.5)
        self.place = float(np.clip(self.place + 0.1 * (2 * action - 1) + 0.1 * blown, -1.0, 1.0))
        there = self.place >= 1.0
        return self._seen(), 1.0 * there - 0.1, there, False, {}

    def _seen(self):
        return np.array([self.place, self.wind])


def patient_signs(least: int, seconds: float, step_size: float, momentum: float = 0.1) -> Method:
    """Steps along signs with whatever has finished by a deadline."""
    return Method("patient_signs", Patient(least, seconds), Signs(step_size, momentum))
