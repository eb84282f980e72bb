"""What asyncsim wrote itself: traces of ``simulate --trace``, and ``jobs.csv`` of ``simulate --output``."""

from __future__ import annotations

from collections import Counter

from .columns import job_of, rows_of
from .log import JobLog, LogError, Reading, collected, quoted
from .trace_events import Trace, jobs_of

FINISHED = ("used", "discarded")
CENSORED = {word: f"{word}, of which nobody knows how long they would have been" for word in ("cancelled", "running")}
ALL = (*FINISHED, "cancelled", "running", "communicating", "away")
HEADER = "job,worker,version,index,start,finish,update,weight,delay,outcome"
ONE = "give those of one: asyncsim simulate SCENARIO --method NAME"


def is_own(trace: Trace) -> bool:
    """Whether `timeline.trace` wrote it."""
    return bool(trace.slices) and all(each.name == each.category in ALL for each in trace.slices)


def read_own_trace(trace: Trace, reading: Reading) -> JobLog:
    """The computing of jobs that were used or discarded, by worker."""
    reading.only("asyncsim")
    processes = {each.track[0] for each in trace.slices}
    if len(processes) > 1:
        raise LogError(f"timelines of {quoted(list(trace.processes.values()))}: {ONE}")
    counts = Counter(each.name for each in trace.slices)
    threads = {track: f"{name}" for track, name in trace.threads.items()}
    jobs = [
        job._replace(worker=threads.get(each.track) or job.worker)
        for each, job in zip(trace.slices, jobs_of(trace, trace.slices))
        if each.name in FINISHED
    ]
    left_out = {CENSORED[word]: counts[word] for word in CENSORED}
    return collected("asyncsim", "jobs = computing of used and discarded jobs", jobs, left_out)


def read_own_jobs(text: str, reading: Reading) -> JobLog:
    """The same, of ``jobs.csv``. Under a greedy method its jobs have their communication in them."""
    reading.only("asyncsim")
    (_, header), *rows = rows_of(text)
    if not set(HEADER.split(",")) <= set(header):
        raise LogError(f"not the columns of jobs.csv, but {quoted(header)}: give it as it was written")
    columns = {what: what for what in ("worker", "start", "finish")}
    units = dict.fromkeys(columns, "s")
    counts, jobs, seen = Counter[str](), [], set()
    for row, cells in rows:
        told = dict(zip(header, cells + [""] * len(header)))
        seen.add((told.get("method"), told["job"]))
        counts[told.get("outcome", "")] += 1
        if told.get("outcome") in FINISHED:
            try:
                jobs.append(job_of({what: told[what] for what in columns}, columns, units))
            except LogError as error:
                raise LogError(f"row {row}: {error}") from None
    methods = sorted({f"{method}" for method, _ in seen})
    if len(methods) > 1 or len(seen) < len(rows):
        raise LogError(f"jobs of several timelines, {quoted(methods)}: {ONE}")
    left_out = {CENSORED[word]: counts[word] for word in CENSORED}
    return collected("asyncsim", "jobs = used and discarded ones, from start to finish", jobs, left_out)
