"""How the speed of a worker changes over simulated time, and when it is away.

A job that takes ``work`` seconds at full speed, begun at ``start``, is done at the first t with ∫ speed = work over
[start, t]. All speeds here are constant piece by piece, so t is exact up to rounding.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .checks import check_number, check_numbers

if TYPE_CHECKING:
    import numpy as np

Piece = tuple[float, float]  # (speed, the second at which it ends)


class Speed(Protocol):
    """A worker's speed over time; 1 is full speed, at which a job takes the seconds of its `ComputeTime`."""

    def realise(self, rng: np.random.Generator) -> Course:
        """What becomes of it: a function of this value and of ``rng`` alone, ``stream(seed, worker, 1)``."""


class Course(Protocol):
    """One course of a worker's speed. Speeds that are not random are their own."""

    def finish(self, start: float, work: float) -> float:
        """The second at which ``work`` seconds of full-speed work begun at ``start`` are done; ``inf``: never."""

    def pieces(self, start: float) -> Iterator[Piece]:
        """The speeds from ``start`` on, one after another, each with the second at which it ends."""


@dataclass(frozen=True)
class Phases:
    """``speeds[k]`` from second ``times[k]`` until the next one; full speed before the first. 0 is no progress.

    >>> Phases(times=(10, 20), speeds=(0.5, 1)).finish(start=8, work=4)
    14.0

    times: seconds at which the speed changes, shape (phases,).
    speeds: from then on, shape (phases,).
    """

    times: tuple[float, ...]
    speeds: tuple[float, ...]

    def __post_init__(self):
        times = check_numbers("times", self.times, "time", "finite seconds >= 0", lambda x: 0 <= x < math.inf)
        speeds = check_numbers("speeds", self.speeds, "speed", "a finite number >= 0", lambda x: 0 <= x < math.inf)
        if len(times) != len(speeds):
            raise ValueError(f"speeds has {len(speeds)} values for {len(times)} times: give as many")
        for i in range(1, len(times)):
            if not times[i] > times[i - 1]:
                raise ValueError(f"times[{i}]={times[i]} is not after {times[i - 1]}: give ascending seconds")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "speeds", speeds)

    def pieces(self, start: float) -> Iterator[Piece]:
        for k in range(bisect_right(self.times, start), len(self.times) + 1):
            until = self.times[k] if k < len(self.times) else math.inf
            yield self.speeds[k - 1] if k else 1.0, until

    def finish(self, start: float, work: float) -> float:
        return end_of(start, work, self.pieces(start))

    def realise(self, rng: np.random.Generator) -> Course:
        """Itself: nothing is random."""
        return self


@dataclass(frozen=True)
class Diurnal:
    """Day and night: full speed for half a period from second ``phase`` on, ``low`` for the other half, and so on.

    A square wave and not a sine, so that the end of a job is exact.

    period: seconds.
    low: speed at night, in [0, 1].
    phase: seconds, in [0, period).
    """

    period: float
    low: float
    phase: float = 0.0

    def __post_init__(self):
        check_number(self, "period", "period", "finite seconds > 0", lambda x: 0 < x < math.inf)
        check_number(self, "low", "share of full speed", "a number in [0, 1]", lambda x: 0 <= x <= 1)
        check_number(self, "phase", "phase", "seconds in [0, period)", lambda x: 0 <= x < self.period)

    @property
    def mean(self) -> float:
        """The average speed of a period."""
        return (1 + self.low) / 2

    def pieces(self, start: float) -> Iterator[Piece]:
        half = self.period / 2
        k = math.floor((start - self.phase) / half)
        while True:
            yield (self.low if k % 2 else 1.0), self.phase + (k + 1) * half
            k += 1

    def finish(self, start: float, work: float) -> float:
        if work == math.inf:
            return math.inf
        whole, rest = divmod(work, self.period * self.mean)  # whole periods need not be walked through
        if whole and not rest:  # the last of them may be over before its night is
            whole, rest = whole - 1, self.period * self.mean
        start += whole * self.period
        if not start + self.period / 4 > start:  # so late that a float does not know day from night
            return start + rest / self.mean
        return end_of(start, rest, self.pieces(start))

    def realise(self, rng: np.random.Generator) -> Course:
        """Itself: nothing is random."""
        return self


