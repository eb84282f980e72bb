"""Ray: what ``ray timeline`` writes. A task is a slice of category "task::NAME", or "task" of older versions."""

from __future__ import annotations

from .log import JobLog, Reading, collected
from .trace_events import Slice, Trace, chosen, jobs_of, outermost


def is_task(each: Slice) -> bool:
    """Whether it is a whole task, and not a part of one, as "task:execute" is."""
    return each.category == "task" or each.category.startswith("task::")


def read_ray(trace: Trace, reading: Reading) -> JobLog:
    """The jobs are tasks of the name `Reading.event`, or all, where all have one; workers are Ray's worker processes.

    A task's time has that of fetching its arguments and storing what it returns.
    """
    reading.only("ray", "event")
    event, slices = chosen([each for each in trace.slices if is_task(each)], reading.event)
    jobs, inside = outermost(slices)
    left_out = {"inside another job": inside, "not ended": trace.unfinished}
    return collected("ray", f"jobs = tasks {event!r}, workers = Ray's workers", jobs_of(trace, jobs), left_out)
