"""What the page shows of a cluster and some methods: simulated, and by theory. Nothing here knows the page."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import theory
from ..base import Method
from ..cluster import PATTERNS, Cluster, changes
from ..engine import Stalled, simulate
from ..scenario import Scenario, ScenarioError, known_methods, load
from ..theory.prospects import bare, pace, prospects_of, round_at_most
from ..theory.rules import ROUNDS
from ..timeline import Timeline
from ..timeline.usage import run_totals
from ..updates import NIGT

AS_IN_FILE = "as in the file"
EACH, ROUNDS_AT_LEAST = 100, 20  # gradients per worker that are simulated, and updates with M gradients
CHOSEN = {"batch_size", "step_size"}  # parameters of methods that the page chooses, or that time does not depend on


@dataclass(frozen=True)
class Asked:
    """What the page asks.

    workers: n. compute: a pattern's name, or `AS_IN_FILE`, with workers of the same kinds. straggler: times as long
    takes the slowest worker. communication: κ, seconds; None: the file's network. batch_size: M, of methods that have
    one. methods: labels.
    """

    workers: int
    compute: str
    straggler: float
    communication: float | None
    batch_size: int
    methods: tuple[str, ...]

    def cluster(self, given: Cluster) -> Cluster:
        """The cluster of a file, changed. Raises ValueError."""
        cluster = given if self.workers == given.workers else changes.with_workers(given, self.workers)
        if self.compute != AS_IN_FILE:
            cluster = replace(cluster, compute=PATTERNS[self.compute](self.workers), speeds={}, outages={})
        if self.communication is not None:
            cluster = replace(cluster, communication=self.communication)
        if self.straggler != 1:
            cluster = changes.slower_worker(cluster, changes.slowest(cluster), self.straggler)
        return cluster


@dataclass(frozen=True)
class Looked:
    """What was simulated.

    methods, timelines: by label. without: why there is no timeline, by label. table: a row per timeline, see `look`.
    notes: what formulas leave out of this cluster.
    """

    cluster: Cluster
    methods: Mapping[str, Method]
    timelines: Mapping[str, Timeline]
    without: Mapping[str, str]
    table: pd.DataFrame
    notes: tuple[str, ...]


def begin(cluster: Path | str) -> tuple[Scenario, dict[str, Method], Asked]:
    """A file, the methods that may be chosen with it, and what the page asks at first. Raises ScenarioError.

    cluster: a scenario, or a file with no more than a table [cluster]. Beside the file's methods those of the package
    may be chosen that need no other parameter than M.
    """
    scenario = load(cluster, cluster_will_do=True)
    if scenario.swept:
        raise ScenarioError(f"{scenario.path}: sweep makes several clusters: give a file without [sweep]")
    scenario.check_times()
    methods = dict(scenario.methods)
    for name, function in known_methods().items():
        parameters = inspect.signature(function).parameters.values()
        needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
        if name not in methods and CHOSEN.issuperset(needed):
            methods[name] = function(**dict.fromkeys(needed, 1))
    sizes = [size for method in scenario.methods.values() if (size := _batch_size(method)) is not None]
    n, compute, kappa = scenario.cluster.workers, scenario.settings.cluster.compute, scenario.cluster.communication
    asked = Asked(
        workers=n,
        compute=compute if isinstance(compute, str) else AS_IN_FILE,
        straggler=1.0,
        communication=kappa if isinstance(kappa, float) else None,
        batch_size=sizes[0] if sizes else n,
        methods=tuple(scenario.methods),
    )
    return scenario, methods, asked


def _batch_size(method: Method) -> int | None:
    """M; None of a rule that has none."""
    return getattr(method.rule, "batch_size", None)


def _with_batch(method: Method, size: int) -> Method:
    """With another M, where there is one. Raises ValueError for one that the rule refuses."""
    rule: Any = method.rule
    return method if _batch_size(method) is None else replace(method, rule=replace(rule, batch_size=size))


def look(scenario: Scenario, methods: Mapping[str, Method], asked: Asked) -> Looked:
    """Simulate the chosen methods, up to 100 gradients per worker and 20 times M. Raises ValueError for no cluster.

    The table's columns: ``method, updates``; ``seconds_per_update``; ``by_theory``, the same by formula, and
    ``relation`` of the real one to it (see `theory.prospects.pace`); ``at_most``, the bound on it (see
    `round_at_most`); ``gradients_per_second``, used; and shares of all workers' time that were ``useful``, spent
    ``communicating`` or ``idle``, and ``wasted``, of the computing time.
    """
    cluster = asked.cluster(scenario.cluster)
    chosen, timelines, without, rows = {}, {}, {}, []
    try:
        formulas, notes = bare(cluster), bare(cluster).notes
    except ValueError as error:
        formulas, notes = None, (f"There are no formulas for this cluster: {error}.",)
    gradients = max(EACH * cluster.workers, ROUNDS_AT_LEAST * asked.batch_size)
    seed, stale = scenario.settings.cluster.seed, scenario.settings.stale
    for label in asked.methods:
        try:
            chosen[label] = method = replace(_with_batch(methods[label], asked.batch_size), name=label)
            timelines[label] = simulate(method, cluster, gradients=gradients, seed=seed, stale=stale)
        except (ValueError, Stalled) as error:
            without[label] = f"{error}"
            continue
        whole, found = run_totals(timelines[label]), formulas and pace(method, formulas, stale)
        rows.append(
            {
                "method": label,
                "updates": whole["updates"],
                "seconds_per_update": whole["seconds_per_update"],
                "by_theory": found.seconds if found else math.nan,
                "relation": found.relation if found and not math.isnan(found.seconds) else "",
                "at_most": round_at_most(method.rule, timelines[label].cluster),
                "gradients_per_second": whole["used"] / (whole["end"] or math.nan),
                "useful": whole["utilisation"],
                "communicating": whole["communicating_share"],
                "idle": max(whole["idle_share"], 0.0),
                "wasted": whole["wasted_share"],
            }
        )
    stalled = (
        f"{label} makes no update after {len(timeline.updates)} of them: it waits for workers that are gone for good."
        for label, timeline in timelines.items()
        if timeline.ending == "stalled"
    )
    return Looked(cluster, chosen, timelines, without, pd.DataFrame(rows), (*stalled, *notes))


def predicted(looked: Looked, updates: Mapping[str, float]) -> pd.DataFrame:
    """Simulated seconds until each method has made so many updates, by label: the seconds of one times how many.

    ``method, updates, seconds_per_update, seconds``; NaN where the number is not known, infinite where a method stalls
    before. It says nothing of how many updates a target takes.
    """
    rows = []
    for (label, timeline), each in zip(looked.timelines.items(), looked.table.get("seconds_per_update", ())):
        count = float(updates.get(label, math.nan))
        stalls = timeline.ending == "stalled" and count > len(timeline.updates)
        rows.append((label, count, each, math.inf if stalls else count * each))
    return pd.DataFrame(rows, columns=["method", "updates", "seconds_per_update", "seconds"])


def updates_by_theory(looked: Looked, epsilon: float, constants: Mapping[str, float]) -> dict[str, float]:
    """T(M), the updates to E‖∇J‖ ≤ ε, by label, of NIGT under rules that collect (see `theory.updates_with_batch`).

    constants: σ, L_g, L_h and Δ, as ``sigma, L_g, L_h, Delta``. Raises ValueError for bad ones.
    """
    found = {}
    for label, method in looked.methods.items():
        formulas, update = ROUNDS.get(type(method.rule)), method.update
        if formulas and isinstance(update, NIGT) and update.lookahead:
            size = formulas.size(method.rule, looked.cluster.workers, False)
            found[label] = float(theory.updates_with_batch(size, epsilon, **constants))
    return found


def rows_to_epsilon(looked: Looked, epsilon: float, constants: Mapping[str, float]) -> tuple[pd.DataFrame, float]:
    """The rows of the paper's tables, and Rennala NIGT's best M by theory, NaN where that is too large to be searched.

    ``method, computing, communicating, total``: seconds to E‖∇J‖ ≤ ε without constants and logs. constants: as in
    `updates_by_theory`, of the best M alone. Raises ValueError for bad ones, and where there are no formulas.
    """
    found = prospects_of(bare(looked.cluster), epsilon, constants=constants)
    rows = [(name, *map(float, row), float(np.sum(row.total))) for name, row in found.rows.items()]
    return pd.DataFrame(rows, columns=["method", "computing", "communicating", "total"]), found.best_batch_size
