"""How each kind of file is written and read: CSV, JSON, pictures. The same data make the same bytes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from .. import figures
from .directories import beside

# Spreadsheets take a cell that begins so for a formula, and run it: an apostrophe in front makes it text for them.
FORMULA, QUOTED = re.compile(r"'*[=+\-@]"), re.compile(r"'+[=+\-@]")


def write_csv(path: Path, frame: pd.DataFrame, **options: Any) -> None:
    """A frame as a CSV file, without its index, with the same line ends on every system, and no formulas."""
    words = frame.select_dtypes(["object", "category", "string"]).columns
    frame = frame.assign(**{name: frame[name].map(_no_formula) for name in words})
    frame.to_csv(path, index=False, lineterminator="\n", **options)


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def read_csv(path: Path, words: Collection[str] = ("method",)) -> pd.DataFrame:
    """A frame as it was written: words as the strings they were, whatever they look like, and numbers to the last bit.

    words: the columns that hold words.
    """
    cells = pd.read_csv(path, dtype=str, keep_default_na=False, lineterminator="\n")
    return pd.DataFrame({name: _words(column) if name in words else _numbers(column) for name, column in cells.items()})


def _words(column: pd.Series) -> pd.Series:
    return column.map(lambda cell: cell[1:] if QUOTED.match(cell) else cell)


def _numbers(column: pd.Series) -> pd.Series:
    """What was written as integers, as booleans, or as floats, of which NaN is an empty cell."""
    if column.str.fullmatch(r"-?\d+").all():
        return pd.Series([int(cell) for cell in column])
    if column.isin(("True", "False")).all():
        return column == "True"
    return column.replace("", "nan").astype(float)


def json_text(record: Mapping[str, Any]) -> str:
    """A record as JSON for people to read, too. Raises ValueError for NaN and infinities."""
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


PICTURE = (".png", ".svg", ".pdf")


def check_picture(path: Path) -> None:
    """Raises OSError where a picture cannot be written."""
    check_file(path, *PICTURE)


def save_picture(path: Path, figure: Any) -> None:
    """Write one figure, in the format that the file's name says."""
    check_picture(path)
    nothing: dict[str, Any] = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with figures.style():
        figure.savefig(path, metadata=nothing[path.suffix])


def write_pictures(directory: Path, pictures: Mapping[str, Any]) -> None:
    """Every figure as PNG and SVG, under its name."""
    with figures.style():
        for name, figure in pictures.items():
            figure.savefig(directory / f"{name}.png", metadata={"Software": None})
            figure.savefig(directory / f"{name}.svg", metadata={"Date": None})


def replace_file(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    new = beside(path.resolve(), f"{os.getpid()}.new")  # another process may be writing the same
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path.resolve())
    finally:
        new.unlink(missing_ok=True)


def check_file(path: Path, *endings: str) -> None:
    """Raises OSError where a file with one of these endings cannot be written."""
    if path.suffix not in endings:  # a slip of the hand must not replace a scenario
        raise FileExistsError(f"{path}: give a file name that ends in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no directory {str(path.parent)!r}: make it, or give another place")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory: give a file name")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path}: {str(path.parent)!r} may not be written to: give another place")
