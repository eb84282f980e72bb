"""How long jobs take, in simulated seconds. (notebooks/science.md, Compute times)

A distribution of its own module needs no more than `checks` and `sampling`, and a place in the package's ``TIMES``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .checks import DURATION, check_duration, check_number, check_numbers, check_positive, check_probability
from .sampling import SECONDS, draws_of, quantile_of

if TYPE_CHECKING:
    import numpy as np


class ComputeTime(Protocol):
    """Seconds per job."""

    @property
    def mean(self) -> float:
        """Seconds; ``inf`` where there is no finite mean."""

    def quantile(self, q: float) -> float:
        """The least number of seconds within which a job has ended with probability ``q``."""

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        """Seconds of the next ``count`` jobs, shape (count,), float64, all > 0; ``start`` jobs were drawn before."""


@dataclass(frozen=True)
class Fixed:
    """Always the same; ``inf`` is a worker that never finishes."""

    seconds: float

    def __post_init__(self):
        check_number(self, "seconds", "compute time", "seconds > 0", lambda x: x > 0)

    @property
    def mean(self) -> float:
        return self.seconds

    def quantile(self, q: float) -> float:
        check_probability(q)
        return self.seconds

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        import numpy as np

        return np.full(count, self.seconds)


@dataclass(frozen=True)
class Exponential:
    """P(h > t) = exp(-t / mean): no memory.

    mean: seconds.
    """

    mean: float = field(metadata=SECONDS)

    def __post_init__(self):
        check_duration(self, "mean")

    def _inverse(self, u):
        import numpy as np

        return -self.mean * np.log1p(-u)

    def quantile(self, q: float) -> float:
        return quantile_of(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return draws_of(self._inverse, rng, count)


@dataclass(frozen=True)
class LogNormal:
    """log h is normal with standard deviation ``sigma``, and h has the mean ``mean``.

    mean: seconds; the median is mean · exp(-sigma² / 2).
    sigma: standard deviation of log h.
    """

    mean: float = field(metadata=SECONDS)
    sigma: float

    word = "lognormal"  # in scenarios

    def __post_init__(self):
        check_duration(self, "mean")
        check_positive(self, "sigma")

    def _inverse(self, u):
        import numpy as np
        from scipy.special import ndtri

        return self.mean * np.exp(self.sigma * (ndtri(u) - self.sigma / 2))

    def quantile(self, q: float) -> float:
        return quantile_of(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return draws_of(self._inverse, rng, count)


@dataclass(frozen=True)
class Gamma:
    """Density ∝ t^(shape - 1) exp(-t · shape / mean): a sum of ``shape`` exponential stages, if that is an integer.

    mean: seconds.
    shape: the coefficient of variation is 1/√shape.
    """

    mean: float = field(metadata=SECONDS)
    shape: float

    def __post_init__(self):
        check_duration(self, "mean")  # with a smaller shape, most times would be too small for a float
        check_number(self, "shape", "shape", "a finite number >= 0.001", lambda x: 0.001 <= x < math.inf)

    def _inverse(self, u):
        from scipy.special import gammaincinv

        return gammaincinv(self.shape, u) / self.shape * self.mean

    def quantile(self, q: float) -> float:
        return quantile_of(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return draws_of(self._inverse, rng, count)


@dataclass(frozen=True)
class Pareto:
    """P(h > t) = (minimum / t)^shape for t ≥ minimum: heavy tails.

    The mean is minimum · shape / (shape - 1), infinite for shape ≤ 1; the variance is infinite for shape ≤ 2.

    minimum: seconds.
    shape: exponent of the tail.
    """

    minimum: float = field(metadata=SECONDS)
    shape: float

    def __post_init__(self):
        check_duration(self, "minimum")
        check_positive(self, "shape")

    @property
    def mean(self) -> float:
        return self.minimum * (self.shape / (self.shape - 1)) if self.shape > 1 else math.inf

    def _inverse(self, u):
        return self.minimum * (1 - u) ** (-1 / self.shape)

    def quantile(self, q: float) -> float:
        return quantile_of(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return draws_of(self._inverse, rng, count)


@dataclass(frozen=True)
class Uniform:
    """Anywhere between ``low`` and ``high`` seconds, 0 ≤ low < high.

    low: seconds, the least.
    high: seconds, the most.
    """

    low: float = field(metadata=SECONDS)
    high: float = field(metadata=SECONDS)

    def __post_init__(self):
        check_number(self, "low", "compute time", "finite seconds >= 0", lambda x: 0 <= x < math.inf)
        check_duration(self, "high")
        if not self.low < self.high:
            raise ValueError(f"high={self.high} is not above low={self.low}: give more seconds, or Fixed")

    @property
    def mean(self) -> float:
        return self.low + (self.high - self.low) / 2

    def _inverse(self, u):
        import numpy as np

        return np.minimum(self.low + (self.high - self.low) * u, self.high)  # rounding must not leave the support

    def quantile(self, q: float) -> float:
        return quantile_of(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return draws_of(self._inverse, rng, count)


@dataclass(frozen=True)
class Recorded:
    """Observed durations in their order, from the first again after the last; mean and quantiles are those of the list.

    seconds: of each job, shape (jobs,).
    """

    seconds: tuple[float, ...]

    def __post_init__(self):
        object.__setattr__(self, "seconds", check_numbers("seconds", self.seconds, *DURATION))
        if not self.seconds:
            raise ValueError("seconds=() has no job: give at least one duration")

    @property
    def mean(self) -> float:
        return math.fsum(self.seconds) / len(self.seconds)

    def quantile(self, q: float) -> float:
        check_probability(q)
        return sorted(self.seconds)[max(math.ceil(q * len(self.seconds)), 1) - 1]

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        import numpy as np

        jobs = len(self.seconds)
        return np.array([self.seconds[k % jobs] for k in range(start, start + count)], dtype=np.float64)


@dataclass(frozen=True)
class Scaled:
    """The times of another distribution, all multiplied."""

    time: ComputeTime
    factor: float

    @property
    def mean(self) -> float:
        return self.factor * self.time.mean

    def quantile(self, q: float) -> float:
        return self.factor * self.time.quantile(q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return self.factor * self.time.draw(rng, count, start)