@dataclass(frozen=True)
class Markov:
    """Fast and slow by turns, for times that are exponential and independent: a Markov chain of two states.

    It starts in either state as often as it is in it in the long run.

    fast_seconds: mean time at full speed.
    slow_seconds: mean time at ``slow_speed``.
    slow_speed: in [0, 1].
    """

    fast_seconds: float
    slow_seconds: float
    slow_speed: float

    def __post_init__(self):
        for key in ("fast_seconds", "slow_seconds"):
            check_number(self, key, "mean time", "finite seconds > 0", lambda x: 0 < x < math.inf)
        check_number(self, "slow_speed", "share of full speed", "a number in [0, 1]", lambda x: 0 <= x <= 1)

    @property
    def slow_share(self) -> float:
        """The share of its time that a worker is slow."""
        return 1 / (1 + self.fast_seconds / self.slow_seconds)

    @property
    def mean(self) -> float:
        """The average speed in the long run."""
        return 1 - self.slow_share * (1 - self.slow_speed)

    def realise(self, rng: np.random.Generator) -> Course:
        """One course of events: a function of this value and of ``rng`` alone, ``stream(seed, worker, 1)``."""
        return _MarkovCourse(self, rng)


class _MarkovCourse:
    """What became of a `Markov` speed. Switches are drawn in their order when they are first needed, and kept."""

    LIMIT = 10_000_000  # switches, about 80 MB

    def __init__(self, markov: Markov, rng: np.random.Generator):
        self.markov, self._rng = markov, rng
        self._starts_slow = rng.random() < markov.slow_share
        self._switches = array("d")  # seconds

    def _draw(self, count: int = 64) -> None:
        """The next switches; ``count`` is even, so that each portion begins with the same state."""
        import numpy as np

        sojourns = -np.log1p(-self._rng.random(count))
        sojourns[int(self._starts_slow) :: 2] *= self.markov.fast_seconds
        sojourns[1 - self._starts_slow :: 2] *= self.markov.slow_seconds
        last = self._switches[-1] if self._switches else 0.0
        self._switches.extend(np.cumsum([last, *sojourns])[1:].tolist())

    def pieces(self, start: float) -> Iterator[Piece]:
        while not self._switches or self._switches[-1] <= start:
            self._draw()
        k = bisect_right(self._switches, start)
        while True:
            if k == len(self._switches):
                self._draw()
            yield (self.markov.slow_speed if (k + self._starts_slow) % 2 else 1.0), self._switches[k]
            k += 1

    def finish(self, start: float, work: float) -> float:
        switches = (start + work / self.markov.mean) / (self.markov.fast_seconds / 2 + self.markov.slow_seconds / 2)
        if work < math.inf and not switches <= self.LIMIT:
            raise ValueError(
                f"work={work} from second {start} on takes {self.markov} some {switches:.0e} switches: "
                "give less work, or longer fast_seconds and slow_seconds"
            )
        return end_of(start, work, self.pieces(start))


def end_of(start: float, work: float, pieces: Iterable[Piece]) -> float:
    """`Course.finish` of a course that has these pieces from ``start`` on."""
    if not 0 < work < math.inf:
        return start + work
    now = start
    for speed, until in pieces:
        if until <= now:  # an empty piece, by rounding
            continue
        if speed > 0:
            done = now + work / speed
            if done <= until:
                return done
            work -= speed * (until - now)
            if work <= 0:  # by rounding
                return until
        now = until
    return math.inf


@dataclass(frozen=True)
class Outage:
    """The worker is away in [down, up): its job is lost, and at ``up`` it starts afresh.

    A late joiner is ``Outage(0, t)``; one that leaves for good, ``Outage(t)``.

    down: the second at which it goes.
    up: the second at which it is back; inf: never.
    """

    down: float
    up: float = math.inf

    def __post_init__(self):
        check_number(self, "down", "time", "finite seconds >= 0", lambda x: 0 <= x < math.inf)
        check_number(self, "up", "time", "seconds > down", lambda x: x > self.down)


def check_outages(outages: Sequence[Outage]) -> tuple[Outage, ...]:
    """One worker's outages in their order in time; those that touch are one. Raises ValueError where two overlap."""
    for outage in outages:
        if not isinstance(outage, Outage):
            raise ValueError(f"outages: {outage!r} is no outage: give Outage(down, up)")
    merged: list[Outage] = []
    for outage in sorted(outages, key=lambda outage: outage.down):
        if merged and outage.down < merged[-1].up:
            first = merged[-1]
            raise ValueError(
                f"outages={first}, {outage} overlap: give one from {first.down} to {max(first.up, outage.up)}"
            )
        if merged and outage.down == merged[-1].up:
            outage = Outage(merged.pop().down, outage.up)
        merged.append(outage)
    return tuple(merged)
