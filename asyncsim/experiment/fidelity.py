"""The clock held against reality: how well a simulation tells the rest of a real run from its first part.

Each method is trained in real time. Clusters are fitted to what happened up to some update: one to the jobs alone, as
`calibrate` does of a log, one that knows what communication took as well, and one that knows the server's time, too.
All are simulated, and what they say of the rest of the updates is held against what happened.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import pandas as pd

from ..base import Method
from ..calibration import fit_all
from ..cluster import Cluster, ComputeTime, Constant, Jitter
from ..engine import simulate
from ..live import fleet_of
from ..machines.on_ray import connected
from ..scenario import Scenario, ScenarioError
from ..timeline import Timeline
from .living import train_scenario

FIRST = 0.5  # of the updates: what clusters are fitted to
REPEATS = 40  # simulations, each with a seed of its own
FEWEST = 5  # jobs of a worker, or communications, that are fitted; of fewer the mean is taken
MEASURES = ("seconds_per_update", "gradients_per_second", "wasted_share", "mean_delay")
PREDICTIONS = ("jobs", "jobs and communication", "and the server")  # what a cluster is fitted to


def window(timeline: Timeline, first: int) -> dict[str, float]:
    """`MEASURES` of what happened after so many updates, up to the last.

    wasted_share: of the seconds of jobs that started then and have ended. mean_delay: in updates, of the uses.
    """
    time = np.append(0.0, timeline.updates["time"].to_numpy())
    begin, end = time[first], time[-1]
    jobs = timeline.jobs
    start, outcome = jobs["start"].to_numpy(), jobs["outcome"].to_numpy(str)
    late = (start >= begin) & (outcome != "running")
    seconds = np.where(late, timeline.computed - start, 0.0)
    used = jobs["update"].to_numpy() >= first
    return {
        "seconds_per_update": float(end - begin) / (len(time) - 1 - first),
        "gradients_per_second": float(timeline.updates["gradients"].iloc[first:].sum() / (end - begin)),
        "wasted_share": float(seconds[outcome != "used"].sum() / seconds.sum()),
        "mean_delay": float(jobs["delay"].to_numpy()[used].mean()),
    }


def fitted(timeline: Timeline, first: int, scenario: Scenario) -> dict[str, Cluster]:
    """The cluster as it was up to so many updates, for each of `PREDICTIONS`.

    A worker that has finished no job by then never finishes one. Jobs that were cancelled are not in it, as in any log:
    under rules that cancel, fits are of those that were short enough. Where gradients are sent one by one, the server's
    time is what passes from a gradient's arrival until its worker begins again, and communication is then that of
    gradients for which the server was free. In a round the server's time is part of what is taken for communication.
    """
    until = timeline.updates["time"].iloc[first - 1]
    jobs, computed = timeline.jobs, timeline.computed
    done = (jobs["outcome"].isin(["used", "discarded"]) & (jobs["finish"] <= until)).to_numpy()
    worker, seconds = jobs["worker"].to_numpy()[done], (computed - jobs["start"].to_numpy())[done]
    own = [seconds[worker == number] for number in range(scenario.cluster.workers)]
    times = [_fitted(each) if len(each) else np.inf for each in own]
    if timeline.communication == "round":
        sent = (timeline.updates["time"].to_numpy() - timeline.collected[: len(timeline.updates)])[:first]
        whole = Cluster(times, _sent(sent))
        return dict(zip(PREDICTIONS, (Cluster(times), whole, whole)))
    sent = (jobs["finish"].to_numpy() - computed)[done]
    served, free = _server(jobs[done])
    whole = Cluster(times, _sent(sent[free]), update_seconds=served)
    return dict(zip(PREDICTIONS, (Cluster(times), Cluster(times, _sent(sent)), whole)))


def _server(jobs: pd.DataFrame) -> tuple[float, np.ndarray]:
    """Seconds from a gradient's arrival until its worker begins again, on average; and for which arrivals the server
    had been free for as long, so that they can hardly have waited, shape (jobs,). jobs: in the order of arrival.
    """
    arrived = jobs["finish"].to_numpy()
    again = jobs.sort_values(["worker", "start"]).groupby("worker")["start"].shift(-1).reindex(jobs.index).to_numpy()
    took = again - arrived
    if np.isnan(took).all():
        return 0.0, np.full(len(jobs), True)
    served = float(np.nanmean(took))
    idle_since = np.append(-np.inf, again[:-1])  # of those that did not begin again by then, nothing is known
    free = ~(arrived - idle_since < served)
    return served, free if free.sum() >= FEWEST else np.full(len(jobs), True)


def _sent(seconds: np.ndarray) -> float | Jitter:
    """Communication that takes so long."""
    found = _fitted(seconds[seconds > 0])
    return found if isinstance(found, float) else Jitter(Constant(0.0), found)


def _fitted(seconds: np.ndarray) -> float | ComputeTime:
    if len(seconds) < FEWEST:
        return float(seconds.mean()) if len(seconds) else 0.0
    (fit,) = fit_all([("", seconds)])
    return fit.time


def compared(method: Method, timeline: Timeline, scenario: Scenario) -> pd.DataFrame:
    """One row per prediction and measure: ``fitted_to, measure, observed, predicted, low, high, error``.

    predicted: the mean over simulations. low, high: the middle 95 % of them, in which one observation should be. error:
    predicted / observed - 1 of seconds and gradients per second; of shares and delays, which may be 0, the difference.
    """
    updates = len(timeline.updates)
    first = max(1, int(FIRST * updates))
    observed, rows, simulated = window(timeline, first), [], {}
    for what, cluster in fitted(timeline, first, scenario).items():
        if cluster not in simulated:  # in rounds, the server's time is in another's
            simulated[cluster] = [
                window(simulate(method.rule, cluster, updates=updates, seed=seed, stale=timeline.stale), first)
                for seed in range(REPEATS)
            ]
        runs = simulated[cluster]
        for measure in MEASURES:
            found = np.array([run[measure] for run in runs])
            predicted, (low, high) = float(found.mean()), np.quantile(found, (0.025, 0.975)).tolist()
            relative = measure in MEASURES[:2]
            error = predicted / observed[measure] - 1 if relative else predicted - observed[measure]
            rows.append((what, measure, observed[measure], predicted, low, high, error))
    return pd.DataFrame(rows, columns=["fitted_to", "measure", "observed", "predicted", "low", "high", "error"])


def fidelity(
    scenario: Scenario,
    scale: float,
    address: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Train all methods of a scenario in real time, at every point of its sweep, and compare (see `compared`).

    One row per point, method, prediction and measure. scale, say: as of `live.train_live`. address: of a Ray cluster.
    Raises ScenarioError where workers are killed, for the first part does not tell when.
    """
    if any(point.cluster.outages for _, point in scenario.points):
        raise ScenarioError(f"{scenario.path}: cluster.outages cannot be told from what was before: leave them out")
    frames, fleets = [], {}
    with ExitStack() as stack:
        stack.enter_context(connected(address))
        for values, point in scenario.points:
            workers = point.cluster.workers
            if workers not in fleets:
                fleets[workers] = stack.enter_context(fleet_of(workers))
            for label, live in train_scenario(
                point, list(point.methods), fleets[workers], scale=scale, say=say
            ).items():
                about = pd.DataFrame([{**values, "method": label}] * len(PREDICTIONS) * len(MEASURES))
                frames.append(pd.concat([about, compared(point.methods[label], live.timeline, point)], axis=1))
    return pd.concat(frames, ignore_index=True)
