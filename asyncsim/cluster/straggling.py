"""Jobs most of which take about the same time, and some of which straggle."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .checks import check_duration, check_number
from .sampling import SECONDS, draws_of, quantile_of

HALVINGS = 64  # of the interval in which a quantile is, until it is as short as floats can tell


@dataclass(frozen=True)
class Straggling:
    """log h is normal with standard deviation ``sigma``; with ``probability`` a job takes ``slowdown`` times as long.

    A mixture of two log-normal distributions with one sigma. h has the mean ``mean``, stragglers and all.

    mean: seconds.
    sigma: standard deviation of log h, of either kind of job.
    probability: that a job straggles.
    slowdown: how many times as long it takes then.
    """

    mean: float = field(metadata=SECONDS)
    sigma: float
    probability: float
    slowdown: float

    def __post_init__(self):
        check_duration(self, "mean")
        check_number(self, "sigma", "sigma", "a number in (0, 100]", lambda x: 0 < x <= 100)
        check_number(self, "probability", "probability", "a number in (0, 1)", lambda x: 0 < x < 1)
        check_number(self, "slowdown", "slowdown", "a finite number > 1", lambda x: 1 < x < math.inf)

    @property
    def usual_mean(self) -> float:
        """Mean seconds of the jobs that do not straggle."""
        return self.mean / (1 + self.probability * (self.slowdown - 1))

    def _inverse(self, u):
        """By bisection of y = log h - log(median of jobs that do not straggle): the sum has no inverse in formulas."""
        import numpy as np
        from scipy.special import ndtr, ndtri

        later = math.log(self.slowdown)
        side = np.where(u > 0.5, -1, 1)  # above the median from the upper tail, where floats are finer
        share = np.minimum(u, 1 - u)
        low = self.sigma * ndtri(u)  # where none, and where all straggle
        high = low + later
        for _ in range(HALVINGS):
            y = (low + high) / 2
            usual, slow = (ndtr(side * (y - shift) / self.sigma) for shift in (0, later))
            up = side * ((1 - self.probability) * usual + self.probability * slow) < side * share
            low, high = np.where(up, y, low), np.where(up, high, y)
        return self.usual_mean * np.exp(high - self.sigma**2 / 2)

    def quantile(self, q: float) -> float:
        return quantile_of(self._inverse, q)

    def draw(self, rng, count: int, start: int = 0):
        return draws_of(self._inverse, rng, count)
