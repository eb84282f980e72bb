"""A cluster that was fitted to a log: a TOML file with the table [cluster], and beside it pictures of the fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from .. import figures
from ..calibration import LEVEL, Calibration
from ..cluster import ComputeTime
from ..logs.log import in_words
from ..scenario.tables import name_of
from .files import check_file, replace_file, write_pictures

FIRST = "# A cluster that `asyncsim calibrate` fitted to a log."
FIRST_PART, AVERAGE = "and this is of its first part", "and this is an average"


def reserve_cluster(path: Path, force: bool = False) -> str:
    """What `save_cluster` will have done: ``"wrote"`` or ``"replaced"``. Raises OSError where it cannot.

    A file that is there has to be such a cluster, and pictures of its name have to be beside one, unless ``force``.
    """
    check_file(path, ".toml")
    there = [file for file in (path, *_pictures(path)) if file.exists()]
    if not there:
        return "wrote"
    if force or (path in there and _is_cluster(path)):
        return "replaced"
    raise FileExistsError(
        f"{there[0]} is there and is not of `asyncsim calibrate`: give --force to replace it, or another file name"
    )


def _pictures(path: Path) -> list[Path]:
    return [path.with_name(f"{path.stem}.{ending}") for ending in ("png", "svg")]


def _is_cluster(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(FIRST)) == FIRST.encode()


def save_cluster(path: Path, calibration: Calibration, logs: Sequence[tuple[str, str]]) -> list[Path]:
    """Write the cluster, whole or not at all, and pictures; return the files.

    logs: name and SHA-256 of each file that was read.
    """
    check_file(path, ".toml")
    write_pictures(path.parent, {path.stem: figures.fits(calibration.fits)})
    replace_file(path, cluster_text(calibration, logs))
    return [path, *_pictures(path)]


def cluster_text(calibration: Calibration, logs: Sequence[tuple[str, str]]) -> str:
    """The file: a table [cluster] as a scenario has it. Names of hosts and files are comments, as JSON strings."""
    log, held = calibration.log, calibration.held_out
    lines = [FIRST, *(f"# From {_text(name)}, sha256 {digest}." for name, digest in logs)]
    lines += [
        f"# Read as {_text(log.format)}: {_text(log.read_as)}.",
        f"# {log.size}" + (f"; not fitted to the last {100 * held:.3g} % of each." if held else "."),
        *([f"# No jobs: {_text(in_words(log.left_out))}."] if log.left_out else []),
        f"# Intervals are at the level {LEVEL:g}. A log of jobs does not tell communication: it costs nothing here.",
        "",
        "[cluster]",
        "compute = [",
    ]
    measured = len(calibration.fits)
    for worker, k in enumerate(calibration.copies):
        fit = calibration.fits[k]
        entry = f"    {_entry(fit.time)},  # {worker}: {'' if worker < measured else 'as '}{_text(fit.worker)}"
        if worker < measured:
            ends = (f"{name} {low:.4g} to {high:.4g}" for name, (low, high) in fit.intervals.items())
            entry += f", {len(fit.seconds)} jobs, {', '.join(ends)}"
            if fit.drift:  # which no number here has
                part = AVERAGE if fit.worker in calibration.unchecked else FIRST_PART
                entry += f"; drifts by {100 * fit.drift:+.0f} % over the log, {part}"
        lines.append(entry)
    return "\n".join([*lines, "]", ""])


def _entry(time: ComputeTime) -> str:
    """A number, or the table of a distribution."""
    kind: Any = type(time)
    values = {field.name: getattr(time, field.name) for field in fields(kind)}
    if name_of(kind) == "fixed":
        return repr(values["seconds"])
    keys = "".join(f", {name} = {value!r}" for name, value in values.items())
    return f'{{distribution = "{name_of(kind)}"{keys}}}'


def _text(words: str) -> str:
    """Words of a log as a comment may have them: one line, whatever they are."""
    return json.dumps(words)
