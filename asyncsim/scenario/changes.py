"""Changes to a file's data, as the command line has them: ``cluster.communication=2``, and seeds as ``5..9``."""

from __future__ import annotations

import re
import reprlib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import ScenarioError
from .settings import MOST_SEEDS
from .sweeps import merged, put, swept_keys


def read_changes(given: Iterable[str]) -> dict[str, Any]:
    """The new value of each dotted key, from texts ``KEY=VALUE``. Raises ScenarioError.

    A value is written as in TOML; a word needs no quotes.
    """
    changes: dict[str, Any] = {}
    for text in given:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (key and equals and value):
            raise ScenarioError(f"--set {reprlib.repr(text)}: give KEY=VALUE, such as cluster.communication=2")
        if key in changes:
            raise ScenarioError(f"--set {key} is given twice: give it once")
        changes[key] = value if re.fullmatch(r"(?!true$|false$|inf$|nan$)[A-Za-z][\w-]*", value) else _value(key, value)
    return changes


def _value(key: str, text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        table = {}
    if [*table] != ["value"]:
        raise ScenarioError(f"--set {key}={reprlib.repr(text)}: give a value as TOML has it: 2, [0, 1], 'a word'")
    return table["value"]


def read_seeds(text: str, before: Iterable[int]) -> list[int]:
    """Seeds from a text: ``5..9`` has both ends, ``0,3,7`` names them, ``+5`` adds as many to those ``before``.

    Raises ScenarioError.
    """
    if match := re.fullmatch(r"\+(\d{1,9})", text):
        first = [*before]
        more = range(max(first, default=-1) + 1, max(first, default=-1) + 1 + _few(int(match[1]), text))
        return [*first, *more]
    if match := re.fullmatch(r"(\d{1,10})\.\.(\d{1,10})", text):
        low, high = int(match[1]), int(match[2])
        _few(high - low + 1, text)
        return [*range(low, high + 1)]
    if re.fullmatch(r"\d{1,10}(,\d{1,10})*", text):
        return [int(seed) for seed in text.split(",")]
    raise ScenarioError(f"--seeds {reprlib.repr(text)}: give 5..9, or 0,3,7, or +5 for five more")


def _few(count: int, text: str) -> int:
    if not 1 <= count <= MOST_SEEDS:
        raise ScenarioError(f"--seeds {text} are {count}: give 1 to {MOST_SEEDS}")
    return count


def changed(data: dict[str, Any], preset: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """The file's data with a preset's table merged over it, and then with other values for some dotted keys."""
    data = merged(data, {**preset})
    swept = swept_keys(data)
    for key, value in (changes or {}).items():
        for axis in swept:
            if f"{key}.".startswith(f"{axis}.") or f"{axis}.".startswith(f"{key}."):
                raise ScenarioError(f"{key}={reprlib.repr(value)} would change nothing: {axis} is swept; "
                                    f"set sweep.{axis} to a list")  # fmt: skip
        if key == "seeds" and isinstance(value, str):
            given = data.get("seeds")
            value = read_seeds(value, given if isinstance(given, list) and {*map(type, given)} <= {int} else ())
        data = put(data, key, value)
    return data


def changes_in_name(changes: Mapping[str, Any]) -> str:
    """What changes add to the name of results: ``communication=2``; nothing of seeds, which extend results."""
    parts = [f"{key.rpartition('.')[2]}={value}" for key, value in changes.items() if key != "seeds"]
    return re.sub(r"[^A-Za-z0-9_.=,-]", "", ",".join(parts))[:80]
