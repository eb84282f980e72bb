"""Presets and sweeps: one file, several scenarios. Works on the file's data, before it is checked.

A sweep is a product of axes, each a dotted key with its values. An axis is

* a list where one number is expected: ``horizon = [100, 200]``, or ``batch_size = [10, 20]`` of a method;
* ``communication = [0.0, 0.1, 1.0, 10.0]``, where there are not as many workers (otherwise each has its κ_i);
* any key of the table [sweep], with values of any kind: ``cluster.communication = [0.0, 1.0]``, or ``stale``, or an
  entry of a list, counted from 0: ``cluster.compute.9 = [1.0, 10.0, 100.0]``.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from .errors import ScenarioError
from .settings import Settings, method_named, method_table
from .tables import Table

PRESETS = ("quick",)  # tables of overrides that a file may have
SWEPT = ("stop", "cluster", "problem", "methods")  # tables; of the other keys only ``stale`` may be swept
RESERVED = ("method", "seed", "updates", "gradients")  # columns of results that a key's last part may be called as well

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
    for key, values in (*_inline(data), *_flat(given)):
        _check(key, values, axes)
        axes[key] = values
    names, cells = _columns(axes), [_cells(values) for values in axes.values()]
    rest = {key: value for key, value in data.items() if key != "sweep"}
    found = []
    for row, values in zip(product(*cells), product(*axes.values())):
        here = rest
        for key, value in zip(axes, values):
            here = _put(here, key, value)
        found.append((dict(zip(names, row)), here))
    return axes, found


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
    if not isinstance(values, list) or not values:
        raise ScenarioError(f"{where} is no sweep: give a list of at least one value")
    if any(values.count(value) > 1 for value in values):
        raise ScenarioError(f"{where} has a value twice: give distinct ones")
    for other in others:
        if f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}."):
            raise ScenarioError(f"{where} is swept twice: {other} is a sweep, too; give one of them")


def _flat(table: Data, where: str = "") -> Iterator[tuple[str, Any]]:
    """``cluster.communication = [...]`` in TOML is a table in a table, and with quotes it is a key with a dot."""
    for key, value in table.items():
        yield from _flat(value, f"{where}{key}.") if isinstance(value, dict) else [(f"{where}{key}", value)]


def _put(data: Any, key: str, value: Any, done: str = "") -> Any:
    """A copy of the data with another value for a dotted key."""
    if not key:
        return value
    first, _, rest = key.partition(".")
    here = f"{done}.{first}" if done else first
    if isinstance(data, dict):
        return data | {first: _put(data.get(first, {}), rest, value, here)}
    if isinstance(data, list) and first.isdecimal() and int(first) < len(data):
        k = int(first)
        return [*data[:k], _put(data[k], rest, value, here), *data[k + 1 :]]
    what = f"{done} has no entry {first}" if isinstance(data, list) else f"{done}={reprlib.repr(data)} is no table"
    raise ScenarioError(f"sweep.{here}: {what}: give a key that the file may have")


# ---- lists where one number is expected


def _inline(data: Data) -> Iterator[tuple[str, list]]:
    for section in SWEPT[:-1]:
        yield from _lists(Settings.model_fields[section].annotation, data.get(section), section)
    yield from _communication(data.get("cluster"))
    methods = data.get("methods")
    for label, given in methods.items() if isinstance(methods, dict) else ():
        if isinstance(given, dict):
            yield from _lists(method_table(method_named(label, given), workers=1), given, f"methods.{label}")


def _communication(cluster: Any) -> Iterator[tuple[str, list]]:
    """κ for all, swept, and not κ_i: known by their number."""
    if isinstance(cluster, dict) and isinstance(values := cluster.get("communication"), list):
        compute = cluster.get("compute")
        workers = len(compute) if isinstance(compute, list) else cluster.get("workers")
        if isinstance(workers, int) and len(values) not in (0, 1, workers):
            yield "cluster.communication", values


def _lists(kind: Any, value: Any, where: str) -> Iterator[tuple[str, list]]:
    """Of a value that is to be of some type, the lists where the type has a number and no list."""
    kinds = _members(kind)
    lists = [each for each in kinds if get_origin(each) is tuple]
    if isinstance(value, list) and lists:
        for k, item in enumerate(value):
            yield from _lists(get_args(lists[0])[0], item, f"{where}.{k}")
    elif isinstance(value, list) and {int, float} & {each for each in kinds if isinstance(each, type)}:
        yield where, value
    elif isinstance(value, dict):
        for each in kinds:
            if get_origin(each) is dict:
                for key, item in value.items():
                    yield from _lists(get_args(each)[1], item, f"{where}.{key}")
            elif isinstance(each, type) and issubclass(each, Table) and _is_of(each, value):
                for key, item in value.items():
                    if key in each.model_fields:
                        yield from _lists(each.model_fields[key].annotation, item, f"{where}.{key}")


def _members(kind: Any) -> Sequence[Any]:
    """The types that a union has."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _members(get_args(kind)[0])
    if origin in (Union, UnionType):
        return [each for part in get_args(kind) for each in _members(part) if each is not NoneType]
    return [kind]


def _is_of(model: type[Table], table: Data) -> bool:
    """Of the tables that a key may hold, each has a word of its own."""
    words = {key: field for key, field in model.model_fields.items() if get_origin(field.annotation) is Literal}
    return all(table.get(key, field.default) in get_args(field.annotation) for key, field in words.items())


def _is_table(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)
