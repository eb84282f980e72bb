"""What every key of a scenario file means: read off the tables that check it, and their docstrings.

In a docstring a line ``key: what it is`` is about a key; lines that follow it and are indented go on. A table that
stands for a component has its keys described by the component, and a method's by its function, its rule and its update.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..base import Method, nearest
from .errors import ScenarioError
from .settings import MethodTable, Settings, known_methods, method_table
from .shipped import known_scenarios
from .tables import meanings

EVERY = "*"  # in a key: any name, or any number
TAGS = ("distribution", "network", "kind")  # keys that say which of several tables is meant
WORDS = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false", "null": "", "": "any"}


@dataclass(frozen=True)
class Key:
    """A key of a scenario file.

    name: dotted; `EVERY` stands for any label, worker or entry of a list.
    kind: which of several tables has it, such as ``distribution = "gamma"``; empty where there is one only.
    type: what may be given, in words.
    default: as it would be written, empty where there is none; None: the key has to be given.
    meaning: with unit and symbol, where there are any.
    """

    name: str
    kind: str
    type: str
    default: str | None
    meaning: str


def schema() -> dict[str, Any]:
    """JSON Schema of scenario files, for editors."""
    found = Settings.model_json_schema()
    tables = {name: _schema_of_method(function) for name, function in known_methods().items()}
    found["$defs"] |= tables
    references = {name: {"$ref": f"#/$defs/{name}"} for name in tables}
    found["properties"]["methods"] |= {
        "properties": references,
        "additionalProperties": {"anyOf": [*references.values()]},  # under another label
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | found | {"title": "asyncsim scenario"}


def _schema_of_method(function: Callable[..., Method]) -> dict[str, Any]:
    """Its keys are described by its update, its rule and itself."""
    table = method_table(function, 1).model_json_schema()
    required = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    made = function(**dict.fromkeys(required, 1))
    texts = {key: text for part in (made.update, made.rule, function) for key, text in meanings(part).items()}
    for key, entry in table["properties"].items():
        entry["description"] = texts.get(key) or entry.get("description", "")
    table["properties"].pop("workers", None)  # the cluster's
    table["required"].remove("method")  # the label says it
    return table | {"description": (inspect.getdoc(function) or "").partition("\n")[0]}


@cache
def keys() -> tuple[Key, ...]:
    """All of them, in the order of the tables; what every method has stands once."""
    whole = schema()
    defs, methods = whole["$defs"], whole["properties"]["methods"]
    tables = {name: defs[name] for name in methods.pop("properties")}
    del methods["additionalProperties"]
    common = MethodTable.model_json_schema() | {"required": []}
    found = [*_of(whole, defs, "", ""), *_of(common, defs, f"methods.{EVERY}.", "")]
    for name, table in tables.items():
        own = {key: entry for key, entry in table["properties"].items() if key not in common["properties"]}
        found += _of(table | {"properties": own}, defs, f"methods.{name}.", "")
    return tuple(_once(found))


def _once(found: list[Key]) -> list[Key]:
    """Without repetitions: a key that several kinds of a table have in common stands once, with all of them."""
    kinds: dict[Key, list[str]] = {}
    for key in found:
        kinds.setdefault(replace(key, kind=""), []).append(key.kind)
    return [replace(key, kind=_any_of(some)) for key, some in kinds.items()]


def _any_of(kinds: list[str]) -> str:
    """``distribution = "gamma", "pareto"``, of ``distribution = "gamma"`` and the same of another."""
    if not any(kinds):
        return ""
    tags = [kind.partition(" = ") for kind in dict.fromkeys(kinds)]
    return f"{tags[0][0]} = {', '.join(value for _, _, value in tags)}"


def _of(table: dict[str, Any], defs: dict[str, Any], above: str, kind: str) -> Iterator[Key]:
    for name, entry in table.get("properties", {}).items():
        if "const" in entry and name in TAGS:
            continue  # it says which of the tables this is
        path = f"{above}{name}"
        default = None if name in table.get("required", ()) else _as_toml(entry.get("default"))
        meaning = entry.get("description", "").replace("``", "`").replace("None:", "not given:")
        yield Key(path, kind, _type(entry, defs), default, meaning)
        yield from _inside(entry, defs, path)


def _inside(entry: dict[str, Any], defs: dict[str, Any], path: str) -> Iterator[Key]:
    """Keys of the tables that an entry may be, or may hold."""
    for one, kind in _alternatives(entry, defs):
        yield from _of(one, defs, f"{path}.", kind)
        for more in (one.get("additionalProperties"), one.get("items")):
            if isinstance(more, dict):
                yield from _inside(more, defs, f"{path}.{EVERY}")


def _alternatives(entry: dict[str, Any], defs: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The schemas that an entry may have, and, of several tables, what tells them apart."""
    if "$ref" in entry:
        return [(defs[entry["$ref"].rpartition("/")[2]], "")]
    parts = [part for key in ("anyOf", "oneOf") for part in entry.get(key, ())]
    found = [one for part in parts for one, _ in _alternatives(part, defs)] or [entry]
    return [(one, _tag(one) if len(found) > 1 else "") for one in found]


