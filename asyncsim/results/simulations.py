"""A simulation alone: what happened, pictures of it, and traces."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from .. import figures
from ..scenario import Settings
from ..timeline import Timeline
from .directories import whole
from .files import check_file, replace_file, write_csv, write_pictures
from .records import SIMULATES, as_data, versions, write_settings

PICTURES = ("settings.json", "jobs.csv", "updates.csv", "*.png", "*.svg")
LIVE_FILES = (*PICTURES, "curves.csv")


def save_timelines(
    directory: Path,
    settings: Settings,
    timelines: Mapping[str, Timeline],
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    curves: pd.DataFrame | None = None,
) -> list[Path]:
    """Write jobs, updates and pictures of what happened, whole or not at all; return the files.

    curves: what was learned while it happened, as in `History.to_frame`, where it happened in real time.

    columns: by the timelines' names, what the rows of ``jobs.csv`` and ``updates.csv`` begin with: a value per axis of
        a sweep, and ``method``. None: the name is the method.
    """
    columns = columns or {name: {"method": name} for name in timelines}
    with whole(directory) as new:
        for name in ("jobs", "updates"):
            frames = {run: getattr(timeline, name) for run, timeline in timelines.items()}
            tables = [
                pd.concat([pd.DataFrame([columns[run]] * len(rows), columns=list(columns[run])), rows], axis=1)
                for run, rows in frames.items()
            ]
            write_csv(new / f"{name}.csv", pd.concat(tables, ignore_index=True))
        write_settings(new, {"scenario": as_data(settings), "versions": versions(*SIMULATES, "matplotlib")})
        if curves is not None:
            write_csv(new / "curves.csv", curves)
        labels = {run: columns[run]["method"] for run in timelines}  # the point of a sweep may follow them
        names = {run: figures.pretty(label) + run.removeprefix(label) for run, label in labels.items()}
        write_pictures(new, _pictures(timelines, names, "simulated" if curves is None else "real"))
    return sorted(Path(directory).iterdir())


def _pictures(timelines: Mapping[str, Timeline], names: Mapping[str, str], clock: str) -> dict[str, Any]:
    pictures = {"utilisation": figures.utilisation(timelines, names), "delays": figures.delays(timelines, names)}
    for k, (label, timeline) in enumerate(timelines.items(), 1):
        word = re.sub(r"[^A-Za-z0-9_.-]", "_", label)[:40]  # a label may hold anything
        pictures[f"gantt-{k}-{word}"] = figures.gantt(replace(timeline, method=names[label]), clock=clock)
    return pictures


def reserve_trace(path: Path, force: bool = False) -> str:
    """What `save_json` will have done: ``"wrote"`` or ``"replaced"``. Raises OSError where it cannot.

    A file that is there has to be a trace, unless ``force``.
    """
    check_file(path, ".json")
    if not path.exists():
        return "wrote"
    if _is_trace(path):
        return "replaced"
    if force:
        return "replaced what was no trace"
    raise FileExistsError(f"{path} is there and is no trace: give --force to replace it, or another file name")


def _is_trace(path: Path) -> bool:
    begins = b'{"traceEvents":'  # as `save_json` writes it
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(begins)) == begins


def save_scenario(path: Path, text: str) -> None:
    """Write a scenario file where there is none yet. Raises FileExistsError."""
    check_file(path, ".toml")
    if path.exists():
        raise FileExistsError(f"{path} is there: give another name")
    replace_file(path, text)


def save_json(path: Path, data: Any) -> None:
    """Write a JSON file, whole or not at all."""
    check_file(path, ".json")
    replace_file(path, json.dumps(data, separators=(",", ":"), allow_nan=False) + "\n")
