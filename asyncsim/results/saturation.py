"""What holds a cluster up as it grows: the table, its sentences and its picture."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .. import figures
from ..scenario import Settings
from .directories import whole
from .files import write_csv, write_pictures
from .records import SIMULATES, as_data, versions, write_settings

SATURATION = ("settings.json", "saturation.csv", "sentences.txt", "*.png", "*.svg")


def save_saturation(
    directory: Path, settings: Settings, frame: pd.DataFrame, axes: tuple[str, ...], sentences: list[str]
) -> list[Path]:
    """Write the rows, sentences and a picture of them, whole or not at all; return the files.

    axes: of the sweep, among them ``workers``.
    """
    with whole(directory) as new:
        write_csv(new / "saturation.csv", frame)
        (new / "sentences.txt").write_text("".join(f"{line}\n" for line in sentences), encoding="utf-8")
        write_settings(new, {"scenario": as_data(settings), "versions": versions(*SIMULATES, "matplotlib")})
        write_pictures(new, {"saturation": figures.saturation(frame, axes, settings.title)})
    return sorted(Path(directory).iterdir())
