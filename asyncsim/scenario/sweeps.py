"""Presets and sweeps: one file, several scenarios. Works on the file's data, before it is checked.

A sweep is a product of axes, the keys of the table [sweep] with their values, which may be of any kind: dotted keys as
``cluster.communication = [0.0, 1.0]``, ``methods.rennala_nigt.batch_size = [10, 20]``, or ``stale``; and entries of a
list, counted from 0: ``cluster.compute.9 = [1.0, 10.0, 100.0]``. Nothing else in a file sweeps.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from .errors import SWEPT, ScenarioError

MOST_POINTS = 10_000  # of a sweep: each is a scenario of its own
PRESETS = ("quick",)  # tables of overrides that a file may have
RESERVED = (  # columns of results, which no axis may be called as well
    *("method", "seed", "step_size", "update", "time", "gradients", "env_steps", "communications", "train_return"),
    *("eval_return", "direction_norm", "gradient_norm", "first_return", "final_return", "time_to_target", "end"),
    *("updates", "wasted_share", "max_delay", "worker", "weight", "low", "high", "job", "version", "index", "start"),
    *("finish", "delay", "outcome", "final", "area", "lowest", "claim", "verdict", "other", "measure", "difference"),
    *("ahead", "seeds", "seeds_to_decide", "tuned", "share", "price", "computed"),
    *("winner", "second", "ratio", "at_least", "decided", "diverged", "lost"),
)

# In settings the digests of swept recordings stand beside the axis that they belong to, and are no axis of their own.
DIGESTS, RECORDINGS = "cluster.compute.sha256", {"cluster.compute", "cluster.compute.recording"}

Data = dict[str, Any]


def merged(base: Data, changes: Data) -> Data:
    """Tables are merged key by key; anything else is replaced."""
    both = {key: merged(base[key], changes[key]) for key in changes if _is_table(base.get(key), changes[key])}
    return base | changes | both


def points(data: Data) -> tuple[dict[str, list], list[tuple[Data, Data]]]:
    """The axes, dotted keys with their values; and every point: its values by column, and the file's data there."""
    given = data.get("sweep", {})
    if not isinstance(given, dict):
        raise ScenarioError(f"sweep={reprlib.repr(given)}: give a table")
    axes: dict[str, list] = {}
    for key, values in _flat(given):
        _check(key, values, axes)
        axes[key] = values
    count = math.prod(map(len, axes.values()))
    if count > MOST_POINTS:
        raise ScenarioError(f"sweep has {count} points: give at most {MOST_POINTS}, with fewer values")
    names, cells = _columns(axes), [_cells(values) for values in axes.values()]
    rest = {key: value for key, value in data.items() if key != "sweep"}
    found = []
    for row, values in zip(product(*cells), product(*axes.values())):
        here = rest
        for key, value in zip(axes, values):
            here = put(here, key, value, "sweep.")
        found.append((dict(zip(names, row)), here))
    return axes, found


def axes(sweep: Mapping[str, Sequence[Any]] | None) -> dict[str, Sequence[Any]]:
    """The values of each axis by its column in tables, from a table [sweep] as settings hold it."""
    sweep = sweep or {}
    given = {key: values for key, values in sweep.items() if key != DIGESTS or not RECORDINGS & {*sweep}}
    return dict(zip(_columns(given), given.values()))


def are_words(values: Sequence[Any]) -> bool:
    """Whether an axis with these values is one of words in tables. Of numbers, JSON has words for infinities."""
    kinds = {float if value in ("Infinity", "-Infinity") else type(value) for value in values}
    return not (kinds <= {int, float} or kinds == {bool})


def run_name(label: str, values: Mapping[str, Any]) -> str:
    """A method at a point of a sweep, in words."""
    return ", ".join([label, *(f"{axis} {value}" for axis, value in values.items())])


def _columns(keys: Iterable[str]) -> list[str]:
    """What axes are called in tables: a key's last part (two, if that is a number), or all where it is ambiguous."""
    short = {}
    for key in keys:
        *_, before, last = key.split(".") if "." in key else ("", key)
        short[key] = f"{before}.{last}" if last.isdecimal() else last
    names = [*short.values(), *RESERVED]
    return [name if names.count(name) == 1 else key for key, name in short.items()]


def _cells(values: Sequence[Any]) -> list[Any]:
    """What the values of an axis are in tables: numbers, or words where not all of them are numbers."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float}:
        return list(values) if kinds == {int} else [float(value) for value in values]
    return list(values) if kinds == {bool} else [str(value) for value in values]


def _check(key: str, values: Any, others: Mapping[str, Any]) -> None:
    where = f"{key}={reprlib.repr(values)}"
    if key.split(".")[0] not in SWEPT and key != "stale":
        raise ScenarioError(f"sweep.{where} cannot be swept: give a key of {', '.join(SWEPT)}, or stale")
    if key in SWEPT:
        raise ScenarioError(f"sweep.{where} is a whole table, which cannot be swept: give one of its keys")
    if not isinstance(values, list) or not values:
        raise ScenarioError(f"{where} is no sweep: give a list of at least one value")
    cells = _cells(values)
    if len({*cells}) < len(cells):  # 1 and "1" are the same in tables
        raise ScenarioError(f"{where} has a value twice: give distinct ones")
    for other in others:
        if f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}."):
            raise ScenarioError(f"{where} is swept twice: {other} is a sweep, too; give one of them")


def _flat(table: Data, where: str = "") -> Iterator[tuple[str, Any]]:
    """``cluster.communication = [...]`` in TOML is a table in a table, and with quotes it is a key with a dot."""
    for key, value in table.items():
        yield from _flat(value, f"{where}{key}.") if isinstance(value, dict) else [(f"{where}{key}", value)]


def swept_keys(data: Data) -> list[str]:
    """The dotted keys of a file's axes, before anything is checked."""
    given = data.get("sweep")
    return [key for key, _ in _flat(given)] if isinstance(given, dict) else []


def put(data: Any, key: str, value: Any, where: str = "", done: str = "") -> Any:
    """A copy of the data with another value for a dotted key. where: what the key begins with in messages."""
    if not key:
        return value
    entries = {f"{k}": k for k in range(len(data))} if isinstance(data, list) else {}
    labels = [name for name in data if f"{key}.".startswith(f"{name}.")] if isinstance(data, dict) else []
    first = max(labels, key=len, default=key.partition(".")[0])  # a label may have dots of its own
    rest = key[len(first) + 1 :]
    here = f"{done}.{first}" if done else first
    if isinstance(data, dict):
        return data | {first: put(data.get(first, {}), rest, value, where, here)}
    if first in entries:
        k = entries[first]
        return [*data[:k], put(data[k], rest, value, where, here), *data[k + 1 :]]
    what = f"{done} has no entry {first}" if isinstance(data, list) else f"{done}={reprlib.repr(data)} is no table"
    raise ScenarioError(f"{where}{here}: {what}: give a key that the file may have")


def _is_table(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)
