"""Where the time went: what each worker did, what of it was of use, and what it cost to communicate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ..cluster.networks import BYTES
from . import OUTCOMES, Timeline

STATES = (*OUTCOMES, "communicating", "away", "waiting")  # the first four: computing a gradient that came to this
COMMUNICATING, AWAY, WAITING = range(len(OUTCOMES), len(STATES))


def segments(timeline: Timeline, until: float = math.inf) -> pd.DataFrame:
    """What every worker did, one stretch of time after another; in between it was idle.

    ``worker, start, end, state, job``: computing a gradient that was ``used``, ``cancelled``, ``discarded`` or still
    ``running`` at the end; ``communicating``, its own gradient (``job``) or, while that of a round lasts, whoever
    sends (``job`` -1); ``away``; ``waiting``, with nothing to do while a server that takes time makes an update. Sorted
    by worker and time. until: what starts later is left out.
    """
    jobs = timeline.jobs[(timeline.jobs["start"] < until).to_numpy()]
    row, start, end = jobs["job"].to_numpy(), jobs["start"].to_numpy(), jobs["finish"].fillna(timeline.end).to_numpy()
    worker, outcome, computed = jobs["worker"].to_numpy(), jobs["outcome"].cat.codes.to_numpy(), timeline.computed[row]
    computed = np.where(np.isnan(computed), end, computed)
    sent = computed < end
    parts: list[tuple[Any, ...]] = [
        (worker, start, computed, outcome, row),
        (worker[sent], computed[sent], end[sent], COMMUNICATING, row[sent]),
    ]
    away = [
        (who, outage.down, min(outage.up, timeline.end))
        for who, outages in timeline.cluster.outages
        for outage in outages
        if outage.down < min(until, timeline.end)
    ]
    if away:
        parts.append((*map(np.array, zip(*away)), AWAY, -1))
    if timeline.communication == "round":
        full = np.append(timeline.ready, timeline.end)[: len(timeline.collected)]
        parts.append((*_in_gaps(timeline, parts, timeline.collected, full, until), COMMUNICATING, -1))
    if timeline.cluster.update_seconds:
        parts.append((*_in_gaps(timeline, parts, *serving(timeline), until), WAITING, -1))
    columns = [np.concatenate([np.broadcast_to(part[k], len(part[0])) for part in parts]) for k in range(5)]
    frame = pd.DataFrame(dict(zip(("worker", "start", "end", "state", "job"), columns)))
    frame = frame[frame["start"] < until] if until < math.inf else frame
    frame = frame.iloc[np.lexsort((frame["end"], frame["start"], frame["worker"]))].reset_index(drop=True)
    frame["state"] = pd.Categorical.from_codes(frame["state"].to_numpy(int), categories=list(STATES))
    return frame


def serving(timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """When the server, if it takes time, began and ended each update, the one at the end of the run with it."""
    time, seconds = timeline.updates["time"].to_numpy(), timeline.cluster.update_seconds
    begin, end = np.maximum(timeline.ready[: len(time)], np.append(0.0, time)[:-1]), time
    if len(timeline.ready) > len(time):
        begin = np.append(begin, max(timeline.ready[len(time)], time[-1] if len(time) else 0.0))
        end = np.append(end, min(begin[-1] + seconds, timeline.end))
    return begin, end


def _in_gaps(
    timeline: Timeline, parts: list[tuple], begin: np.ndarray, time: np.ndarray, until: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who has nothing else to do between these seconds, as of a collective, and when: (worker, start, end)."""
    some = (begin < time) & (begin < until)
    begin, time, n = begin[some], time[some], timeline.cluster.workers
    everybody = np.arange(n)
    # The gaps between what workers do, from the beginning of the run to its end.
    worker = np.concatenate([everybody, *(part[0] for part in parts), everybody])
    start = np.concatenate([np.full(n, -math.inf), *(part[1] for part in parts), np.full(n, timeline.end)])
    end = np.concatenate([np.zeros(n), *(part[2] for part in parts), np.full(n, math.inf)])
    order = np.lexsort((end, start, worker))
    worker, opens, closes = worker[order][:-1], end[order][:-1], start[order][1:]
    gap = (closes > opens) & (opens < math.inf)
    worker, opens, closes = worker[gap], opens[gap], closes[gap]
    # Those that lie in each gap, wholly or in part.
    first = np.searchsorted(time, opens, side="right")
    count = np.maximum(np.searchsorted(begin, closes) - first, 0)
    gap = np.repeat(np.arange(len(opens)), count)
    which = np.arange(len(gap)) - np.repeat(np.cumsum(count) - count, count) + first[gap]
    return worker[gap], np.maximum(begin[which], opens[gap]), np.minimum(time[which], closes[gap])


