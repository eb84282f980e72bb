"""CSV: a header, and a row per job with its worker and its duration, or its start and finish."""

from __future__ import annotations

import csv
import io
import re
import reprlib
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from ..base import nearest
from .clocks import UNIT_OF, UNITS, between, check_unit, is_date, number, stamp
from .log import Job, JobLog, LogError, Reading, collected, quoted

# What columns are called, in the order in which they are preferred; in small letters, without what is no letter.
USUAL = {
    "worker": "worker workerid workername host hostname node nodename machine instance rank device executor pod client",
    "duration": "duration elapsed elapsedtime runtime walltime seconds latency steptime jobtime tasktime",
    "start": "start starttime startedat started begin begintime beginat startstamp starttimestamp",
    "finish": "finish finishtime finishedat finished end endtime endedat ended stop stoptime completed completedat",
}
SEPARATORS = ",;\t|"
EMPTY = ("", "NA", "NaT", "null", "None")


def read_csv(text: str, reading: Reading) -> JobLog:
    """The jobs of a table. Columns are guessed from their names, and units from endings as ``_ms``, unless given."""
    reading.only("csv", "worker", "start", "finish", "duration", "unit")
    (_, header), *rows = rows_of(text)
    columns = _columns(header, reading)
    units = {what: _unit(name, reading.unit) for what, name in columns.items() if what != "worker"}
    places = {what: header.index(name) for what, name in columns.items()}
    missing: Counter[str] = Counter()
    jobs = list(_jobs(rows, len(header), columns, places, units, missing))
    dates = {what for what, k in places.items() if rows and len(rows[0][1]) > k and is_date(rows[0][1][k])}
    words = [
        f"{what} = {name!r}" + (f" in {units[what]}" if what in units and what not in dates else "")
        for what, name in columns.items()
    ]
    return collected("csv", ", ".join(words), jobs, {f"without {what}": count for what, count in missing.items()})


def rows_of(text: str) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, the header first, each with the line of the file at which it begins."""
    first = next(line for line in text.splitlines() if line.strip())
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    rows, line = [], 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise LogError(f"row {line}: not CSV ({error}): give a header and one row per job") from None
    if not rows:
        raise LogError("a table without a word in it: give a header and one row per job")
    if len(rows[0][1]) < 2:
        raise LogError(
            f"one column, {reprlib.repr(rows[0][1][0])}: give a CSV file with a column of workers and one of durations"
        )
    return rows


def _columns(header: list[str], reading: Reading) -> dict[str, str]:
    """Which column is the worker, and which are read for a job's seconds and its start."""
    given = {what: getattr(reading, what) for what in USUAL if getattr(reading, what) is not None}
    for what, name in given.items():
        if name not in header:
            raise LogError(
                f"{what}={name!r} is no column: {nearest(name, [each for each in header if len(each) <= 40][:20])}"
            )
    found = {what: name for what in USUAL if (name := given.get(what) or _guess(what, header))}
    by_stamps = "duration" not in given and {"start", "finish"} <= given.keys()
    if "duration" in found and not by_stamps:
        found.pop("finish", None)
    else:
        found.pop("duration", None)
        if not {"start", "finish"} <= found.keys():
            raise LogError(
                f"no column of durations, nor of starts and finishes, among {quoted(header)}: "
                "name them with --duration, or --start and --finish"
            )
    twice = [name for name in found.values() if header.count(name) > 1]
    if twice:
        raise LogError(f"{header.count(twice[0])} columns {quoted(twice[:1])}: give one")
    if "worker" not in found:
        raise LogError(f"no column of workers among {quoted(header)}: name it with --worker-column")
    return found


def _guess(what: str, header: list[str]) -> str | None:
    plain = {re.sub(r"[^a-z]", "", _parts(name)[0].lower()): name for name in reversed(header)}
    return next((plain[usual] for usual in USUAL[what].split() if usual in plain), None)


def _parts(name: str) -> tuple[str, str | None]:
    """A column's name without its unit, and the unit: ``("step_time", "ms")`` of ``step_time_ms``."""
    stem = re.fullmatch(r"(.*[a-z0-9])(?:[\W_]+|(?=[A-Z]))([A-Za-zµ]+)\W*", name)
    unit = stem and UNIT_OF.get(stem[2].lower())
    return (stem[1], unit) if stem and unit else (name, UNIT_OF.get(name.lower()))


def _unit(name: str, given: str | None) -> str:
    unit = given or _parts(name)[1] or "s"
    check_unit(unit)
    return unit


def _jobs(rows, width: int, columns, places, units, missing: Counter[str]) -> Iterator[Job]:
    for row, cells in rows:
        try:
            if len(cells) > width:
                raise LogError(f"{len(cells)} fields under a header of {width}: give as many")
            told = {what: cells[k] if k < len(cells) else "" for what, k in places.items()}
            absent = next((what for what, cell in told.items() if cell in EMPTY), None)
            if absent:
                missing[absent] += 1
            else:
                yield job_of(told, columns, units)
        except LogError as error:
            raise LogError(f"row {row}: {error}") from None


def job_of(told: dict[str, str], columns: dict[str, str], units: dict[str, str]) -> Job:
    """One row as a job. told: its cells; columns: what they are called, for messages; both by what they are."""

    def seconds_of(what):
        value = stamp(columns[what], told[what])
        return value if is_date(told[what]) else value * Decimal(f"{UNITS[units[what]]!r}")

    start = seconds_of("start") if "start" in told else None
    if "duration" in told:
        seconds = float(number(columns["duration"], told["duration"])) * UNITS[units["duration"]]
        if seconds < 0:
            value = reprlib.repr(told["duration"])
            raise LogError(f"{columns['duration']}={value} is no duration: give numbers >= 0")
    else:
        assert start is not None
        seconds = between(start, seconds_of("finish"))
        if seconds < 0:
            finish, begin = reprlib.repr(told["finish"]), reprlib.repr(told["start"])
            raise LogError(f"{columns['finish']}={finish} is before {columns['start']}={begin}: give a later one")
    return Job(told["worker"], seconds, None if start is None else float(start))
