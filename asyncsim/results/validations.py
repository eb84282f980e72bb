"""A validation: claims, constants, and data and pictures of what was drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from .. import figures
from .directories import held, whole
from .files import write_csv, write_pictures
from .records import made_on_others, settings_in, surroundings, write_settings

FILES = ("settings.json", "*.csv", "*.png", "*.svg")


@contextmanager
def reserve_validation(directory: Path) -> Iterator[str]:
    """As `reserve`, of `save_validation`."""
    with held(directory, FILES) as home:
        written = settings_in(home)
        if not (home.exists() and any(home.iterdir())):
            yield "wrote"
        elif "validation" in written:
            yield f"replaced{made_on_others(written)}"
        else:
            raise FileExistsError(f"{directory} holds a scenario's results: give another --output")


def save_validation(
    directory: Path,
    quick: bool,
    claims: pd.DataFrame,
    constants: pd.DataFrame,
    drawn: Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]],
) -> list[Path]:
    """Write a validation, whole or not at all; return the files.

    drawn: data and labels of each figure, as `figures.prediction` takes them. Figures are made from what was written.
    """
    with whole(directory) as new:
        frames = {"claims": claims, "constants": constants, **{name: data for name, (data, _) in drawn.items()}}
        for name, frame in frames.items():
            write_csv(new / f"{name}.csv", frame, float_format="%.10g")
        labels = {name: dict(given) for name, (_, given) in drawn.items()}
        write_settings(new, {"validation": {"quick": quick, "figures": labels}, **surroundings()})
        pictures = {name: figures.prediction(pd.read_csv(new / f"{name}.csv"), labels[name]) for name in drawn}
        write_pictures(new, pictures)
    return sorted(Path(directory).iterdir())
