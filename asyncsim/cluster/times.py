"""How long jobs take, in simulated seconds. (The specification's section 3.1)

Every draw is the quantile of one uniform number: what is drawn and what is known of a distribution cannot differ, the
k-th job of a worker takes the same time in whichever portions its times are drawn, and two clusters that share a seed
share their luck.

NumPy and SciPy are imported when the first time is drawn: `import asyncsim` stays fast.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Protocol

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


def stream(seed: int, worker: int, purpose: int = 0) -> np.random.Generator:
    """The random numbers of one worker, whatever the others do.

    purpose: keeps apart what one worker needs random numbers for: 0 compute times, 1 speeds, 2 the network.
    """
    import numpy as np

    # Not entropy=(seed, worker, purpose): that is one string of 32-bit words, ambiguous for seeds >= 2**32.
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(worker, purpose))))


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
        _check_probability(q)
        return self.seconds

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        import numpy as np

        return np.full(count, self.seconds)


@dataclass(frozen=True)
class Exponential:
    """P(h > t) = exp(-t / mean): no memory."""

    mean: float  # seconds

    def __post_init__(self):
        _check_seconds(self, "mean")

    def _inverse(self, u):
        import numpy as np

        return -self.mean * np.log1p(-u)

    def quantile(self, q: float) -> float:
        return _quantile(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return _draw(self._inverse, rng, count)


@dataclass(frozen=True)
class LogNormal:
    """log h is normal with standard deviation ``sigma``, and h has the mean ``mean``."""

    mean: float  # seconds; the median is mean · exp(-sigma² / 2)
    sigma: float

    def __post_init__(self):
        _check_seconds(self, "mean")
        _check_positive(self, "sigma")

    def _inverse(self, u):
        import numpy as np
        from scipy.special import ndtri

        return self.mean * np.exp(self.sigma * (ndtri(u) - self.sigma / 2))

    def quantile(self, q: float) -> float:
        return _quantile(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return _draw(self._inverse, rng, count)


@dataclass(frozen=True)
class Gamma:
    """Density ∝ t^(shape - 1) exp(-t · shape / mean): a sum of ``shape`` exponential stages, if that is an integer."""

    mean: float  # seconds
    shape: float  # the coefficient of variation is 1/√shape

    def __post_init__(self):
        _check_seconds(self, "mean")  # with a smaller shape, most times would be too small for a float
        check_number(self, "shape", "shape", "a finite number >= 0.001", lambda x: 0.001 <= x < math.inf)

    def _inverse(self, u):
        from scipy.special import gammaincinv

        return gammaincinv(self.shape, u) / self.shape * self.mean

    def quantile(self, q: float) -> float:
        return _quantile(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return _draw(self._inverse, rng, count)


@dataclass(frozen=True)
class Pareto:
    """P(h > t) = (minimum / t)^shape for t ≥ minimum: heavy tails.

    The mean is minimum · shape / (shape - 1), infinite for shape ≤ 1; the variance is infinite for shape ≤ 2.
    """

    minimum: float  # seconds
    shape: float

    def __post_init__(self):
        _check_seconds(self, "minimum")
        _check_positive(self, "shape")

    @property
    def mean(self) -> float:
        return self.minimum * (self.shape / (self.shape - 1)) if self.shape > 1 else math.inf

    def _inverse(self, u):
        return self.minimum * (1 - u) ** (-1 / self.shape)

    def quantile(self, q: float) -> float:
        return _quantile(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return _draw(self._inverse, rng, count)


@dataclass(frozen=True)
class Uniform:
    """Anywhere between ``low`` and ``high`` seconds, 0 ≤ low < high."""

    low: float
    high: float

    def __post_init__(self):
        check_number(self, "low", "compute time", "finite seconds >= 0", lambda x: 0 <= x < math.inf)
        _check_seconds(self, "high")
        if not self.low < self.high:
            raise ValueError(f"high={self.high} is not above low={self.low}: give more seconds, or Fixed")

    @property
    def mean(self) -> float:
        return self.low + (self.high - self.low) / 2

    def _inverse(self, u):
        import numpy as np

        return np.minimum(self.low + (self.high - self.low) * u, self.high)  # rounding must not leave the support

    def quantile(self, q: float) -> float:
        return _quantile(self._inverse, q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return _draw(self._inverse, rng, count)


@dataclass(frozen=True)
class Recorded:
    """Observed durations in their order, from the first again after the last; mean and quantiles are those of the list.

    seconds: of each job, shape (jobs,).
    """

    seconds: tuple[float, ...]

    def __post_init__(self):
        object.__setattr__(self, "seconds", check_numbers("seconds", self.seconds, *_DURATION))
        if not self.seconds:
            raise ValueError("seconds=() has no job: give at least one duration")

    @property
    def mean(self) -> float:
        return math.fsum(self.seconds) / len(self.seconds)

    def quantile(self, q: float) -> float:
        _check_probability(q)
        return sorted(self.seconds)[max(math.ceil(q * len(self.seconds)), 1) - 1]

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        import numpy as np

        jobs = len(self.seconds)
        return np.array([self.seconds[k % jobs] for k in range(start, start + count)], dtype=np.float64)


# ---- what they share


def _quantile(inverse: Callable, q: float) -> float:
    import numpy as np

    _check_probability(q)
    with np.errstate(all="ignore"):  # infinite at q = 1
        return float(inverse(np.float64(q)))


def _draw(inverse: Callable, rng: np.random.Generator, count: int) -> np.ndarray:
    import numpy as np

    u = np.maximum(rng.random(count), 2.0**-54)  # `random` may give 0
    with np.errstate(all="ignore"):
        seconds = inverse(u)
    return np.clip(seconds, math.ulp(0.0), sys.float_info.max)  # only extreme parameters reach beyond floats


_DURATION = ("compute time", "finite seconds > 0", lambda x: 0 < x < math.inf)


def _check_seconds(thing: object, key: str) -> None:
    check_number(thing, key, *_DURATION)


def _check_positive(thing: object, key: str) -> None:
    check_number(thing, key, key, "a finite number > 0", lambda x: 0 < x < math.inf)


def _check_probability(q: float) -> None:
    if not 0 <= q <= 1:
        raise ValueError(f"q={q} is no probability: give a number in [0, 1]")


def check_number(thing: object, key: str, what: str, give: str, good: Callable[[float], bool]) -> None:
    """Make a field of a frozen dataclass a float, or say in one line what would do."""
    object.__setattr__(thing, key, _number(key, getattr(thing, key), what, give, good))


def check_numbers(key: str, values: object, what: str, give: str, good: Callable[[float], bool]) -> tuple[float, ...]:
    """The same for a list of them."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise ValueError(f"{key}={values!r} is not a list: give {give}, one after another")
    return tuple(_number(f"{key}[{i}]", value, what, give, good) for i, value in enumerate(values))


def _number(key, value, what, give, good) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not good(value):
        raise ValueError(f"{key}={value!r} is no {what}: give {give}")
    return float(value)
