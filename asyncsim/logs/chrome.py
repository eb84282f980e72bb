"""Traces of Chrome and Perfetto, in JSON: slices of one name are jobs, and threads are workers."""

from __future__ import annotations

from .log import JobLog, Reading, collected
from .trace_events import Trace, chosen, jobs_of, outermost


def read_chrome(trace: Trace, reading: Reading) -> JobLog:
    """The jobs are what `Reading.event` names, or all, where all have one name."""
    reading.only("chrome", "event")
    event, slices = chosen(trace.slices, reading.event)
    jobs, inside = outermost(slices)
    left_out = {"inside another job": inside, "not ended": trace.unfinished}
    return collected("chrome", f"jobs = events {event!r}, workers = threads", jobs_of(trace, jobs), left_out)
