"""Checks of the numbers that times, speeds and networks are made of: a float, or one line that says what would do."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

DURATION = ("compute time", "finite seconds > 0", lambda x: 0 < x < math.inf)


def check_duration(thing: object, key: str) -> None:
    """Of a distribution's field: finite seconds above 0."""
    check_number(thing, key, *DURATION)


def check_positive(thing: object, key: str) -> None:
    """Of a distribution's field without a unit: finite and above 0."""
    check_number(thing, key, key, "a finite number > 0", lambda x: 0 < x < math.inf)


def check_probability(q: float) -> None:
    """Raises ValueError for a number outside [0, 1]."""
    if not 0 <= q <= 1:
        raise ValueError(f"q={q} is no probability: give a number in [0, 1]")


def check_number(thing: object, key: str, what: str, give: str, good: Callable[[float], bool]) -> None:
    """Make a field of a frozen dataclass a float, or say in one line what would do."""
    object.__setattr__(thing, key, _number(key, getattr(thing, key), what, give, good))


def check_numbers(key: str, values: Any, what: str, give: str, good: Callable[[float], bool]) -> tuple[float, ...]:
    """The same for a list of them."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise ValueError(f"{key}={values!r} is not a list: give {give}, one after another")
    return tuple(_number(f"{key}[{i}]", value, what, give, good) for i, value in enumerate(values))


def _number(key, value, what, give, good) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not good(value):
        raise ValueError(f"{key}={value!r} is no {what}: give {give}")
    return float(value)
