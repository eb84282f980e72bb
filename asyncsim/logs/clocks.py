"""Units, numbers and dates, as logs write them."""

from __future__ import annotations

import math
import re
import reprlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ..base import nearest
from ..cluster.recordings import EXACTLY, NUMBER
from .log import LogError

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}  # seconds
WORDS = {  # the ends of columns' names that tell a unit
    "ns": ("ns", "nanos", "nanosecond", "nanoseconds"),
    "us": ("us", "µs", "usec", "usecs", "micros", "microsecond", "microseconds"),
    "ms": ("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hour", "hours"),
}
UNIT_OF = {word: unit for unit, words in WORDS.items() for word in words}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_unit(unit: str) -> float:
    """Its seconds. Raises LogError for an unknown one."""
    if unit not in UNITS:
        raise LogError(f"unit={unit!r} is unknown: {nearest(unit, list(UNITS))}")
    return UNITS[unit]


def number(key: str, text: str) -> Decimal:
    """A finite plain number, exactly. Raises LogError."""
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise LogError(f"{key}={reprlib.repr(text)} is no finite number: give plain numbers, with their --unit")
    return Decimal(text) if float(text) else Decimal(0)


def stamp(key: str, text: str) -> Decimal:
    """A number in the log's unit, or of an ISO date the seconds since 1970. Raises LogError.

    A date without an offset is taken as if it were UTC: a change to summer time within a log is an hour too many.
    """
    if not is_date(text):
        return number(key, text)
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise LogError(f"{key}={reprlib.repr(text)} is no date: give ISO 8601, as 2026-03-01T12:00:00.5") from None
    since = (date if date.tzinfo else date.replace(tzinfo=UTC)) - EPOCH
    return Decimal(since // timedelta(microseconds=1)).scaleb(-6)


def is_date(text: str) -> bool:
    """Whether `stamp` takes it for a date, whose seconds are no numbers in the log's unit."""
    return bool(re.match(r"\d{4}-?\d\d-?\d\d[T ]", text))


def between(start: Decimal, finish: Decimal) -> float:
    """finish - start; of stamps since 1970, a difference of floats would lose the microseconds."""
    return float(EXACTLY.subtract(finish, start))
