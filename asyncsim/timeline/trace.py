"""Timelines in the Trace Event format, which ui.perfetto.dev and chrome://tracing open.

(Google, "Trace Event Format", the JSON object format.) A simulated second is a second; times are whole microseconds,
because readers differ in how they round others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import Timeline
from .usage import segments

SERVER = 0  # its thread; worker i has thread i + 1


def trace_events(*timelines: Timeline) -> dict[str, Any]:
    """A process for each timeline, named after its method, with a thread for the server and one for each worker.

    Slices of workers: a job's computing, named after what came of it, with ``job, version, index, update, delay,
    weight``; communicating; being away. Of the server: an instant for every update, and a counter of the largest delay
    among its gradients.
    """
    events = [event for pid, timeline in enumerate(timelines, 1) for event in _process(timeline, pid)]
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _process(timeline: Timeline, pid: int) -> Iterator[dict[str, Any]]:
    names = {SERVER: "server"} | {worker + 1: f"worker {worker}" for worker in range(timeline.cluster.workers)}
    yield {"ph": "M", "name": "process_name", "pid": pid, "tid": SERVER, "args": {"name": timeline.method}}
    for tid, name in names.items():
        yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}
        yield {"ph": "M", "name": "thread_sort_index", "pid": pid, "tid": tid, "args": {"sort_index": tid}}

    late = np.zeros(len(timeline.updates), int)
    own, again = timeline.jobs["update"].to_numpy(), timeline.reuses
    np.maximum.at(late, np.append(own[own >= 0], again["update"].to_numpy(int)), timeline.delays())
    updates = timeline.updates
    for row, ts, delay in zip(updates.itertuples(index=False), _microseconds(updates["time"]), late.tolist()):
        args = {"update": row.update, "gradients": row.gradients, "communications": row.communications}
        on = {"ts": ts, "pid": pid, "tid": SERVER}
        yield {"ph": "i", "name": f"update {row.update}", "cat": "update", "s": "t", **on, "args": args}
        yield {"ph": "C", "name": "delay", **on, "args": {"delay": delay}}

    keys = ("job", "version", "index", "update", "delay", "weight")
    args_of = list(zip(*(timeline.jobs[key].tolist() for key in keys)))
    stretches = segments(timeline)
    columns = (stretches[key].tolist() for key in ("worker", "state", "job"))
    times = _microseconds(stretches["start"]), _microseconds(stretches["end"])
    for worker, state, job, start, end in zip(*columns, *times):
        event = {"ph": "X", "name": state, "cat": state, "ts": start, "dur": end - start, "pid": pid, "tid": worker + 1}
        yield event | {"args": dict(zip(keys, args_of[job]))} if job >= 0 else event


def _microseconds(seconds) -> list[int]:
    return np.rint(seconds.to_numpy() * 1e6).astype(np.int64).tolist()
