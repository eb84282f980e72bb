"""The table [cluster]: compute times, speeds, outages and networks, as `asyncsim.cluster` has them.

What has a table of its own is in its ``TIMES``, ``SPEEDS`` and ``NETWORKS``.

``compute`` is one of

* a pattern, with ``workers``: ``"sqrt"``;
* a list, one entry per worker, of numbers and distributions: ``[1.0, {distribution = "exponential", mean = 2.0}]``;
* a distribution for all ``workers``, where ``scale`` (a pattern, or a number per worker) multiplies their times:
  ``{distribution = "lognormal", mean = 1.0, sigma = 0.5, scale = "sqrt"}``;
* ``{recording = "times.csv"}``, beside the scenario file (see `read_recording`), with the file's ``sha256`` if another
  one is to be refused;
* a rollout's time, by the length of its answer, which is a distribution of tokens, or recorded (see `read_rollouts`):
  ``{distribution = "rollout", lengths = {recording = "log.csv"}, seconds_per_token = 0.02, prompt_seconds = 0.5}``.

``communication`` is a number, a pattern, a number per worker, or a network: ``{network = "ring", latency = 1e-3,
bandwidth = 1e9}``. A message has as many parameters as the policy, unless ``parameters`` is given. A network may have
``jitter``, a distribution.

[cluster.speeds.3] is of worker 3, [cluster.speeds.all] of all that have none of their own, each [[cluster.outages]] of
one worker. Workers are counted from 0.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat

from ..base import nearest
from ..cluster import (
    NETWORKS,
    PATTERNS,
    SPEEDS,
    Cluster,
    ComputeTime,
    Constant,
    Jitter,
    Network,
    Outage,
    PerWorker,
    Speed,
)
from ..engine.memory import OF_A_WORKER, check_size
from .errors import or_swept, told
from .tables import (
    ComponentTable,
    Count,
    Index,
    ListOf,
    Numbers,
    Table,
    component_of,
    keys_of,
    table_of,
    tagged,
    word_of,
)
from .times import TimeOfAll, TimeOfOne, TimeTable, of_one, scaled, time_of

Parameters = Callable[[str], int]  # d; raises a line that ends with these words where there is no policy


# ---- speeds and outages

SPEED_TABLES = [table_of(speed, kind=word_of(speed), **keys_of(speed)) for speed in SPEEDS]
SpeedTable: Any = tagged("kind", *SPEED_TABLES)


class OutageBase(ComponentTable):
    """Of one worker.

    worker: counted from 0.
    """


OutageTable: Any = table_of(Outage, OutageBase, worker=(Index, ...), **keys_of(Outage))


# ---- networks


class NetworkTable(ComponentTable):
    """What communication costs. A network's ``parameters`` are the policy's, unless they are given.

    jitter: a distribution of seconds that are added to each communication.
    """

    jitter: TimeOfOne | None = None

    def build(self, workers: int, parameters: Parameters) -> Network:
        """The network without its jitter. workers: n. parameters: d, asked for only where it is needed."""
        if getattr(self, "parameters", 0) is not None:
            return component_of(self)
        return component_of(self, parameters=parameters("give communication.parameters"))

    def with_jitter(self, workers: int, parameters: Parameters) -> Network:
        """The network, and its jitter if there is any. Raises ScenarioError."""
        network = told("cluster.communication", self, self.build, workers, parameters)
        if self.jitter is None:
            return network
        return Jitter(network, of_one("cluster.communication.jitter", self.jitter))


class ConstantTable(NetworkTable):
    """κ, or κ_i.

    seconds: of one communication: a number, a pattern, or a number per worker.
    """

    network: Literal["constant"]
    seconds: float | str | Numbers

    def build(self, workers: int, parameters: Parameters) -> Network:
        """A `Constant`, or a `PerWorker` where there is a list or a pattern."""
        seconds = _by_pattern("seconds", self.seconds, workers)
        if not isinstance(seconds, tuple):
            return Constant(seconds)
        network = PerWorker(seconds)
        network.round_seconds(workers)  # as many as workers
        return network


def _network_table(network: type) -> type[ComponentTable]:
    keys = keys_of(network)
    if "parameters" in keys:
        keys["parameters"] = Count | None, None
    return table_of(network, NetworkTable, **keys, network=word_of(network))


NETWORK_TABLES = [_network_table(network) for network in NETWORKS]
OneNetworkTable: Any = tagged("network", ConstantTable, *NETWORK_TABLES)


# ---- all together


class ClusterTable(Table):
    """As in `Cluster`.

    workers: how many, n; not needed where ``compute`` is a list.
    compute: simulated seconds of one gradient, h_i: a pattern of `asyncsim list`, a list with a number or a
        distribution per worker, a distribution for all, or a recording.
    compute_unit: what compute times are of. "gradient": h_i. "step": ḣ_i, seconds per environment step, so that an
        episode that ends early takes less time; numbers only.
    speeds: by worker, counted from 0, or for ``all``: how its speed changes.
    outages: when which worker is away.
    communication: simulated seconds of one communication, κ, or κ_i: a number, a pattern, a number per worker, or a
        network.
    collective: what a round's collective waits for: "max", "contributors" or "when_ready".
    transfer: what one exchange with the server costs: "round_trip", κ once, or "both_ways", κ down and κ up.
    communication_exponent: every κ_i is multiplied by d to this power, with d the number of the policy's parameters
        (arXiv 2509.24305, section 6: κ_i = √i·d^(1/4)).
    update_seconds: that the server takes for an update once it has its gradients, τ.
    slot_speeds: the speed of a job while 1, 2, ..., S jobs are computed side by side on one machine, at most 1; its
        slots are workers 0 to S-1, and so on. Empty: every worker is a machine of its own.
    seed: of all that is random.
    """

    workers: Count | None = None
    compute: str | Annotated[tuple[float | TimeOfOne, ...], ListOf] | TimeOfAll
    compute_unit: Literal["gradient", "step"] = "gradient"
    speeds: dict[str, SpeedTable] = {}
    outages: Annotated[tuple[OutageTable, ...], ListOf] = ()
    communication: float | str | Numbers | OneNetworkTable = 0.0
    communication_exponent: Annotated[FiniteFloat, Field(ge=-10, le=10)] | None = None
    collective: str = "max"
    transfer: str = "round_trip"
    update_seconds: float = 0.0
    slot_speeds: Numbers = ()
    seed: Index = 0

    def build(self, folder: Path, parameters: Callable[[int, str], int]) -> tuple[ClusterTable, Cluster]:
        """This table with the digest of its recording, and the cluster.

        folder: of recordings. parameters: d, for a number of workers, as in `Parameters`.
        """
        if not getattr(self.compute, "recorded", False):
            return self, self._cluster(self._compute(), parameters)
        compute: Any = self.compute
        read, times = told("cluster.compute", compute, compute.build, folder, self.workers)
        return self.model_copy(update={"compute": read}), self._cluster(times, parameters)

    def _cluster(self, compute: Sequence[float | ComputeTime], parameters: Callable[[int, str], int]) -> Cluster:
        n = len(compute)
        communication = _by_pattern("communication", self.communication, n)
        if isinstance(communication, NetworkTable):
            if self.communication_exponent is not None:
                raise ValueError("communication_exponent multiplies seconds, and this is a network: leave it out")
            communication = communication.with_jitter(n, lambda what: parameters(n, what))
        elif isinstance(communication, tuple) and len(communication) != n:
            raise ValueError(
                f"communication={reprlib.repr([*communication])} has {len(communication)} values for {n} workers: "
                f"give one number, one per worker ({n}){or_swept('cluster.communication')}"
            )
        charges: Any = {"collective": self.collective, "transfer": self.transfer}
        charges |= {"update_seconds": self.update_seconds, "slot_speeds": self.slot_speeds}
        cluster = Cluster(compute, communication, **charges, speeds=self._speeds(n), outages=self._outages(n))
        if self.compute_unit == "step" and (cluster.speeds or not all(isinstance(h, float) for h in cluster.compute)):
            raise ValueError("compute_unit='step' needs numbers of seconds: leave out distributions and speeds")
        if self.communication_exponent is None:
            return cluster
        factor = parameters(n, "leave out communication_exponent") ** self.communication_exponent
        return replace(cluster, communication=tuple(factor * kappa for kappa in cluster.kappas))

    def in_words(self) -> str:
        """Times and communication, in a few words."""

        def words(value):
            if isinstance(value, tuple):
                runs = ((word, len([*same])) for word, same in groupby(value, words))
                return ", ".join(f"{word} ×{count}" if count > 1 else word for word, count in runs)
            value = getattr(value, "distribution", getattr(value, "network", value))
            return f"{value:g}" if isinstance(value, float) else f"{value}"

        more = f"·d^{self.communication_exponent:g}" if self.communication_exponent else ""
        return f"{words(self.compute)}, κ {words(self.communication)}{more}"

    def _compute(self) -> Sequence[float | ComputeTime]:
        compute: Any = self.compute
        workers = self.workers
        if isinstance(compute, tuple):
            if workers not in (None, len(compute)):
                raise ValueError(f"workers={workers}, but compute has {len(compute)} values: give one per worker")
            return [
                of_one(f"cluster.compute[{i}]", time) if isinstance(time, TimeTable) else time
                for i, time in enumerate(compute)
            ]
        table = isinstance(compute, TimeTable)
        if table and workers is None and isinstance(compute.scale, tuple):
            workers = len(compute.scale)
        if workers is None:
            what = "a distribution for all" if table else f"compute={compute!r}"
            raise ValueError(f"workers is missing: {what} needs an integer >= 1")
        check_size("workers", workers, OF_A_WORKER * workers)
        if not table:
            return _by_pattern("compute", compute, workers)
        time = told("cluster.compute", compute, time_of, compute)
        if compute.scale is None:
            return (time,) * workers
        scale = _by_pattern("compute.scale", compute.scale, workers)
        if len(scale) != workers:
            raise ValueError(f"compute.scale has {len(scale)} values for {workers} workers: give as many")
        return [scaled(time, factor) for factor in scale]

    def _speeds(self, n: int) -> dict[int, Speed]:
        speeds, common = {}, None
        workers = {f"{worker}": worker for worker in range(n)} if self.speeds else {}  # 01 is none
        for key, table in self.speeds.items():
            speed = told(f"cluster.speeds.{key}", table, component_of, table)
            if key == "all":
                common = speed
            elif key in workers:
                speeds[workers[key]] = speed
            else:
                raise ValueError(f"speeds.{key} is of no worker: give 0 to {n - 1}, or all")
        return speeds if common is None else dict.fromkeys(range(n), common) | speeds

    def _outages(self, n: int) -> dict[int, list[Outage]]:
        outages: dict[int, list[Outage]] = {}
        for k, table in enumerate(self.outages):
            if table.worker >= n:
                raise ValueError(f"outages[{k}].worker={table.worker} is of no worker: give 0 to {n - 1}")
            outage = told(f"cluster.outages[{k}]", table, Outage, table.down, table.up)
            outages.setdefault(table.worker, []).append(outage)
        return outages


def _by_pattern(key: str, value: Any, workers: int) -> Any:
    """What a pattern's name stands for; anything else as it is."""
    if not isinstance(value, str):
        return value
    if value not in PATTERNS:
        raise ValueError(f"{key}={value!r} is unknown: {nearest(value, list(PATTERNS))}")
    return PATTERNS[value](workers)
