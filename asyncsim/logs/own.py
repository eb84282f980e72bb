"""What asyncsim wrote itself: traces of ``simulate --trace``, and ``jobs.csv`` of ``simulate --output``."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from .columns import read_csv
from .log import AS_IT_IS, Log, LogError, Reading, collected
from .trace_events import Trace, jobs_of

FINISHED = ("used", "discarded")
CENSORED = {word: f"{word}, of which nobody knows how long they would have been" for word in ("cancelled", "running")}
ALL = (*FINISHED, "cancelled", "running", "communicating", "away")
HEADER = "job,worker,version,index,start,finish,update,weight,delay,outcome"
ONE = "give those of one: asyncsim simulate SCENARIO --method NAME"


def is_own(trace: Trace) -> bool:
    """Whether `timeline.trace` wrote it."""
    return bool(trace.slices) and all(each.name == each.category in ALL for each in trace.slices)


def read_own_trace(trace: Trace, reading: Reading) -> Log:
    """The computing of jobs that were used or discarded, by worker."""
    reading.only("asyncsim")
    processes = {each.track[0] for each in trace.slices}
    if len(processes) > 1:
        raise LogError(f"timelines of {', '.join(map(repr, trace.processes.values()))}: {ONE}")
    counts = Counter(each.name for each in trace.slices)
    threads = {track: f"{name}" for track, name in trace.threads.items()}
    jobs = [
        job._replace(worker=threads.get(each.track) or job.worker)
        for each, job in zip(trace.slices, jobs_of(trace, trace.slices))
        if each.name in FINISHED
    ]
    left_out = {CENSORED[word]: counts[word] for word in CENSORED}
    return collected("asyncsim", "jobs = computing of used and discarded jobs", jobs, left_out)


def read_own_jobs(text: str, reading: Reading) -> Log:
    """The same, of ``jobs.csv``. Under a greedy method its jobs have their communication in them."""
    import io

    reading.only("asyncsim")
    try:
        rows = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except pd.errors.ParserError as error:
        raise LogError(f"not CSV ({' '.join(str(error).split())}): give jobs.csv as it was written") from None
    methods = list(dict.fromkeys(rows["method"])) if "method" in rows else []
    if len(methods) > 1 or rows.duplicated("job").any():
        raise LogError(f"jobs of several timelines ({', '.join(map(repr, methods))}): {ONE}")
    finished = rows[rows["outcome"].isin(FINISHED)][["worker", "start", "finish"]]
    log = read_csv(finished.to_csv(index=False), AS_IT_IS)
    counts = rows["outcome"].value_counts()
    left_out = {CENSORED[word]: int(counts.get(word, 0)) for word in CENSORED}
    words = "jobs = used and discarded ones, from start to finish"
    return Log("asyncsim", words, log.workers, {**log.left_out, **{why: k for why, k in left_out.items() if k}})
