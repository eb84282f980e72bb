"""The checks of arguments that rules share."""

import math
from typing import Literal, get_args


def positive_integer(key: str, value: object) -> None:
    """Raises ValueError, which names the key, for anything but an integer >= 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{key}={value!r} is no number of gradients: give an integer >= 1")


def not_negative(key: str, value: object, what: str) -> None:
    """Raises ValueError, which names the key, for anything but an integer >= 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{key}={value!r} is no number of {what}: give an integer >= 0")


def at_most(key: str, value: int, workers: int) -> None:
    """Raises ValueError, which names the key, for more than there are workers."""
    if value > workers:
        raise ValueError(f"{key}={value} exceeds the {workers} workers: give at most {workers}")


def positive_seconds(key: str, value: object) -> None:
    """Raises ValueError, which names the key, for anything but a finite number > 0."""
    if isinstance(value, bool) or not isinstance(value, float | int) or not 0 < value < math.inf:
        raise ValueError(f"{key}={value!r} is no length of time: give finite seconds > 0")


Interrupt = Literal["none", "continue", "discard"]  # what becomes of jobs in the middle when there is a new point


def known_interrupt(value: object) -> None:
    """Raises ValueError for anything else."""
    if value not in get_args(Interrupt):
        raise ValueError(f"interrupt={value!r} is unknown: give {' or '.join(map(repr, get_args(Interrupt)))}")
