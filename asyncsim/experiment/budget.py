"""How long training takes on this machine, measured in a moment; and what fits into some minutes.

Numbers of gradients, seconds and seeds that follow from it are round, so that the same question asked again finds most
curves in the store, although no machine is equally fast twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import monotonic

from ..base import Method, Problem
from ..cluster import Cluster
from ..engine import simulate
from .tuning import shares

LONG_ENOUGH = 0.3  # seconds of training, to tell how long a gradient takes
LANES = (range(5), (0.01, 0.02))  # seeds and step sizes, two full programs


@dataclass(frozen=True)
class Watch:
    """Counts down from some seconds of real time."""

    seconds: float
    begun: float

    @classmethod
    def of(cls, minutes: float) -> Watch:
        """One that starts now."""
        return cls(60 * minutes, monotonic())

    @property
    def spent(self) -> float:
        """Seconds since it was started."""
        return monotonic() - self.begun

    @property
    def left(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self.seconds - self.spent)


@dataclass(frozen=True)
class Cost:
    """Seconds of real time, with all cores: of a gradient of one lane, its share of evaluations included, and once."""

    gradient: float
    compiling: float


def cost(method: Method, cluster: Cluster, problem: Problem, evaluate_every: int) -> Cost:
    """Train some gradients of a method, which are not kept."""
    from ..learning import replay

    gradients = 2 * evaluate_every
    took: list[float] = []
    seeds, step_sizes = LANES
    while len(took) < 2 or (took[-1] < LONG_ENOUGH and gradients < 10**5):
        gradients *= 4 if len(took) > 1 else 1
        timeline, begun = simulate(method, cluster, gradients=gradients), monotonic()
        replay(timeline, method, problem, seeds=seeds, step_sizes=step_sizes, evaluate_every=evaluate_every)
        took.append(monotonic() - begun)
    lanes = len(seeds) * len(step_sizes)
    return Cost(took[-1] / (lanes * gradients), max(0.0, took[0] - took[1]))


def whole_lanes(settings: int, tuning_seeds: int, seeds: int) -> float:
    """How many lanes that are trained to the end, halving and then training take as much as."""
    left, done, tried = settings, 0.0, 0.0
    for share in shares(settings, "halving", 10**6):
        tried += left * (share - done)
        left, done = math.ceil(left / 2), share
    return tried * tuning_seeds + seeds


def round_number(value: float, up: bool = False) -> float:
    """The next of ..., 1, 1.5, 2, 3, 5, 7, 10, ... down from it, or up."""
    if not 0 < value < math.inf:
        raise ValueError(f"value={value} is not positive and finite")
    power = 10.0 ** math.floor(math.log10(value))
    steps = [mantissa * power for mantissa in (0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0)]
    slack = 1e-9 * value
    if up:
        return next(step for step in steps if step >= value - slack)
    return max(step for step in steps if step <= value + slack)
