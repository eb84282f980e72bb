"""Slurm: what ``sacct --parsable2`` prints, a header and lines with ``|`` between their fields."""

from __future__ import annotations

import re
import reprlib
from collections import Counter

from .clocks import between, stamp
from .log import Job, JobLog, LogError, Reading, collected, quoted

ELAPSED = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+(?:\.\d+)?)")
SHAPED = re.compile(r"[A-Za-z]+(\|[A-Za-z]+)+\|?")
HINT = "give the output of sacct --parsable2 --format=JobID,NodeList,State,Start,End,Elapsed"


def is_slurm(first: str) -> bool:
    """Whether this is the header of such a file."""
    names = first.strip().split("|")
    return bool(SHAPED.fullmatch(first.strip())) and bool({"NodeList", "JobID", "Elapsed"} & set(names))


def read_slurm(text: str, reading: Reading) -> JobLog:
    """Completed jobs on a single node; the node is the worker. Steps of jobs, as ``17.batch``, count with their job."""
    reading.only("slurm")
    lines = [(row, line.strip()) for row, line in enumerate(text.splitlines(), 1) if line.strip()]
    (first, header), *lines = lines or [(1, "")]
    names = header.removesuffix("|").split("|")
    seconds = next((name for name in ("ElapsedRaw", "Elapsed") if name in names), None)
    if seconds is None and not {"Start", "End"} <= set(names):
        raise LogError(f"row {first}: no column 'Elapsed' among {quoted(names)}: {HINT}")
    if "NodeList" not in names:
        raise LogError(f"row {first}: no column 'NodeList' among {quoted(names)}: {HINT}")
    jobs: list[Job] = []
    left_out: Counter[str] = Counter()
    for row, line in lines:
        cells = line.removesuffix("|").split("|") if header.endswith("|") else line.split("|")
        if len(cells) != len(names):
            raise LogError(f"row {row}: {len(cells)} fields under a header of {len(names)}: {HINT}")
        told = dict(zip(names, cells))
        try:
            if why := _left_out(told):
                left_out[why] += 1
            else:
                start = stamp("Start", told["Start"]) if _known(told.get("Start", "")) else None
                jobs.append(Job(told["NodeList"], _seconds(told, seconds), None if start is None else float(start)))
        except LogError as error:
            raise LogError(f"row {row}: {error}") from None
    states = "completed jobs" if "State" in names else "jobs of any state"
    return collected("slurm", f"{states}, worker = 'NodeList', seconds = {seconds or 'End - Start'}", jobs, left_out)


def _left_out(told: dict[str, str]) -> str | None:
    """Why this line is no job."""
    if "." in told.get("JobID", ""):
        return "steps of jobs"
    state = told.get("State", "COMPLETED").split(" ")[0].rstrip("+")
    if state != "COMPLETED":
        return f"{reprlib.repr(state)[1:-1].lower()}"
    if re.search(r"[\[,]", told["NodeList"]):
        return "on several nodes"
    return "without a node" if told["NodeList"] in ("", "None assigned") else None


def _known(text: str) -> bool:
    return text not in ("", "Unknown", "None", "N/A")


def _seconds(told: dict[str, str], column: str | None) -> float:
    if column is None:
        start, finish = stamp("Start", told["Start"]), stamp("End", told["End"])
        seconds = between(start, finish)
        if seconds < 0:
            raise LogError(
                f"End={reprlib.repr(told['End'])} is before Start={reprlib.repr(told['Start'])}: give a later one"
            )
        return seconds
    text = told[column]
    if column == "ElapsedRaw" and re.fullmatch(r"\d{1,15}", text):
        return float(text)
    parts = ELAPSED.fullmatch(text) if column == "Elapsed" and len(text) < 40 else None
    if parts is None:
        raise LogError(f"{column}={reprlib.repr(text)} is no duration: give D-HH:MM:SS as sacct does")
    days, hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return 86400 * days + 3600 * hours + 60 * minutes + seconds
