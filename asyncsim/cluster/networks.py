"""What communication costs, in simulated seconds. (notebooks/science.md, Networks)

A message is a gradient or a point: 4 bytes for each of the policy's d parameters. After Hockney (1994), it takes
α + s/B seconds, with α the latency, s its bytes, and B the bandwidth of a link.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .checks import check_number, check_numbers
from .times import ComputeTime

if TYPE_CHECKING:
    import numpy as np

BYTES = 4  # of a parameter, float32


class Network(Protocol):
    """What one communication costs. What a method communicates, and how often, is the cluster's affair."""

    @property
    def queues(self) -> bool:
        """Whether gradients that are sent one by one wait for each other at the server.

        Such a network has ``service_seconds`` and ``latency``, as `ParameterServer` has.
        """

    @property
    def random(self) -> bool:
        """Whether draws are added to each communication; such a network has ``draw``, as `Jitter` has."""

    def round_seconds(self, workers: int) -> float:
        """Seconds of one collective of ``workers`` workers (collecting methods)."""

    def gradient_seconds(self, worker: int) -> float:
        """Seconds from a worker to the server when nobody else sends (greedy methods)."""


class OpenNetwork(Network, Protocol):
    """A network on which some workers may send without the others, each at its own time."""

    def gathered(self, workers: Sequence[int], ready: Sequence[float]) -> float:
        """The second at which the server has a message of each of these workers, who begin to send at these seconds."""


@dataclass(frozen=True)
class Constant:
    """κ for everything. (arXiv 2509.24305, section 2)

    seconds: κ.
    """

    seconds: float

    queues = random = False

    def __post_init__(self):
        _check_seconds(self, "seconds")

    def round_seconds(self, workers: int) -> float:
        return self.seconds

    def gradient_seconds(self, worker: int) -> float:
        return self.seconds

    def gathered(self, workers: Sequence[int], ready: Sequence[float]) -> float:
        return max(ready) + self.seconds


@dataclass(frozen=True)
class PerWorker:
    """κ_i; a collective waits for the slowest. (arXiv 2509.24305, section 2)

    seconds: κ_i, shape (workers,).
    """

    seconds: tuple[float, ...]

    queues = random = False

    def __post_init__(self):
        object.__setattr__(self, "seconds", check_numbers("seconds", self.seconds, *_SECONDS))
        if not self.seconds:
            raise ValueError("seconds=() has no worker: give at least one communication time")

    def round_seconds(self, workers: int) -> float:
        if workers != len(self.seconds):
            raise ValueError(f"seconds has {len(self.seconds)} values for {workers} workers: give as many")
        return max(self.seconds)

    def gradient_seconds(self, worker: int) -> float:
        return self.seconds[worker]

    def gathered(self, workers: Sequence[int], ready: Sequence[float]) -> float:
        return max(second + self.seconds[worker] for worker, second in zip(workers, ready))


@dataclass(frozen=True)
class Ring:
    """Ring AllReduce, 2(n-1) steps of d/n parameters each: 2(n-1)(α + 4d/(nB)). (Patarasuk and Yuan 2009)

    A single gradient is one message, α + 4d/B.

    latency: seconds, α.
    bandwidth: bytes per second of each link, B.
    parameters: of the message, d; 4 bytes each.
    """

    latency: float
    bandwidth: float
    parameters: int

    queues = random = False

    def __post_init__(self):
        check_link(self)

    def round_seconds(self, workers: int) -> float:
        return 2 * (workers - 1) * (self.latency + BYTES * self.parameters / (workers * self.bandwidth))

    def gradient_seconds(self, worker: int) -> float:
        return message_seconds(self)


@dataclass(frozen=True)
class Tree:
    """AllReduce up and down a binary tree, ⌈log2 n⌉ whole messages each way: 2⌈log2 n⌉(α + 4d/B).

    A single gradient is one message, α + 4d/B.

    latency: seconds, α.
    bandwidth: bytes per second of each link, B.
    parameters: of the message, d; 4 bytes each.
    """

    latency: float
    bandwidth: float
    parameters: int

    queues = random = False

    def __post_init__(self):
        check_link(self)

    def round_seconds(self, workers: int) -> float:
        return 2 * (workers - 1).bit_length() * self.gradient_seconds(0)

    def gradient_seconds(self, worker: int) -> float:
        return message_seconds(self)


