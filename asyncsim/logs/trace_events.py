"""The Trace Event format, which Chrome, Perfetto, Ray, PyTorch's profiler and asyncsim write.

(Google, "Trace Event Format".) An array of events, or an object with an array ``traceEvents``. A slice is a complete
event ("X"), or what is between a "B" and the "E" that closes it on its thread. Stamps are microseconds.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from .log import QUOTED, Job, LogError

MICRO = 1e-6
SHOWN = 8  # names of events that a line lists


class Slice(NamedTuple):
    """Something that a thread did. track: process and thread. start, seconds: on the log's clock."""

    name: str
    category: str
    track: tuple[str, str]
    start: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Trace:
    """What a file has of it. names: of tracks, as metadata events tell them. top: the object's other keys."""

    slices: list[Slice]
    processes: dict[str, str] = field(default_factory=dict)
    threads: dict[tuple[str, str], str] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    unfinished: int = 0


def parse(text: str) -> Trace:
    """Slices and names. Raises LogError for what is no trace."""
    data = _json(text)
    top = data if isinstance(data, dict) else {}
    events = top.get("traceEvents") if top else data
    if not isinstance(events, list):
        raise LogError(
            "JSON without an array 'traceEvents': give a trace of Chrome, Perfetto, PyTorch, Ray or asyncsim"
        )
    trace = Trace([], top={key: value for key, value in top.items() if key != "traceEvents"})
    began: dict[tuple[str, str], list[tuple[str, str, float]]] = {}
    stray = 0
    for k, event in enumerate(events):
        try:
            stray += _take(trace, event, began)
        except LogError as error:
            raise LogError(f"traceEvents[{k}]: {error}") from None
    return Trace(trace.slices, trace.processes, trace.threads, trace.top, stray + sum(map(len, began.values())))


def _json(text: str) -> Any:
    try:
        try:
            return json.loads(text)
        except ValueError:
            if not text.startswith("["):
                raise
            return json.loads(text.rstrip().rstrip(",") + "]")  # the format allows an array that was not closed
    except RecursionError:
        raise LogError("JSON that is nested too deeply: give a trace, an array of flat events") from None
    except ValueError as error:
        raise LogError(
            f"not JSON ({error}): give a whole trace in JSON, a CSV file or sacct's output, "
            f"or --format csv for a table that begins with {text[0]!r}"
        ) from None


def _take(trace: Trace, event: Any, began: dict[tuple[str, str], list[tuple[str, str, float]]]) -> bool:
    """Add one event; whether it closes what was never begun."""
    if not isinstance(event, dict):
        raise LogError(f"{reprlib.repr(event)} is no event: give objects with ph, name, pid, tid and ts")
    kind = event.get("ph")
    track = str(event.get("pid", "")), str(event.get("tid", ""))
    name, category = str(event.get("name", "")), str(event.get("cat", ""))
    if kind == "M":
        told = event.get("args")
        told = str(told.get("name", "")) if isinstance(told, dict) else ""
        if name == "process_name":
            trace.processes[track[0]] = told
        elif name == "thread_name":
            trace.threads[track] = told
    elif kind == "X":
        seconds = _micros(event, "dur")
        if seconds < 0:
            raise LogError(f"dur={reprlib.repr(event['dur'])} is no duration: give microseconds >= 0")
        trace.slices.append(Slice(name, category, track, _micros(event, "ts"), seconds))
    elif kind == "B":
        began.setdefault(track, []).append((name, category, _micros(event, "ts")))
    elif kind == "E":
        if not began.get(track):
            return True
        name, category, start = began[track].pop()
        seconds = _micros(event, "ts") - start
        if seconds < 0:
            raise LogError(
                f"ts={reprlib.repr(event['ts'])} ends {QUOTED.repr(name)} before it began: give later microseconds"
            )
        trace.slices.append(Slice(name, category, track, start, seconds))
    return False


def _micros(event: dict[str, Any], key: str) -> float:
    """Seconds of a stamp. Those since 1970 are precise to a microsecond as floats."""
    value = event.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_float(value)):
        raise LogError(f"{key}={reprlib.repr(value)} is no time: give finite microseconds")
    return MICRO * value


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def pattern_of(name: str) -> str:
    """What a name shares with others that only count on: ``ProfilerStep#*``."""
    return re.sub(r"\d+", "*", name)


def chosen(slices: Sequence[Slice], event: str | None) -> tuple[str, list[Slice]]:
    """The slices that are jobs: those of this name, or of the only one; and the name. Raises LogError."""
    if not slices:
        raise LogError("a trace without a slice that has ended: give one with 'X' events, or 'B' and 'E'")
    if event is None:
        kinds = Counter(pattern_of(each.name) for each in slices)
        if len(kinds) == 1:
            return next(iter(kinds)), list(slices)
        raise LogError(
            f"events of several names, {listed(kinds)}: say which are jobs with --event NAME, * for any part"
        )
    found = [each for each in slices if fnmatchcase(each.name, event)]
    if not found:
        kinds = Counter(pattern_of(each.name) for each in slices)
        raise LogError(f"event={event!r} is the name of none: there are {listed(kinds)}")
    return event, found


def listed(kinds: Counter[str]) -> str:
    """The most frequent names, with their counts."""
    most = ", ".join(f"{QUOTED.repr(name)} ({count})" for name, count in kinds.most_common(SHOWN))
    return most + (f" and {len(kinds) - SHOWN} more" if len(kinds) > SHOWN else "")


def outermost(slices: Iterable[Slice]) -> tuple[list[Slice], int]:
    """Those that are not inside another one on their track, by start; and how many are."""
    ends: dict[tuple[str, str], float] = {}
    kept, inside = [], 0
    for each in sorted(slices, key=lambda each: (each.start, -each.seconds)):
        if each.start < ends.get(each.track, -math.inf):
            inside += 1
            continue
        ends[each.track] = each.start + each.seconds
        kept.append(each)
    return kept, inside


def jobs_of(trace: Trace, slices: Sequence[Slice]) -> list[Job]:
    """A job for each slice. A worker is a track; it is called after its process where that has no other with jobs."""
    tracks = sorted({each.track for each in slices})
    threads = Counter(process for process, _ in tracks)
    names = {}
    for process, thread in tracks:
        words = trace.processes.get(process) or f"process {process}"
        if threads[process] > 1:
            words += f", {trace.threads.get((process, thread)) or f'thread {thread}'}"
        names[process, thread] = words
    said = Counter(names.values())
    for process, thread in tracks:
        if said[names[process, thread]] > 1:
            names[process, thread] += f" ({process}, {thread})"
    return [Job(names[each.track], each.seconds, each.start) for each in slices]
