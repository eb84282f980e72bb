"""Logs of clusters that there are: which worker took how long for which job.

One file per format: `columns` (CSV), `slurm`, `ray`, `pytorch`, `chrome`, and `own` for what asyncsim writes. All
give a `JobLog`. The format is recognised from the content.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ..base import nearest
from .chrome import read_chrome
from .clocks import UNITS
from .columns import read_csv
from .log import AS_IT_IS, JobLog, Jobs, LogError, Reading, joined
from .own import HEADER, is_own, read_own_jobs, read_own_trace
from .pytorch import is_pytorch, read_pytorch
from .ray import is_task, read_ray
from .slurm import is_slurm, read_slurm
from .trace_events import Trace, parse

__all__ = ["FORMATS", "Jobs", "JobLog", "LogError", "Reading", "UNITS", "parse_log", "read_log", "read_logs"]

FORMATS = ("csv", "slurm", "ray", "pytorch", "chrome", "asyncsim")
TEXTS: dict[str, Callable[[str, Reading], JobLog]] = {"csv": read_csv, "slurm": read_slurm, "asyncsim": read_own_jobs}
TRACES: dict[str, Callable[[Trace, Reading], JobLog]] = {
    "ray": read_ray,
    "pytorch": read_pytorch,
    "chrome": read_chrome,
    "asyncsim": read_own_trace,
}


def read_log(path: str | os.PathLike, reading: Reading = AS_IT_IS, format: str | None = None) -> JobLog:
    """The jobs in a file. format: one of `FORMATS`; None: whichever its content is.

    Raises LogError, one line with the file's name, for what is no log or has no job, also where there is no file;
    OSError for one that cannot be read.
    """
    try:
        return parse_log(Path(path).read_bytes(), reading, format)
    except FileNotFoundError:
        raise LogError(f"{path}: no such file: give a log") from None
    except IsADirectoryError:
        raise LogError(f"{path}: a folder: give a log, or several of one cluster") from None
    except LogError as error:
        raise LogError(f"{path}: {error}") from None


def read_logs(paths: Sequence[str | os.PathLike], reading: Reading = AS_IT_IS, format: str | None = None) -> JobLog:
    """One log of several files of one cluster, as PyTorch's profiler writes one per rank, or as logs are rotated.

    Of tables, as CSV and Slurm, workers of one name are one; of traces, which hardly know their hosts, they are called
    after their files, too.
    """
    logs = [read_log(path, reading, format) for path in paths]
    if len(logs) == 1:
        return logs[0]
    names = Counter(worker.name for log in logs for worker in log.workers)
    parts: dict[str, list[tuple[float, Jobs]]] = {}
    left_out: Counter[str] = Counter()
    for path, log in zip(paths, logs):
        left_out.update(log.left_out)
        for worker in log.workers:
            apart = names[worker.name] > 1 and log.format not in ("csv", "slurm")
            name = f"{worker.name}, {Path(path).name}" if apart else worker.name
            parts.setdefault(name, []).append((log.began, worker))
    began = min(log.began for log in logs)
    workers = tuple(joined(name, own, began) for name, own in parts.items())
    words = [list(dict.fromkeys(getattr(log, key) for log in logs)) for key in ("format", "read_as")]
    return JobLog(" and ".join(words[0]), "; ".join(words[1]), workers, left_out, began)


def parse_log(content: bytes, reading: Reading = AS_IT_IS, format: str | None = None) -> JobLog:
    """As `read_log`, of bytes that were read."""
    if format is not None and format not in FORMATS:
        raise LogError(f"format={format!r} is unknown: {nearest(format, FORMATS)}")
    if content.startswith(b"\x1f\x8b"):
        raise LogError("a compressed file: unpack it with gunzip, and give what comes out")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LogError("no text: give a CSV file, sacct's output or a trace in JSON, in UTF-8") from None
    body = text.lstrip()
    if not body:
        raise LogError("empty: give a CSV file, sacct's output or a trace in JSON")
    if format in ("csv", "slurm") or body[0] not in "[{":
        return _of_text(text, body.splitlines()[0], reading, format)
    trace = parse(body)
    return TRACES[format or _kind(trace)](trace, reading)


def _of_text(text: str, first: str, reading: Reading, format: str | None) -> JobLog:
    if format is None:
        format = "slurm" if is_slurm(first) else "asyncsim" if first.endswith(HEADER) else "csv"
    if format not in TEXTS or (format == "asyncsim" and not first.endswith(HEADER)):
        raise LogError(f"no trace in JSON, as format={format!r} asks for: leave out --format, or give one")
    return TEXTS[format](text, reading)


def _kind(trace: Trace) -> str:
    if is_own(trace):
        return "asyncsim"
    if is_pytorch(trace):
        return "pytorch"
    return "ray" if any(map(is_task, trace.slices)) else "chrome"
