"""What tables are made of.

A table that stands for a component, a frozen dataclass, is made from the dataclass's fields; one of a method, from the
parameters of its function.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    Tag,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ..base import nearest


def _distinct(values):
    seen: Any = set()
    for value in values:
        name = value if isinstance(value, int | float) else repr(value)  # which has a hash
        if name in seen:
            raise PydanticCustomError("repeated", "repeated", {"value": value})
        seen.add(name)
    return values


ListOf = Strict(False)  # TOML has lists where we want tuples; what is in them stays strict
NotEmpty = Field(min_length=1)
Distinct = AfterValidator(_distinct)
Count = Annotated[int, Field(ge=1)]
Index = Annotated[int, Field(ge=0)]
Numbers = Annotated[tuple[float, ...], ListOf]
Grid = Annotated[tuple[float, ...], ListOf, NotEmpty, Distinct]


class Table(BaseModel):
    """A TOML table: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="strings")

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data):
        for key in data if isinstance(data, dict) else ():
            if key not in cls.model_fields:  # told here, where the known ones are at hand
                hint = nearest(key, list(cls.model_fields))
                raise PydanticCustomError("unknown_key", "unknown key", {"key": key, "hint": hint})
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        """With what the docstring says of each key."""
        found = handler(core_schema)
        properties, texts = handler.resolve_ref_schema(found).get("properties", {}), meanings(cls)
        for key in properties.keys() & texts.keys():
            properties[key]["description"] = texts[key]
        return found


class ComponentTable(Table):
    """A table that stands for a component, made by `table_of`."""

    component: ClassVar[type]


def meanings(thing: Any) -> dict[str, str]:
    """What a docstring says of each key, in lines ``key: what it is``; of a table, also its component's and bases'."""
    of = [*reversed(thing.__mro__)] if isinstance(thing, type) else [thing]
    texts: dict[str, str] = {}
    for part in (*of, *filter(None, [getattr(thing, "component", None)])):
        keys: list[str] = []
        for line in inspect.cleandoc(part.__doc__ or "").splitlines():
            if match := re.match(r"(\w+(?:, \w+)*): (.+)", line):
                keys = match[1].split(", ")
                texts |= dict.fromkeys(keys, match[2])
            elif line.startswith("    "):
                texts |= {key: f"{texts[key]} {line.strip()}" for key in keys}
            else:
                keys = []
    return texts


def keys_of(made: Callable) -> dict[str, Any]:
    """Keys with type and default (``...``: none), of the fields of a dataclass or the parameters of a function."""
    hints, keys = get_type_hints(made), {}
    for key, parameter in inspect.signature(made).parameters.items():
        hint = Annotated[hints[key], ListOf] if get_origin(hints[key]) is tuple else hints[key]
        keys[key] = hint, ... if parameter.default is parameter.empty else parameter.default
    return keys


def name_of(component: type) -> str:
    """What scenarios call a component: its ``word``, or its name, so that ParameterServer is "parameter_server"."""
    return getattr(component, "word", re.sub(r"\B[A-Z]", r"_\g<0>", component.__name__).lower())


def word_of(component: type) -> tuple[Any, Any]:
    """The key that names a component."""
    return Literal[name_of(component)], ...


def table_of(component: type, base: type[ComponentTable] = ComponentTable, /, **keys: Any) -> type:
    """The table that stands for a component: with the base's keys, and these in their order."""
    table = create_model(f"{component.__name__}Table", __base__=base, **keys)
    table.component = component
    return table


def component_of(table: ComponentTable, **others: Any) -> Any:
    """What a table stands for, with other values for some fields."""
    own = {field.name: getattr(table, field.name) for field in fields(table.component)}
    return table.component(**own | others)


def tagged(key: str, *models: type[Table], default: str = "") -> Any:
    """The type of a table that is one of these: the one whose ``key``, a Literal, is the table's."""

    def tag(table):
        return table.get(key, default) if isinstance(table, dict) else getattr(table, key, None)

    tag.__name__ = key  # pydantic says it in its errors
    kinds = [Annotated[model, Tag(get_args(model.model_fields[key].annotation)[0])] for model in models]
    return Annotated[reduce(or_, kinds), Discriminator(tag)]
