"""What every value of a file has to be, whichever key it stands under, before anything is made of it."""

from __future__ import annotations

import math
import reprlib
import unicodedata
from typing import Any

from .errors import ScenarioError

DEEPEST = 20  # tables and lists within each other
LONGEST = 1000  # characters of a text
LARGEST = 2**53  # to which floats tell integers apart
FURTHEST = 1e100  # sums and products of seconds stay finite, and their reciprocals too


def check_values(data: Any, where: str = "", depth: int = 0) -> None:
    """Raises ScenarioError with the first value that no key may have.

    Titles and labels are printed, drawn and written to tables: no text may have control characters. Numbers have to
    leave room for arithmetic.
    """
    if depth > DEEPEST:
        raise ScenarioError(f"{where[:LONGEST]}: tables and lists in each other: give at most {DEEPEST}")
    if isinstance(data, str):
        _check_text(data, where)
    elif isinstance(data, dict):
        for key, value in data.items():
            _check_text(key, f"{where}: key" if where else "key")
            check_values(value, f"{where}.{key}" if where else key, depth + 1)
    elif isinstance(data, list):
        for k, value in enumerate(data):
            check_values(value, f"{where}[{k}]", depth + 1)
    elif isinstance(data, int) and abs(data) > LARGEST:
        raise ScenarioError(f"{where}={reprlib.repr(data)} is too large: give an integer of at most 2^53 = {LARGEST}")
    elif isinstance(data, float) and data and math.isfinite(data) and not 1 / FURTHEST <= abs(data) <= FURTHEST:
        raise ScenarioError(f"{where}={data} is out of range: give 0, or a number from 1e-100 to 1e100")


def _check_text(text: str, where: str) -> None:
    if len(text) > LONGEST:
        raise ScenarioError(f"{where}={reprlib.repr(text)} has {len(text)} characters: give at most {LONGEST}")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ScenarioError(f"{where}={text!r} has a control character: give text of one line, without any")