def worker_totals(timeline: Timeline, parameters: int | None = None) -> pd.DataFrame:
    """One row per worker.

    Seconds: ``busy`` (computing) + ``communicating`` + ``idle`` (parked, waiting or ``away``) = the run's end.
        Of the busy ones, those whose gradient was of use are ``useful``, those of cancelled and discarded ones
        ``wasted``; the others went into a job that was still running at the end.
        ``waiting``: of the idle ones, those while a server that takes time made an update; only where there is one.
    Shares of the run: ``utilisation`` (useful), ``busy_share``; NaN for a run that took no time.
    Jobs: ``used, cancelled, discarded, running``.
    ``communications``: of its gradients that arrived, of use or not; in a round's collectives everybody takes part.
    ``bytes``: of 4·d each. parameters: d; None: what the network says, and where it does not, there is no such column.
    """
    n = timeline.cluster.workers
    frame = segments(timeline)
    codes, seconds = frame["state"].cat.codes.to_numpy(int), (frame["end"] - frame["start"]).to_numpy()
    of = _table(frame["worker"].to_numpy(), codes, len(STATES), n, seconds)
    busy, communicating, away = of[:, :COMMUNICATING].sum(axis=1), of[:, COMMUNICATING], of[:, AWAY]
    useful, wasted = of[:, 0], of[:, 1] + of[:, 2]
    jobs = timeline.jobs
    counts = _table(jobs["worker"].to_numpy(), jobs["outcome"].cat.codes.to_numpy(int), len(OUTCOMES), n)
    if timeline.communication == "round":
        communications = np.full(n, timeline.updates["communications"].sum())
    else:
        communications = timeline.cluster.communications_per_gradient * (counts[:, 0] + counts[:, 2])
    duration = timeline.end or math.nan
    columns = {
        "worker": np.arange(n),
        "busy": busy,
        "communicating": communicating,
        "idle": np.maximum(timeline.end - busy - communicating, 0),  # not -1e-16, by rounding
        "away": away,
        "useful": useful,
        "wasted": wasted,
        "utilisation": useful / duration,
        "busy_share": busy / duration,
        **dict(zip(OUTCOMES, counts.T)),
        "communications": communications,
    }
    if timeline.cluster.update_seconds:
        columns["waiting"] = of[:, WAITING]
    if (d := _parameters(timeline, parameters)) is not None:
        columns["bytes"] = BYTES * d * communications
    return pd.DataFrame(columns)


def run_totals(timeline: Timeline, parameters: int | None = None) -> dict[str, Any]:
    """The run as a whole.

    ``end, updates, seconds_per_update`` (to the last update); seconds and jobs as in `worker_totals`, summed over
    workers; ``utilisation, busy_share, communicating_share, idle_share`` of n·end, ``wasted_share`` of what was busy;
    ``mean_delay`` and ``max_delay`` of uses, in updates; ``communications``, where a collective is one, and ``bytes``.
    What cannot be known, because nothing happened, is NaN.
    """
    frame, updates, delays = worker_totals(timeline, parameters), timeline.updates, timeline.delays()
    seconds = ("busy", "communicating", "idle", "away", "useful", "wasted", "waiting")
    sums = {key: frame[key].sum().item() for key in seconds if key in frame}
    worked = timeline.cluster.workers * timeline.end or math.nan
    result = {
        "method": timeline.method,
        "end": timeline.end,
        "updates": len(updates),
        "seconds_per_update": updates["time"].iloc[-1].item() / len(updates) if len(updates) else math.nan,
        **sums,
        "utilisation": sums["useful"] / worked,
        "busy_share": sums["busy"] / worked,
        "communicating_share": sums["communicating"] / worked,
        "idle_share": sums["idle"] / worked,
        "wasted_share": sums["wasted"] / (sums["busy"] or math.nan),
        **timeline.counts(),
        "mean_delay": delays.mean().item() if len(delays) else math.nan,
        "max_delay": timeline.max_delay,
        "communications": updates["communications"].sum().item(),
    }
    if timeline.communication == "gradient":  # and those that arrived after the last update
        result["communications"] = frame["communications"].sum().item()
    if (d := _parameters(timeline, parameters)) is not None:
        result["bytes"] = BYTES * d * result["communications"]
    return result


def _table(row: np.ndarray, column: np.ndarray, columns: int, rows: int, weights=None) -> np.ndarray:
    """Counts, or sums of weights, per row and column, shape (rows, columns)."""
    return np.bincount(row * columns + column, weights, minlength=rows * columns).reshape(rows, columns)


def _parameters(timeline: Timeline, parameters: int | None) -> int | None:
    return getattr(timeline.cluster.network, "parameters", None) if parameters is None else parameters
