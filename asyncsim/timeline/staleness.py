"""How old the gradients were, what that bought, and which of long jobs were used. (notebooks/staleness.md)"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ..cluster import Rollout, stream
from ..cluster.times import Scaled
from . import Timeline
from .usage import run_totals, segments, serving

LONG = 0.9  # a job is long whose work is above this quantile of all that were asked for


def staleness(timeline: Timeline) -> dict[str, Any]:
    """A run's throughput, shares of time, ages, limits and waste. What cannot be known is NaN.

    ``samples_per_second, seconds_per_update``: to the last update; samples are used gradients.
    Shares of all workers' time: ``generating`` (computing), ``communicating``, ``waiting`` for the server, ``parked``
        otherwise, or away. ``training``: share of the time in which the server made updates.
    Ages in updates, of used samples: ``age_mean, age_95`` (quantile), ``age_max``; ``age_oldest``, the mean over
        updates of the oldest sample in each.
    Which limit bound, as shares of updates: see `limits`.
    ``wasted_seconds, wasted_share``: computing of cancelled and `refused` jobs, and its share; ``used_tokens,
        wasted_tokens``: the same of rollouts.
    ``long_asked, long_used``: the share of jobs with more work than nine tenths of all, among those that were started,
        and among those that were used; of jobs that started before any that was still running at the end.
    """
    whole, ages, updates = run_totals(timeline), timeline.delays(), timeline.updates
    worked, last = timeline.cluster.workers * timeline.end or math.nan, _last(timeline)
    shares = {key: whole.get(key, 0.0) / worked for key in ("busy", "communicating", "waiting")}
    begin, end = serving(timeline) if timeline.cluster.update_seconds else (np.zeros(0), np.zeros(0))
    oldest = pd.Series(timeline.jobs["delay"]).groupby(timeline.jobs["update"]).max()
    return {
        "samples_per_second": int(updates["gradients"].sum()) / last,
        "seconds_per_update": whole["seconds_per_update"],
        "generating": shares["busy"],
        "communicating": shares["communicating"],
        "waiting": shares["waiting"],
        "parked": max(1 - math.fsum(shares.values()), 0.0),
        "training": float((end - begin).sum()) / (timeline.end or math.nan),
        "age_mean": whole["mean_delay"],
        "age_95": float(np.quantile(ages, 0.95, method="inverted_cdf")) if len(ages) else math.nan,
        "age_max": whole["max_delay"],
        "age_oldest": float(oldest[oldest.index >= 0].mean()),
        **limits(timeline),
        **_waste(timeline),
        **_long(timeline),
    }


def _last(timeline: Timeline) -> float:
    return float(timeline.updates["time"].iloc[-1]) if len(timeline.updates) else math.nan


def limits(timeline: Timeline) -> dict[str, float]:
    """What each update waited for, as shares of updates.

    ``bound_by_server``: its gradients were there before the server had made the update before.
    ``bound_by_rule``: else, if since those of the update before were there, workers stood idle or gradients were
        discarded: the cap on age, or the end of a round, held them up.
    ``bound_by_workers``: else: everybody computed.
    """
    count = len(timeline.updates)
    if not count:
        return dict.fromkeys(("bound_by_server", "bound_by_rule", "bound_by_workers"), math.nan)
    time, ready = timeline.updates["time"].to_numpy(), timeline.ready[:count]
    before = np.append(0.0, time)[:-1]
    server = (ready <= before) & (timeline.cluster.update_seconds > 0) & (np.arange(count) > 0)
    edges = np.append(0.0, ready)
    lost = np.diff(_idle(timeline, edges)) > 1e-9 * np.maximum(np.diff(edges), 1e-300)
    passed = timeline.jobs["finish"].to_numpy()[refused(timeline)]
    lost |= np.diff(np.searchsorted(passed, edges, side="right")) > 0
    rule = ~server & lost
    found = {"server": server, "rule": rule, "workers": ~server & ~rule}
    return {f"bound_by_{key}": float(which.mean()) for key, which in found.items()}


def _idle(timeline: Timeline, at: np.ndarray) -> np.ndarray:
    """Seconds that workers stood idle, summed over workers, until these seconds."""
    frame = segments(timeline)
    frame = frame[frame["state"] != "waiting"]
    edges = np.concatenate([frame["start"], frame["end"]])
    steps = np.repeat([1, -1], len(frame))
    order = np.argsort(edges, kind="stable")
    edges, busy = np.append(0.0, edges[order]), np.append(0, steps[order].cumsum())
    idle = np.append(0.0, np.cumsum(np.diff(edges) * (timeline.cluster.workers - busy[:-1])))
    beyond = np.maximum(at - edges[-1], 0.0) * timeline.cluster.workers  # nobody is busy any more
    return np.interp(at, edges, idle) + beyond


# ---- what became of jobs, and how long they are


def refused(timeline: Timeline) -> np.ndarray:
    """Which jobs were finished and of no use, shape (jobs,); not those that a longer run might still have used.

    Such a job has been passed over: one that ended later, and was started at no older version, was used.
    """
    jobs, version = timeline.jobs, timeline.oldest()
    used = (jobs["update"] >= 0).to_numpy()
    later = np.maximum.accumulate(np.where(used, version, -1)[::-1])[::-1]  # rows are in the order of their ends
    return (jobs["outcome"] == "discarded").to_numpy() & (np.append(later[1:], -1) >= version)


def asked(timeline: Timeline) -> np.ndarray:
    """The work that each job was, in seconds at full speed and alone on its machine, finished or not, shape (jobs,).

    A worker's k-th job is its k-th draw. NaN where jobs are coupled to their trajectories.
    """
    found = np.full(len(timeline.jobs), math.nan)
    if timeline.coupled:
        return found
    for worker, rows in timeline.jobs.sort_values("start", kind="stable").groupby("worker")["job"]:
        time: Any = timeline.cluster.compute[worker]
        drawn = time if isinstance(time, float) else time.draw(stream(timeline.seed, worker), len(rows))
        found[rows.to_numpy()] = drawn
    return found


def worked(timeline: Timeline) -> np.ndarray:
    """How much of its work was done of each job, in the same seconds, shape (jobs,); NaN where speeds change."""
    jobs, end, cluster = timeline.jobs, timeline.end, timeline.cluster
    start, stop = jobs["start"].to_numpy(), jobs["finish"].fillna(end).to_numpy()
    done = np.where(np.isnan(timeline.computed), end, np.minimum(timeline.computed, stop))
    if not cluster.slot_speeds:
        varies = np.isin(jobs["worker"], [worker for worker, _ in cluster.speeds])
        return np.where(varies, math.nan, done - start)
    found, machine = np.zeros(len(jobs)), jobs["worker"].to_numpy() // len(cluster.slot_speeds)
    speeds = np.append(1.0, cluster.slot_speeds)
    for each in np.unique(machine):
        own = machine == each
        edges, steps = np.append(start[own], stop[own]), np.repeat([1, -1], own.sum())
        order = np.lexsort((steps, edges))  # who ends at an instant does so before others begin
        edges, busy = edges[order], steps[order].cumsum()
        work = np.append(0.0, np.cumsum(np.diff(edges) * speeds[busy[:-1]]))  # of a slot that is always busy
        found[own] = np.interp(done[own], edges, work) - np.interp(start[own], edges, work)
    return found


def _waste(timeline: Timeline) -> dict[str, float]:
    """Of jobs that are decided."""
    outcome = timeline.jobs["outcome"].to_numpy()
    used, wasted = outcome == "used", (outcome == "cancelled") | refused(timeline)
    stop = np.where(np.isnan(timeline.computed), timeline.end, timeline.computed)
    busy = stop - timeline.jobs["start"].to_numpy()
    lost = float(busy[wasted].sum())
    found = {"wasted_seconds": lost, "wasted_share": lost / (lost + float(busy[used].sum()) or math.nan)}
    tokens = _tokens(timeline)
    return found | {"used_tokens": float(tokens[used].sum()), "wasted_tokens": float(tokens[wasted].sum())}


def _tokens(timeline: Timeline) -> np.ndarray:
    """That each job made, shape (jobs,); NaN where it was no rollout."""
    work, found = worked(timeline), np.full(len(timeline.jobs), math.nan)
    worker = timeline.jobs["worker"].to_numpy()
    for each, time in enumerate(timeline.cluster.compute):
        rollout, factor = (time.time, time.factor) if isinstance(time, Scaled) else (time, 1.0)
        if isinstance(rollout, Rollout):
            found[worker == each] = rollout.tokens(work[worker == each] / factor)
    return found


def _long(timeline: Timeline) -> dict[str, float]:
    """The share of long jobs among those that were started, and among those that were used."""
    jobs, work = timeline.jobs, asked(timeline)
    outcome, start = jobs["outcome"].to_numpy(), jobs["start"].to_numpy()
    open_jobs = (outcome == "running") | (outcome == "discarded") & ~refused(timeline)
    decided = start < start[open_jobs].min(initial=math.inf)
    used = decided & (outcome == "used")
    if not used.any() or np.isnan(work[decided]).any():
        return {"long_asked": math.nan, "long_used": math.nan}
    above = work > np.quantile(work[decided], LONG, method="inverted_cdf")
    return {"long_asked": float(above[decided].mean()), "long_used": float(above[used].mean())}
