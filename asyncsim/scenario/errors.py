"""What is wrong with a scenario, told in one line."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

SWEPT = ("stop", "cluster", "problem", "methods")  # tables; of the other keys only ``stale`` may be swept


class ScenarioError(ValueError):
    """What is wrong with a scenario: one line that names the file, the key, the value and what would do."""


def told(section: str, table: BaseModel | type[BaseModel], function: Callable, *args, **kwargs):
    """Call a function whose ValueError is about this section."""
    try:
        return function(*args, **kwargs)
    except ScenarioError:
        raise  # told already
    except ValueError as error:
        raise ScenarioError(within(section, table, error)) from None


def within(section: str, table: BaseModel | type[BaseModel], error: ValueError) -> str:
    """The line of a ValueError that was raised about a table's values; most begin with the key."""
    model = table if isinstance(table, type) else type(table)
    begins_with_key = re.split(r"\W", str(error), maxsplit=1)[0] in model.model_fields
    return f"{section}{'.' if begins_with_key else ': '}{error}"


def validated(model: type[BaseModel], data: dict[str, Any], section: str = "") -> Any:
    """The model of this data."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(_first(error, data, section)) from None


def _first(error: ValidationError, data: dict[str, Any], section: str) -> str:
    """The first of pydantic's errors as a line."""
    errors = [(_key(each["loc"], data, section), each) for each in error.errors()]
    first = errors[0][0]
    # A union has an error for each of its kinds: those that looked deepest are about the kind that was meant.
    key = max((key for key, _ in errors if key.startswith(first)), key=len)
    same = [each for other, each in errors if other == key]
    if isinstance(same[0]["input"], dict):  # and where a table was given, what is wrong with the table
        same = [each for each in same if not each["type"].endswith("_type")] or same
    kind, value, context = same[0]["type"], same[0]["input"], same[0].get("ctx", {})
    if kind == "unknown_key":
        unknown = _joined(key, context["key"])
        return f"{unknown}={reprlib.repr(value[context['key']])} is an unknown key: {context['hint']}"
    if kind == "missing":
        missing = _joined(key, str(same[0]["loc"][-1]))
        return f"{missing} is missing: {_wanted(missing)}"
    if kind == "repeated":
        return f"{key}={reprlib.repr(value)} has {context['value']} twice: give distinct numbers"
    if kind == "union_tag_invalid":
        tag = context["discriminator"].removesuffix("()")  # the name of `tables.tagged`'s function
        key = _joined(key, tag)
        if tag not in value:
            return f"{key} is missing: give one of {context['expected_tags']}"
        value = value[tag]
    *others, last = dict.fromkeys(map(_hint, same))
    hint = f"{', '.join(others) + ' or ' if others else ''}{last}"
    if isinstance(value, list) and any(each["type"] in SINGLE for each in same):
        hint += or_swept(key)
    return f"{key}={reprlib.repr(value)}: give {hint}"


def or_swept(key: str) -> str:
    """The other thing that a list may have been meant for, where the key may be swept."""
    dotted = re.sub(r"\[(\d+)\]", r".\1", key)
    if dotted.split(".")[0] not in SWEPT and dotted != "stale":
        return ""
    bare = re.fullmatch(r"[A-Za-z0-9_.-]+", dotted)
    return f", or {dotted if bare else json.dumps(dotted, ensure_ascii=False)} = [...] under [sweep]"


def _joined(*parts: str) -> str:
    return ".".join(filter(None, parts))


def _key(location: Sequence[str | int], data: Any, section: str) -> str:
    """``cluster.compute[1]``: where in the file; the parts of a location that name a union's kinds are not in it."""
    key = section
    for part in location:
        if isinstance(data, dict) and part in data:
            key, data = _joined(key, str(part)), data[part]
        elif isinstance(data, list) and isinstance(part, int):
            key, data = f"{key}[{part}]", data[part]
    return key


SINGLE = ("bool_type", "float_type", "int_type", "literal_error", "string_type")  # where a list is no value
HINTS = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number > {gt:g}",
    "greater_than_equal": "an integer >= {ge:g}",
    "int_type": "an integer",
    "is_instance_of": "no code in a scenario, but beside it, as --with FILE",
    "less_than": "an integer < {lt}",
    "less_than_equal": "a number <= {le:g}",
    "literal_error": "{expected}",
    "model_attributes_type": "a table",
    "model_type": "a table",
    "string_type": "a word in quotes",
    "too_long": "at most {max_length}",
    "too_short": "at least {min_length}",
    "tuple_type": "a list",
    "union_tag_invalid": "one of {expected_tags}",
    "union_tag_not_found": "a table",
}


def _hint(error) -> str:
    hint = HINTS.get(error["type"], error["msg"]).format(**error.get("ctx", {}))
    return hint.replace("an integer", "a number") if isinstance(error.get("ctx", {}).get("ge"), float) else hint


def _wanted(key: str) -> str:
    """What to give for a missing key."""
    table, _, name = key.rpartition(".")
    if key in ("stop", "cluster", "problem", "methods"):
        return f"give a table [{key}{'.NAME' * (key == 'methods')}]"
    return f"give {name} = ... {f'in [{table}]' if table else 'at the top'}"