@dataclass(frozen=True)
class ParameterServer:
    """A server with one link: messages go through it one after another, first come first served.

    A message keeps the link busy for ``service_seconds`` and arrives ``latency`` later. The engine queues the gradients
    of greedy methods; in a collective n of them go through at once, α + n·4d/B.

    latency: seconds, α.
    bandwidth: bytes per second of the server's link, B.
    parameters: of the message, d; 4 bytes each.
    """

    latency: float
    bandwidth: float
    parameters: int

    queues, random = True, False

    def __post_init__(self):
        check_link(self)

    @property
    def service_seconds(self) -> float:
        """Seconds for which one message has the link to itself, 4d/B."""
        return BYTES * self.parameters / self.bandwidth

    def round_seconds(self, workers: int) -> float:
        return self.latency + workers * self.service_seconds

    def gradient_seconds(self, worker: int) -> float:
        return message_seconds(self)

    def gathered(self, workers: Sequence[int], ready: Sequence[float]) -> float:
        # The link is busy from some message's second on with it and all that come after it.
        after = range(len(ready), 0, -1)
        return max(second + left * self.service_seconds for second, left in zip(sorted(ready), after)) + self.latency


@dataclass(frozen=True)
class Jitter:
    """Adds a random number of seconds to each communication of ``network``.

    All but ``draw``, which gives what is to be added, is as without it.
    """

    network: Any  # a `Network`; of what it has besides, the same is here
    time: ComputeTime

    random = True

    def __post_init__(self):
        if not hasattr(self.network, "round_seconds") or self.network.random:
            raise ValueError(f"network={self.network!r} is no network: give a Constant, a Ring, ..., without jitter")
        if not hasattr(self.time, "draw") or not self.time.quantile(0) < math.inf:
            raise ValueError(f"time={self.time!r} is no finite time: give an Exponential, a Uniform, ...")

    @property
    def queues(self) -> bool:
        return self.network.queues

    @property
    def service_seconds(self) -> float:
        """Seconds for which one message has the server's link to itself, where the network queues."""
        return self.network.service_seconds

    @property
    def latency(self) -> float:
        """Seconds, α, where the network has it."""
        return self.network.latency

    @property
    def parameters(self) -> int:
        """d, where the network has it."""
        return self.network.parameters

    def round_seconds(self, workers: int) -> float:
        return self.network.round_seconds(workers)

    def gradient_seconds(self, worker: int) -> float:
        return self.network.gradient_seconds(worker)

    @property
    def gathered(self) -> Callable[[Sequence[int], Sequence[float]], float]:
        """As of the network, where some may send without the others."""
        return self.network.gathered

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        """Seconds added to the next ``count`` communications, shape (count,), as in `ComputeTime.draw`."""
        return self.time.draw(rng, count, start)


_SECONDS = ("communication time", "finite seconds >= 0", lambda x: 0 <= x < math.inf)


def _check_seconds(thing: object, key: str) -> None:
    check_number(thing, key, *_SECONDS)


def message_seconds(network: Ring | Tree | ParameterServer) -> float:
    """Seconds of all parameters in one message over a link of this network, α + 4d/B."""
    return network.latency + BYTES * network.parameters / network.bandwidth


def check_link(network: Ring | Tree | ParameterServer) -> None:
    """Of a network's fields ``latency``, ``bandwidth`` and ``parameters``."""
    _check_seconds(network, "latency")
    check_number(network, "bandwidth", "bandwidth", "bytes per second > 0", lambda x: x > 0)
    d = network.parameters
    if isinstance(d, bool) or not isinstance(d, int) or d < 1:
        raise ValueError(f"parameters={d!r} is no number of parameters: give an integer >= 1")
