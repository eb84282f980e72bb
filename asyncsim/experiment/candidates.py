"""What advice tries on a cluster, as scenarios: a pilot with one method, and then every method with every batch size.

A candidate is a method with its M; its label says both, and its step size is tuned by halving. Each candidate is
trained on the reported seeds, so that what is said of one M holds for all.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cluster import Cluster
from ..engine import Stalled, simulate
from ..results import as_data
from ..rules import Synchronous
from ..scenario import Scenario, ScenarioError, load, restore
from ..scenario.files import read_toml
from ..scenario.shipped import scenario_file
from ..theory import rennala_round

CARTPOLE = {
    **{"environment": "CartPole-v1", "horizon": 200, "discount": 0.99, "hidden": [32]},
    "evaluation_episodes": 16,
}
WIDE = tuple(2.0**-k for k in range(11, -1, -1))  # 2^-11 .. 2^0, the pilot's step sizes
PILOT_BATCH = 20  # gradients of an update of the pilot, at most
OF_PROBLEMS = ("problem", "evaluate_every", "target_return")  # keys that are read with a problem
LARGEST = 6  # doublings of n that are tried at most
TUNING_FROM = 1000  # seeds from here on are for tuning, as many as are reported
AROUND = range(-3, 4)  # powers of two of the step sizes of a candidate, beside the one that the pilot suggests
PILOT_SEEDS, PILOT_TUNING = tuple(range(2000, 2005)), tuple(range(2005, 2010))


@dataclass(frozen=True)
class Case:
    """What advice is asked for: a cluster and a problem, as the tables of a scenario.

    path: of the cluster's file, for messages; recordings are in its folder. stale: as of a scenario. target: the return
    that the file of the problem gives. notes: sentences on what was taken of whole scenarios, and what was not.
    """

    path: Path
    cluster: Mapping[str, Any]
    problem: Mapping[str, Any]
    evaluate_every: int = 50
    stale: str = "cancel"
    target: float | None = None
    notes: tuple[str, ...] = ()

    def scenario(self, methods: Mapping[str, Any], **keys: Any) -> Scenario:
        """A scenario of this case. Raises ScenarioError."""
        data = {"cluster": {**self.cluster}, "problem": {**self.problem}, "methods": methods}
        shared = {"evaluate_every": self.evaluate_every, "tuning": "halving", "stale": self.stale}
        return restore(shared | data | keys, self.path, self.path.parent)

    def alone(self) -> Scenario:
        """The least that is a scenario: one update of AFedPG."""
        return self.scenario({"afedpg": {}}, step_sizes=[0.1], seeds=[0], stop={"updates": 1}, tuning="grid")


def read_case(path: Path, problem: Path | None = None) -> Case:
    """The cluster of a file, and the problem of the same or another one.

    path: a TOML file with a table [cluster], or a scenario. problem: likewise, with a table [problem]; None: that of
    ``path``, and CartPole-v1 with a small policy where it has none. Of a whole scenario ``stale`` is taken with the
    cluster, ``evaluate_every`` and ``target_return`` with the problem. Raises ScenarioError with what is wrong.
    """
    cluster = _tables(path, "cluster")
    if "sweep" in cluster:
        raise ScenarioError(f"{path}: sweep makes several clusters: give one with a single table [cluster]")
    other = cluster if problem is None else _tables(problem, "problem")
    case = Case(
        path,
        cluster["cluster"],
        other.get("problem", CARTPOLE),
        other.get("evaluate_every", 50),
        cluster.get("stale", "cancel"),
        other.get("target_return"),
        _notes(path, cluster, ("cluster", "stale") if problem else ("cluster", "stale", *OF_PROBLEMS))
        + (_notes(problem, other, OF_PROBLEMS) if problem else ()),
    )
    case.alone().check_times()
    return case


def _notes(path: Path, data: Mapping[str, Any], used: Sequence[str]) -> tuple[str, ...]:
    """Of a whole scenario, what is used and what is not."""
    if "methods" not in data:
        return ()
    taken = ", ".join(key for key in used if key in data)
    unused = ", ".join(key for key in data if key not in (*used, "title", "about"))
    return (f"Of {path.name} these are used: {taken}; not used: {unused}.",)


def _tables(path: Path, wanted: str) -> dict[str, Any]:
    """Of a scenario all that it says, checked; of another file what stands in it, with the table that is wanted."""
    path = scenario_file(path)
    try:
        data = read_toml(path)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}: give a TOML file with a table [{wanted}]") from None
    if "methods" in data:
        settings = as_data(load(path).settings)
        return data | {key: settings[key] for key in ("cluster", "problem", "evaluate_every")}  # with defaults
    for key in data:
        if key not in ("title", "cluster", "problem", "evaluate_every"):
            raise ScenarioError(f"{path}: {key} is not read here: give [cluster] and [problem], or a whole scenario")
    if wanted not in data:
        raise ScenarioError(f"{path}: {wanted} is missing: give a table [{wanted}]")
    for key in ("cluster", "problem"):
        if not isinstance(data.get(key, {}), dict):
            raise ScenarioError(f"{path}: {key}={data[key]!r} is no table: give [{key}], and its keys below it")
    return data


def batch_sizes(cluster: Cluster) -> tuple[int, ...]:
    """Values of M to try: n/4, n/2, n, ... up to 8n, and further while a round computes for less than its κ.

    At most 64 n.
    """
    from ..cluster.changes import mean_times

    n, kappa = cluster.workers, cluster.round_communication
    sizes = [max(1, math.ceil(n * 2.0**k)) for k in range(-2, 4)]
    h = [seconds for seconds in mean_times(cluster) if seconds < math.inf] or [1.0]
    while sizes[-1] < 2**LARGEST * n and float(rennala_round(h, sizes[-1])) < kappa:
        sizes.append(2 * sizes[-1])
    return tuple(dict.fromkeys(sizes))


def pilot(case: Case, cluster: Cluster, gradients: int, target: float | None) -> Scenario:
    """Rennala NIGT alone, with every step size: how far, how fast, and with which steps this problem is learned.

    gradients: when it stops. target: a return; None: the step size with the best return is taken.
    """
    methods = {"rennala_nigt": {"batch_size": min(cluster.workers, PILOT_BATCH)}}
    goal = {} if target is None else {"target_return": target, "tuned_for": "time"}
    seeds = {"seeds": [*PILOT_SEEDS], "tuning_seeds": [*PILOT_TUNING]}
    return case.scenario(methods, step_sizes=[*WIDE], stop={"gradients": gradients}, **seeds, **goal)


def candidates(
    case: Case,
    cluster: Cluster,
    step_size: float,
    until: float,
    target: float,
    seeds: int,
    own: bool,
    tried: Mapping[str, Collection[float]] | None = None,
) -> Scenario:
    """Every method with every M, each with seven step sizes that are halved, or with those that are tried.

    step_size: the best of the pilot. In the middle for another M is the power of two next to α √(M/M_pilot): a step
    with M gradients is worth M steps with one gradient that are √M times shorter, as long as noise decides.
    seeds: how many are reported; as many others are for tuning, since a step size that was chosen by a few seeds loses
    more than the seeds cost.
    own: whether workers have problems of their own, so that methods are tried that give each the same weight.
    tried: of the labels of those that are wanted, step sizes that are all trained to the end.
    """
    small = min(cluster.workers, PILOT_BATCH)

    def steps(label: str, batch: int) -> list[float]:
        if tried is not None:
            return sorted(tried.get(label, ()))
        middle = round(math.log2(step_size * math.sqrt(batch / small)))
        return [2.0 ** (middle + k) for k in AROUND]

    methods: dict[str, Any] = {}
    of_all = _can_wait_for_all(cluster, until)
    for name in ("rennala_nigt", "malenia_nigt")[: 2 if own and of_all else 1]:
        for batch in batch_sizes(cluster):
            label = f"{name}, M = {batch}"
            methods[label] = {"method": name, "batch_size": batch, "step_sizes": steps(label, batch)}
    for name, batch in [*([("synchronous_nigt", cluster.workers)] if of_all else []), ("afedpg", 1)]:
        methods[name] = {"step_sizes": steps(name, batch)}
    return case.scenario(
        {label: table for label, table in methods.items() if table["step_sizes"]},
        title=f"{case.path.name}: every method and M",
        stop={"until": until},
        target_return=target,
        tuned_for="time",
        tuning="grid" if tried else "halving",
        seeds=[*range(seeds)],
        tuning_seeds=[*range(TUNING_FROM, TUNING_FROM + seeds)],
    )


def _can_wait_for_all(cluster: Cluster, until: float) -> bool:
    """Whether every worker finishes a job while the candidates run."""
    try:
        return len(simulate(Synchronous(), cluster, until=until).updates) > 0
    except Stalled:
        return False
