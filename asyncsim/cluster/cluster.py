"""A cluster: n workers with compute times h_i and communication times κ_i, in simulated seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

from .checks import check_number, check_numbers
from .networks import Constant, Jitter, Network, PerWorker
from .speeds import Outage, check_outages
from .times import ComputeTime, Fixed, Scaled

Collective = Literal["max", "broadcast+reduce", "contributors", "when_ready"]
Transfer = Literal["round_trip", "both_ways"]
COLLECTIVES, TRANSFERS = get_args(Collective), get_args(Transfer)


@dataclass(frozen=True)
class Cluster:
    """How long things take. (arXiv 2509.24305, section 2; notebooks/science.md, Timing)

    compute: seconds per stochastic gradient, h_i, shape (workers,): numbers (``inf`` is a worker that never finishes)
        or `ComputeTime` distributions.
    communication: seconds per communication: κ for all, κ_i of shape (workers,), or a `Network`.
    collective: what a round of a collecting method costs (left open in the paper): ``"max"``, one κ = max κ_i after
        collection and nothing at broadcast; ``"broadcast+reduce"``, two; ``"contributors"``, max κ_i over the workers
        that hold a used gradient; ``"when_ready"``, the same, but a worker sends as soon as it knows that it has done
        its part.
    transfer: what a gradient of a greedy method costs (left open in the paper): ``"round_trip"``, one κ_i;
        ``"both_ways"``, κ_i down and κ_i up.
    speeds: worker to `Speed`, where it changes over time. outages: worker to its `Outage`, or several.
    update_seconds: that the server takes for an update once it has its gradients, τ; 0 in the paper.
    slot_speeds: the speed of a job while 1, 2, ..., S jobs are computed side by side on one machine, at most 1; workers
        0 .. S-1 are the slots of the first machine, and so on. (): every worker is a machine of its own.

    Raises ValueError for h_i ≤ 0 or NaN, κ_i or τ negative or not finite, lengths that differ, and unknown workers.

    >>> Cluster(compute=[1, 10], communication=0.5).kappas
    (0.5, 0.5)
    """

    compute: Sequence[float | ComputeTime]
    communication: float | Sequence[float] | Network = 0.0
    collective: Collective = "max"
    transfer: Transfer = "round_trip"
    speeds: Any = ()  # given as a Mapping[int, Speed], kept as pairs
    outages: Any = ()  # given as a Mapping[int, Outage | Sequence[Outage]], kept as pairs
    update_seconds: float = 0.0
    slot_speeds: Sequence[float] = ()

    def __post_init__(self):
        if isinstance(self.compute, str) or not hasattr(self.compute, "__len__"):
            raise ValueError(f"compute={self.compute!r} is not a list: give one number of seconds per worker")
        if not len(self.compute):
            raise ValueError("compute=[] has no worker: give at least one number of seconds")
        object.__setattr__(self, "compute", tuple(_time(i, time) for i, time in enumerate(self.compute)))
        self._check_communication()
        check_number(self, "update_seconds", "time of an update", "finite seconds >= 0", lambda x: 0 <= x < math.inf)
        for key, known in (("collective", COLLECTIVES), ("transfer", TRANSFERS)):
            if getattr(self, key) not in known:
                raise ValueError(f"{key}={getattr(self, key)!r} is unknown: give {' or '.join(map(repr, known))}")
        if self.senders_alone and not hasattr(self.network, "gathered"):
            raise ValueError(
                f"collective={self.collective!r} has some workers send without the others, and in a "
                f"{type(self.network).__name__} all take part: give 'max' or 'broadcast+reduce'"
            )
        self._check_slots()
        speeds, outages = dict(self.speeds), dict(self.outages)
        for key, given in (("speeds", speeds), ("outages", outages)):
            for worker in given:
                if worker not in range(self.workers):
                    raise ValueError(f"{key}[{worker}] is of no worker: give workers 0 to {self.workers - 1}")
        outages = {i: (own,) if isinstance(own, Outage) else own for i, own in outages.items()}
        object.__setattr__(self, "speeds", tuple(sorted(speeds.items(), key=lambda item: item[0])))
        object.__setattr__(self, "outages", tuple((i, check_outages(outages[i])) for i in sorted(outages)))

    def _check_slots(self):
        speeds = check_numbers("slot_speeds", self.slot_speeds, "speed", "a number in (0, 1]", lambda x: 0 < x <= 1)
        object.__setattr__(self, "slot_speeds", speeds)
        if speeds and self.workers % len(speeds):
            raise ValueError(
                f"slot_speeds has {len(speeds)} speeds, for as many slots of a machine, and {self.workers} workers are "
                f"no multiple of that: give {self.workers + -self.workers % len(speeds)} workers"
            )
        if speeds and self.speeds:
            raise ValueError("speeds and slot_speeds both say how fast a worker is: give one of them")

    def _check_communication(self):
        if hasattr(self.communication, "round_seconds"):
            self.network.round_seconds(self.workers)  # raises ValueError if it is of another number of workers
            return
        given: Any = self.communication
        shared = not hasattr(given, "__len__")
        communication: Any = float(given) if shared else tuple(float(k) for k in given)
        if not shared and len(communication) != self.workers:
            raise ValueError(
                f"communication has {len(communication)} values for {self.workers} workers: "
                f"give one number, or {self.workers}"
            )
        for i, k in enumerate((communication,) if shared else communication):
            if not (k >= 0 and math.isfinite(k)):
                key = "communication" if shared else f"communication[{i}]"
                raise ValueError(f"{key}={k} is no communication time: give finite seconds >= 0")
        object.__setattr__(self, "communication", communication)

    @property
    def workers(self) -> int:
        """n."""
        return len(self.compute)

    def slowed(self, factor: float) -> Cluster:
        """The same with all compute times multiplied."""
        if factor == 1:
            return self
        return replace(self, compute=[t * factor if isinstance(t, float) else Scaled(t, factor) for t in self.compute])

    @cached_property
    def network(self) -> Network:
        """What one communication costs, without its jitter."""
        if isinstance(self.communication, float):
            return Constant(self.communication)
        if isinstance(self.communication, tuple):
            return PerWorker(self.communication)
        network: Any = self.communication
        return network if self.jitter is None else self.jitter.network

    @property
    def jitter(self) -> Jitter | None:
        """What draws the seconds that are added to each communication; None where nothing is added."""
        network: Any = self.communication
        return network if getattr(network, "random", False) else None

    @property
    def queues(self) -> bool:
        """Whether gradients that are sent one by one wait for each other at the server."""
        return self.network.queues

    @property
    def kappas(self) -> tuple[float, ...]:
        """κ_i, seconds of one message between worker i and the server, shape (workers,)."""
        return tuple(self.network.gradient_seconds(worker) for worker in range(self.workers))

    @property
    def communications_per_round(self) -> int:
        """Of a collecting method."""
        return 2 if self.collective == "broadcast+reduce" else 1

    @property
    def senders_alone(self) -> bool:
        """Whether a round costs only those who hold a used gradient; when it is over then says `gathered`."""
        return self.collective in ("contributors", "when_ready")

    def gathered(self, done: Mapping[int, float], full: float, knows: bool) -> float:
        """The second at which a round's communication is over, without jitter, where only those send who contribute.

        done: of each of them, when its last used gradient was computed. full: when the last of all was. knows: whether
        a worker knows by itself that it has done its part (see `base.parks_after`), and need not wait for the others.
        """
        early = knows and self.collective == "when_ready"
        network: Any = self.network
        return network.gathered([*done], [*done.values()] if early else [full] * len(done))

    @property
    def communications_per_gradient(self) -> int:
        """Of a greedy method."""
        return 1 if self.transfer == "round_trip" else 2

    @cached_property
    def round_communication(self) -> float:
        """Seconds that the communication of one round takes, without jitter; at most, where `senders_alone`."""
        return self.communications_per_round * self.network.round_seconds(self.workers)

    @property
    def gradient_communication(self) -> tuple[float, ...]:
        """Seconds that the communication of one gradient takes, without jitter or queues, shape (workers,)."""
        return tuple(self.communications_per_gradient * kappa for kappa in self.kappas)


def _time(worker: int, time: float | ComputeTime) -> float | ComputeTime:
    if isinstance(time, Fixed):
        return time.seconds
    if hasattr(time, "draw"):
        return time
    time = float(time)
    if not time > 0:
        raise ValueError(f"compute[{worker}]={time} is no compute time: give seconds > 0")
    return time
