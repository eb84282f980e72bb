"""The clock held against reality: how well a simulation tells the rest of a real run from its first part.

Each method is trained in real time. Clusters are fitted to what happened up to some update: one to the jobs alone, as
`calibrate` does of a log, one that knows what communication took as well, and one that knows the server's time, too. All
are simulated, and what they say of the rest of the updates is held against what happened.
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
AIM = 0.05, 0.15  # median and largest error of seconds per update


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


def in_short(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Sizes of errors over the runs that have one value of a column, a row for each: ``runs``, and for each prediction
    ``median`` and ``largest`` of seconds per update, and ``inside``, how many observations are in the predicted 95 %.
    """
    seconds, predictions = table[table["measure"] == MEASURES[0]], table["fitted_to"].unique()
    rows = []
    for value, own in seconds.groupby(seconds[by].astype(str), sort=False):
        row: dict[str, object] = {by: value, "runs": len(own) // len(predictions)}
        for what in predictions:
            some = own[own["fitted_to"] == what]
            row[f"median, {what}"] = some["error"].abs().median()
            row[f"largest, {what}"] = some["error"].abs().max()
            row[f"inside, {what}"] = int(some["observed"].between(some["low"], some["high"]).sum())
        rows.append(row)
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame, by: str) -> str:
    """`in_short` as the guide has it."""
    kinds = [f"{kind}, {what}" for what in table["fitted_to"].unique() for kind in ("median", "largest", "inside")]
    lines = [[by, "runs", *kinds], ["---"] * (2 + len(kinds))]
    for row in in_short(table, by).to_dict("records"):
        cells = [f"{row[kind]}" if kind.startswith("inside") else f"{100 * row[kind]:.1f} %" for kind in kinds]
        lines.append([f"{row[by]}", f"{row['runs']}", *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def in_words(table: pd.DataFrame) -> str:
    """The errors of a table as `fidelity` gives it, in a paragraph for each prediction, and a verdict on `AIM`."""
    said = []
    axes = [*table.columns[: [*table.columns].index("fitted_to")]]
    for what in table["fitted_to"].unique():
        own = table[table["fitted_to"] == what]
        seconds = own[own["measure"] == MEASURES[0]]
        size = seconds["error"].abs()
        worst = seconds.loc[size.idxmax()]
        inside = int(seconds["observed"].between(seconds["low"], seconds["high"]).sum())
        median, largest = float(size.median()), float(size.max())
        verdict = " and ".join(f"{'met' if met else 'missed'} in the {name}" for name, met in _met(median, largest))
        parts = (own[own["measure"] == measure]["error"].abs() for measure in MEASURES[2:])
        (waste, late) = ((float(part.median()), float(part.max())) for part in parts)
        said.append(
            f"*Fitted to {_what(what)}*: of seconds per update over {len(seconds)} runs, the median error is "
            f"{100 * median:.1f} %, and the largest {100 * largest:.1f} % ({', '.join(f'{axis} {worst[axis]}' for axis in axes)}); "
            f"{inside} of {len(seconds)} observations are in the predicted 95 %, where {round(0.95 * len(seconds))} should "
            f"be. The aim, a median of at most {100 * AIM[0]:.0f} % and no error above {100 * AIM[1]:.0f} %, was {verdict}. "
            f"Errors of the wasted share of computing are up to {100 * waste[1]:.1f} percentage points (median "
            f"{100 * waste[0]:.1f}), of the mean delay up to {late[1]:.2f} updates (median {late[0]:.2f})."
        )
    return "\n\n".join(said) + "\n"


def _met(median: float, largest: float) -> list[tuple[str, bool]]:
    return [("median", median <= AIM[0]), ("largest error", largest <= AIM[1])]


def _what(prediction: str) -> str:
    """In a sentence of its own."""
    return {PREDICTIONS[2]: "jobs, communication and the server"}.get(prediction, prediction)


def report(table: pd.DataFrame) -> str:
    """What came out, as the guide has it: `in_words`, and `markdown` by each column that says what was run."""
    axes = [*table.columns[: [*table.columns].index("fitted_to")]]
    by = [axes[-1], *axes[:-1]]  # the method comes first
    return "\n".join([in_words(table), *(markdown(table, each) for each in by if table[each].nunique() > 1)])