def _tag(table: dict[str, Any]) -> str:
    for name in TAGS:
        if "const" in (entry := table.get("properties", {}).get(name, {})):
            return f'{name} = "{entry["const"]}"'
    return ""


def _type(entry: dict[str, Any], defs: dict[str, Any]) -> str:
    words = []
    for one, _ in _alternatives(entry, defs):
        if "enum" in one or "const" in one:
            words += [json.dumps(value) for value in one.get("enum", [one.get("const")])]
        elif one.get("type") == "array":
            words.append(f"list ({_type(one.get('items', {}), defs)})")
        elif one.get("type") == "object":
            words.append("table")
        else:
            words.append(WORDS[one.get("type", "")])
    return " or ".join(filter(None, dict.fromkeys(words)))


def _as_toml(value: Any) -> str:
    """A default; tables have theirs inside."""
    if value is None or isinstance(value, dict):
        return ""
    return "inf" if value in (math.inf, "Infinity") else json.dumps(value, ensure_ascii=False)


def keys_like(asked: str) -> list[Key]:
    """The keys that are meant by a dotted name, by its end, or by a worker's or a label's. Raises ScenarioError."""
    every = keys()
    label = re.match(r"methods\.(.+)\.", asked)
    if label and label[1] not in (*known_methods(), EVERY):  # of one's own, which may be of any method
        asked = asked[label.end() :]
    parts = [part for part in re.split(r"[.\[\]]", asked) if part]

    def fits(key: Key) -> bool:
        own = key.name.split(".")
        some = own[len(own) - len(parts) :]
        return len(some) == len(parts) and all(have in (part, EVERY) for have, part in zip(some, parts))

    found = [key for key in every if fits(key) or (len(parts) == 1 and key.name.startswith(f"methods.{asked}."))]
    whole = [key for key in found if len(key.name.split(".")) == len(parts)]
    if not found:
        known = sorted({key.name for key in every} | {key.name.rpartition(".")[2] for key in every} - {EVERY})
        raise ScenarioError(f"key={asked!r} is none of a scenario: {nearest(asked, known)}")
    return whole or found


def example(key: Key) -> tuple[str, str] | None:
    """A line that has the key, as a scenario has it, and the scenario's name; None where none has."""
    for name, path in known_scenarios().items():
        for value in _values(tomllib.loads(path.read_text(encoding="utf-8")), key.name.split(".")):
            if not isinstance(value, dict):
                written = json.dumps(value, ensure_ascii=False)
                return f"{key.name.rpartition('.')[2]} = {written}", name
    return None


def _values(data: Any, parts: list[str]) -> Iterator[Any]:
    """What stands at a key, wherever `EVERY` leaves a choice."""
    if not parts:
        yield data
    elif parts[0] == EVERY:
        for entry in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
            yield from _values(entry, parts[1:])
    elif isinstance(data, dict) and parts[0] in data:
        yield from _values(data[parts[0]], parts[1:])


def page() -> str:
    """The page of the guide, in Markdown."""
    sections: dict[str, list[Key]] = {"The file": []}
    for key in keys():
        sections.setdefault(_section(key), []).append(key)
    lines = [
        "# Reference: what a scenario file may have",
        "",
        "Printed by `asyncsim explain --markdown`, from the tables that check scenario files. `*` is any label, worker",
        "or entry of a list. `asyncsim explain KEY` shows a line that has the key; `asyncsim explain --schema` prints",
        "a JSON Schema for editors.",
    ]
    for title, some in sections.items():
        lines += ["", f"## {title}", "", "| key | may be | default | meaning |", "|---|---|---|---|"]
        lines += [_row(key) for key in some]
    return "\n".join(lines) + "\n"


def _section(key: Key) -> str:
    first, *rest = key.name.split(".")
    if not rest and key.type != "table":
        return "The file"
    if first == "methods" and len(rest) > 1:
        return f"`[methods.{rest[0].replace(EVERY, 'LABEL')}]`"
    return f"`[{first}]`"


def _row(key: Key) -> str:
    default = "*has to be given*" if key.default is None else f"`{key.default}`" if key.default else ""
    kind = f", of `{key.kind}`" if key.kind else ""
    cells = (f"`{key.name}`{kind}", key.type, default, key.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
