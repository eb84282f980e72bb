"""PyTorch's profiler: a Chrome trace of one process. A job is a step of the profiler, unless an event is named."""

from __future__ import annotations

from .log import Job, JobLog, Reading, collected
from .trace_events import Trace, chosen, jobs_of, outermost

STEP = "ProfilerStep#*"


def is_pytorch(trace: Trace) -> bool:
    """Whether the profiler wrote it."""
    own = {"deviceProperties", "distributedInfo", "schemaVersion"} & trace.top.keys()
    return bool(own) or any(each.name.startswith("ProfilerStep#") for each in trace.slices)


def read_pytorch(trace: Trace, reading: Reading) -> JobLog:
    """The jobs are the slices ``ProfilerStep#*``, or of the name `Reading.event`, on the processor's threads.

    The same steps on the accelerator's streams are not counted again. The worker is the rank where the trace tells it.
    """
    reading.only("pytorch", "event")
    slices = [each for each in trace.slices if not each.category.startswith("gpu_")]
    steps = any(each.name.startswith("ProfilerStep#") for each in slices)
    event, slices = chosen(slices, reading.event or (STEP if steps else None))
    kept, inside = outermost(slices)
    jobs, rank = jobs_of(trace, kept), trace.top.get("distributedInfo", {})
    if isinstance(rank, dict) and isinstance(rank.get("rank"), int) and len({job.worker for job in jobs}) == 1:
        jobs = [Job(f"rank {rank['rank']}", job.seconds, job.start) for job in jobs]
    left_out = {"inside another job": inside, "not ended": trace.unfinished}
    return collected("pytorch", f"jobs = events {event!r}, worker = rank or thread", jobs, left_out)
