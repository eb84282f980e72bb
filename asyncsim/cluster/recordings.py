"""Compute times that were observed, from a CSV file."""

from __future__ import annotations

import math
import os
import re
import reprlib
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from itertools import islice
from pathlib import Path

from ..base import nearest
from .times import Recorded

EXACTLY = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)  # differences of decimals, without rounding
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)


def read_recording(path: str | os.PathLike, workers: int | None = None) -> tuple[Recorded, ...]:
    """The durations of each worker 0 .. n-1, from a file with a header and one row per job.

    Columns: ``worker, seconds``, or ``worker, start, finish`` (stamps in seconds, in any order; a job took finish -
    start). Others are ignored. A worker's jobs keep the order of their rows, or of their starts.
    workers: n; if it is not given, one more than the largest worker in the file.

    Raises ValueError, one line with the number of the row (a line of the file; the header is row 1), for anything else.
    """
    return parse_recording(Path(path).read_bytes(), path, workers)


def parse_recording(content: bytes, path: str | os.PathLike, workers: int | None = None) -> tuple[Recorded, ...]:
    """As `read_recording`, of bytes that were read from this path."""
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers={workers!r} is no number of workers: give an integer >= 1")
    lines = lines_of(content, path)
    if not lines:
        raise ValueError(f"{path} is empty: give a header, 'worker,seconds', and one row per job")
    (header_row, header), *lines = lines
    try:
        columns = _columns(header)
    except ValueError as error:
        raise ValueError(f"{path}, row {header_row}: {error}") from None

    jobs: dict[int, list[tuple[Decimal, float]]] = {}  # worker: (start, or 0 where it is not known; seconds)
    for row, line in lines:
        try:
            if len(line) > len(header):
                raise ValueError(f"{len(line)} fields under a header of {len(header)}: give as many")
            fields = {key: line[k] if k < len(line) else "" for key, k in columns.items()}
            jobs.setdefault(_worker(fields["worker"], workers), []).append(job_in(fields))
        except ValueError as error:
            raise ValueError(f"{path}, row {row}: {error}") from None
    if not jobs:
        raise ValueError(f"{path} has no row below its header: give one row per job")

    n = max(jobs) + 1 if workers is None else workers
    without = list(islice((worker for worker in range(n) if worker not in jobs), 6))
    if without:
        who = ", ".join(map(str, without[:5])) + (", ..." if len(without) > 5 else "")
        raise ValueError(f"{path} has no row of worker {who} of {n}: give every worker at least one job")
    starts = "start" in columns
    return tuple(
        Recorded(tuple(seconds for _, seconds in (sorted(jobs[worker]) if starts else jobs[worker])))
        for worker in range(n)
    )


def lines_of(content: bytes, path) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, as (line of the file at which it begins, fields)."""
    import csv
    import io

    lines, row = [], 1
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        for line in reader:
            fields = [field.strip() for field in line]
            if fields not in ([], [""]):
                lines.append((row, fields))
            row = reader.line_num + 1
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text: give a CSV file in UTF-8") from None
    except csv.Error as error:
        raise ValueError(f"{path}, row {row}: not CSV ({error}): give commas between plain numbers") from None
    return lines


def _columns(header: list[str]) -> dict[str, int]:
    """Where the columns are that are read."""
    wanted: tuple[str, ...]
    if "seconds" in header:
        wanted = ("worker", "seconds")
    elif "start" in header or "finish" in header:
        wanted = ("worker", "start", "finish")
    else:
        wanted = ("worker", "seconds")
    others = [name for name in header if name not in wanted] or header
    for name in wanted:
        if name not in header:
            raise ValueError(f"no column {name!r}: {nearest(name, others)}")
        if header.count(name) > 1:
            raise ValueError(f"{header.count(name)} columns {name!r}: give one")
    return {name: header.index(name) for name in wanted}


def _worker(text: str, workers: int | None) -> int:
    if not text:
        raise ValueError("worker is missing: give an integer >= 0")
    if not re.fullmatch("[+-]?[0-9]{1,18}", text):  # int() would take 0_1, too
        raise ValueError(f"worker={reprlib.repr(text)} is no worker: give an integer >= 0")
    worker = int(text)
    if worker < 0 or (workers is not None and worker >= workers):
        known = "an integer >= 0" if workers is None else f"one of 0 .. {workers - 1}"
        raise ValueError(f"worker={worker} is unknown: give {known}")
    return worker


def job_in(fields: dict[str, str]) -> tuple[Decimal, float]:
    """When a job started, or 0 where it is not said, and how long it took. Raises ValueError."""
    if "seconds" in fields:
        seconds = float(number_in(fields, "seconds"))
        if seconds <= 0:
            raise ValueError(f"seconds={_short(fields['seconds'])} is no duration: give finite seconds > 0")
        return Decimal(0), seconds
    start, finish = number_in(fields, "start"), number_in(fields, "finish")
    seconds = float(EXACTLY.subtract(finish, start))  # of stamps since 1970, floats would lose the microseconds
    if not seconds > 0:
        raise ValueError(
            f"finish={_short(fields['finish'])} is not after start={_short(fields['start'])}: give a later finish"
        )
    if seconds == math.inf:
        raise ValueError(
            f"finish={_short(fields['finish'])} is too far from start={_short(fields['start'])}: give finite seconds"
        )
    return start, seconds


def number_in(fields: dict[str, str], key: str, unit: str = "seconds") -> Decimal:
    """The number in a field. Raises ValueError."""
    text = fields[key]
    if not text:
        raise ValueError(f"{key} is missing: give finite {unit}")
    if not NUMBER.fullmatch(text):  # float() would take 1_5, too
        raise ValueError(f"{key}={reprlib.repr(text)} is no number: give finite {unit}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{key}={_short(text)} is not finite: give finite {unit}")
    return Decimal(text) if value else Decimal(0)  # Decimal has no 1e-99999999999999999999


def _short(number: str) -> str:
    return reprlib.repr(number)[1:-1]
