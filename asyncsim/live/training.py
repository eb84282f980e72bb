"""Real training: a method on workers that are processes, recorded as simulated runs are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import cloudpickle
import numpy as np
import pandas as pd

from ..base import Method, Problem
from ..cluster import Cluster, Constant, Jitter, Recorded
from ..learning.history import EVALUATE_EVERY, History, checked_evaluate_every
from ..learning.lanes import checked_lanes
from ..machines import jax_options
from ..timeline import Timeline
from .fleet import Fleet, fleet_of
from .learner import Learner
from .server import Server


@dataclass(frozen=True, eq=False)
class Live:
    """What was learned, and what happened, both in real seconds."""

    history: History
    timeline: Timeline


def train_live(
    method: Method,
    cluster: Cluster,
    problem: Problem,
    *,
    seed: int = 0,
    step_size: float | None = None,
    evaluate_every: int = EVALUATE_EVERY,
    updates: int | None = None,
    until: float | None = None,
    gradients: int | None = None,
    cluster_seed: int = 0,
    stale: Literal["cancel", "finish"] = "cancel",
    scale: float = 1.0,
    fleet: Fleet | None = None,
    say: Callable[[str], None] = lambda line: None,
    own: Sequence[ModuleType] = (),
) -> Live:
    """Train on real workers: one process for each worker of the cluster, on Ray.

    A worker's job takes what its gradient takes, and before that as many real seconds as ``scale`` times the compute
    time that the cluster has drawn for it, with ``cluster_seed``. What messages cost is not made longer, but measured.
    Where the cluster has an outage, the worker's process is killed. seed: of θ_0 and all trajectories: a job is the one
    that `replay` computes, so a replay of the timeline has the same parameters, up to rounding.
    updates, gradients: stop with these. until: stop after so many simulated seconds, times ``scale``.
    fleet: of as many workers as the cluster (see `fleet_of`); None: one on this machine, which ends with the run.
    say: called with a line when a worker dies or is back. own: modules that machines do
    not have, whose code is sent.

    The timeline's cluster has what was measured: each worker's seconds in their order, and those of communication.
    Raises ValueError for bad arguments, MachinesError without Ray.
    """
    if updates is None and until is None and gradients is None:
        raise ValueError("no stop condition: give updates=, until= or gradients=")
    if not 0 < scale < np.inf:
        raise ValueError(f"scale={scale!r} is no number of real seconds: give a finite number > 0")
    if problem.workers not in (None, cluster.workers):
        raise ValueError(f"problem has {problem.workers} workers, the cluster {cluster.workers}: give as many")
    check_live(method, cluster)
    if fleet is not None and fleet.workers != cluster.workers:
        raise ValueError(f"fleet has {fleet.workers} workers, the cluster {cluster.workers}: give as many")
    (seed,), (step_size,) = checked_lanes([seed], [method.update.step_size if step_size is None else step_size])
    learner = Learner(method, problem, seed, step_size, checked_evaluate_every(evaluate_every))
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    content = cloudpickle.dumps((problem, learner.measures))
    with fleet_of(cluster.workers) if fleet is None else nullcontext(fleet) as fleet:
        fleet.begin(content, jax_options(), learner.queries[0], seed)
        times: Any = {"cluster_seed": cluster_seed, "stale": stale, "scale": scale, "say": say}
        server = Server(method.rule, cluster.slowed(method.work), fleet, learner, **times)
        end, ending = server.go(updates, None if until is None else until * scale, gradients)
    timeline = _timeline(method, server, end, ending, cluster_seed, stale)
    frame = learner.history(method.name, timeline)
    params = np.asarray(learner.state.point)[None, None]
    return Live(History(method.name, (seed,), (step_size,), params, frame, len(timeline.jobs)), timeline)


def check_live(method: Method, cluster: Cluster) -> None:
    """Raises ValueError for what is simulated alone: slots, a server's seconds, and rules that let others run ahead."""
    for key in ("update_seconds", "slot_speeds"):
        if value := getattr(cluster, key):
            raise ValueError(f"cluster.{key}={value!r} is simulated only: leave it out in real time")
    if overlap := getattr(method.rule, "overlap", 0):
        raise ValueError(f"{method.name} goes on while the server works (overlap={overlap}), which is simulated only")


def _timeline(method: Method, server: Server, end: float, ending: str, seed: int, stale: Any) -> Timeline:
    frames = server.log.log().frames(1, server.by_round)
    jobs, updates = frames["jobs"], frames["updates"]
    finished = jobs["outcome"].isin(["used", "discarded"]).to_numpy()
    if server.by_round:
        sent = updates["time"].to_numpy() - frames["collected"][: len(updates)]
    else:
        sent = (jobs["finish"].to_numpy() - frames["computed"])[finished]
    outages = {seat.number: seat.outages for seat in server.seats if seat.outages}
    cluster = Cluster(_compute(jobs[finished], frames["computed"][finished], server), _network(sent), outages=outages)
    named: Any = {"method": method.name, "cluster": cluster, "communication": method.rule.communication}
    return Timeline(**named, stale=stale, seed=seed, coupled=False, end=end, ending=ending, **frames)


def _compute(jobs: pd.DataFrame, computed: np.ndarray, server: Server) -> list[float | Recorded]:
    """What each worker's jobs took; infinite of one that has finished none."""
    seconds = computed - jobs["start"].to_numpy()
    own = [seconds[(jobs["worker"] == seat.number).to_numpy()] for seat in server.seats]
    return [Recorded(tuple(each.tolist())) if len(each) else np.inf for each in own]


def _network(sent: np.ndarray) -> float | Jitter:
    """Communication that takes what it took, in this order."""
    seconds = tuple(sent[sent > 0].tolist())
    return Jitter(Constant(0.0), Recorded(seconds)) if seconds else 0.0
