"""What tables are made of."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Strict, Tag, model_validator
from pydantic_core import PydanticCustomError

from ..base import nearest


def _distinct(values):
    for value in values:
        if values.count(value) > 1:
            raise PydanticCustomError("repeated", "repeated", {"value": value})
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


def tagged(key: str, *models: type[Table], default: str = "") -> Any:
    """The type of a table that is one of these: the one whose ``key``, a Literal, is the table's."""

    def tag(table):
        return table.get(key, default) if isinstance(table, dict) else getattr(table, key, None)

    tag.__name__ = key  # pydantic says it in its errors
    kinds = [Annotated[model, Tag(get_args(model.model_fields[key].annotation)[0])] for model in models]
    return Annotated[reduce(or_, kinds), Discriminator(tag)]
