"""What holds a cluster up as it grows: a scenario's methods simulated on more and more workers, beside theory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..cluster import Cluster
from ..scenario import Scenario, ScenarioError
from ..theory.growth import gradient_rate
from ..timeline import Timeline
from ..timeline.usage import run_totals

AXIS = "workers"
SHARES = {  # of all workers' time, which they sum to
    "computing": "computing gradients of use",
    "cancelled": "computing gradients that nobody uses",
    "waiting": "waiting for other workers",
    "latency": "the latency of messages",
    "bandwidth": "the bandwidth of links",
}
PORT = "port"  # the only link that is short of bandwidth, where the network is a server
HALF = 0.5  # of the factor by which workers become more: what brings less than its root is said not to pay


def measured(scenario: Scenario) -> pd.DataFrame:
    """A row for every point of the sweep, method and choice of what it tunes.

    Columns: the axes of the sweep; ``method``; ``gradients_per_second`` and ``updates_per_second``, of the second half
    of the updates; ``theory`` and ``relation``, the first of these as `theory.growth.gradient_rate` has it; `SHARES`;
    ``limit``, the largest of them (`PORT`: bandwidth, where all messages go to one server); ``mean_delay``.
    Raises ScenarioError where the sweep has no axis ``cluster.workers``, or a method makes no update.
    """
    if AXIS not in scenario.axes:
        raise ScenarioError(f"{scenario.path}: sweep has no cluster.workers: give numbers of workers, smallest first")
    rows = []
    for values, point in scenario.points:
        for label, run, method in point.every_method:
            timeline = point.simulate(label, method)
            if not len(timeline.updates):
                raise ScenarioError(f"{scenario.path}: methods.{label} makes no update: give a later stop")
            rate = gradient_rate(method, point.cluster)
            theory = {"theory": rate.gradients, "relation": rate.relation}
            rows.append({**values, "method": run} | pace_and_shares(timeline) | theory)
    return pd.DataFrame(rows)


def pace_and_shares(timeline: Timeline) -> dict[str, Any]:
    """What is in a row of `measured`, of one timeline."""
    time, gradients = timeline.updates["time"].to_numpy(), timeline.updates["gradients"].to_numpy()
    first = len(time) // 2
    seconds = time[-1] - (time[first - 1] if first else 0.0)
    whole = run_totals(timeline)
    n, end = timeline.cluster.workers, timeline.end
    sends = whole["communications"] * (n if timeline.communication == "round" else 1)
    communicating = whole["communicating_share"]
    latency = min(communicating, sends * _latency(timeline.cluster, timeline.communication == "round") / (n * end))
    shares = {
        "computing": whole["busy_share"] - whole["wasted"] / (n * end),
        "cancelled": whole["wasted"] / (n * end),
        "waiting": whole["idle_share"],
        "latency": latency,
        "bandwidth": communicating - latency,
    }
    limit = max(shares, key=lambda name: shares[name])
    return {
        "gradients_per_second": float(gradients[first:].sum() / seconds),
        "updates_per_second": float((len(time) - first) / seconds),
        **shares,
        "limit": PORT if limit == "bandwidth" and timeline.cluster.queues else limit,
        "mean_delay": whole["mean_delay"],
    }


def _latency(cluster: Cluster, by_round: bool) -> float:
    """Seconds of one communication on links of any bandwidth."""
    network: Any = cluster.network
    if hasattr(network, "bandwidth"):
        network = replace(network, bandwidth=math.inf)
    if by_round and not cluster.senders_alone:
        return network.round_seconds(cluster.workers)
    return float(np.mean([network.gradient_seconds(worker) for worker in range(cluster.workers)]))


def sentences(frame: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """From which number of workers on more of them bring little, for every method at every point of the other axes.

    They bring little where gradients per second grow by less than the root of the factor by which workers do.
    """
    others = [axis for axis in axes if axis != AXIS]
    said = []
    for names, rows in frame.groupby([*others, "method"], sort=False):
        *where, method = names
        name = ", ".join([method, *(f"{axis} {_value(value)}" for axis, value in zip(others, where))])
        said.append(f"{name}: {_sentence(rows.sort_values(AXIS))}")
    return said


def _sentence(rows: pd.DataFrame) -> str:
    n, rate = rows[AXIS].to_numpy(float), rows["gradients_per_second"].to_numpy()
    slopes = np.diff(np.log(rate)) / np.diff(np.log(n))
    little = np.flatnonzero(slopes < HALF)
    if not len(little):
        return (
            f"up to {_number(n[-1])} workers more of them pay: {_number(n[-1] / n[0])} times as many as "
            f"{_number(n[0])} make {rate[-1] / rate[0]:.3g} times as many gradients per second, "
            f"{_takes(rows.iloc[-1])}."
        )
    k = int(little[0])
    return (
        f"from {_number(n[k])} workers on more of them bring little: {_number(n[k + 1] / n[k])} times as many make "
        f"{rate[k + 1] / rate[k]:.3g} times as many gradients per second, {_takes(rows.iloc[k + 1])}. The most are "
        f"{_number(rate.max())} a second, with {_number(n[rate.argmax()])} workers."
    )


def _value(value: Any) -> str:
    """Of an axis; of a table only what it is of: lognormal, mean 1.0, sigma 0.5."""
    if not f"{value}".startswith("{"):
        return f"{value}"
    return f"{value}".strip("{}").replace("'distribution': ", "").replace("'", "").replace(":", "")


def _takes(row: pd.Series) -> str:
    """What most of the time goes into."""
    limit, words = row["limit"], SHARES | {PORT: "the server's port"}
    return f"and {words[limit]} takes {100 * row['bandwidth' if limit == PORT else limit]:.0f} % of the workers' time"


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 10 else f"{value:.3g}"
