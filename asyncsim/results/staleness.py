"""What a cap on age buys: the table and its picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from .. import figures
from ..scenario import Settings
from .directories import whole
from .files import write_csv, write_pictures
from .records import SIMULATES, as_data, versions, write_settings
from .runs import reserve

STALENESS = ("settings.json", "staleness.csv", "sentences.txt", "*.png", "*.svg")


@contextmanager
def reserve_staleness(directory: Path, settings: Settings, force: bool = False) -> Iterator[str]:
    """As `reserve`, of what `save_staleness` writes."""
    with reserve(directory, settings, force, STALENESS) as verb:
        yield verb


def save_staleness(
    directory: Path, settings: Settings, frame: pd.DataFrame, axes: tuple[str, ...], sentences: list[str]
) -> list[Path]:
    """Write the rows, sentences and a picture of them, whole or not at all; return the files.

    axes: of the sweep. Of one, the picture is against it; of more, there is none.
    """
    pictures = {}
    if len(axes) <= 1:
        pictures["staleness"] = figures.staleness(frame, *axes)
    with whole(directory) as new:
        write_csv(new / "staleness.csv", frame)
        (new / "sentences.txt").write_text("".join(f"{line}\n" for line in sentences), encoding="utf-8")
        write_settings(new, {"scenario": as_data(settings), "versions": versions(*SIMULATES, "matplotlib")})
        write_pictures(new, pictures)
    return sorted(Path(directory).iterdir())
