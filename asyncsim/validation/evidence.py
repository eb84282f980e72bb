"""A claim, what was measured of it, and what is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

Relation = Literal["=", "<=", ">="]
Value = tuple[float, float, Relation, float, float, float, str]  # a claim's, from ``predicted`` to ``interval``


@dataclass(frozen=True)
class Claim:
    """A row of the table. It holds if ``measured`` stands in its relation to ``predicted``, within the tolerance.

    source: theorem, table or algorithm of arXiv 2509.24305, or where else the statement comes from.
    low, high: of what was measured. interval: which, a ``"range"`` or a confidence interval; empty: exact.
    holds_with: what it holds with, if it does. why_not: why it fails, if it does.
    """

    letter: str
    name: str
    statement: str
    source: str
    predicted: float
    measured: float
    relation: Relation = "="
    tolerance: float = 0.0
    low: float = math.nan
    high: float = math.nan
    interval: str = ""
    holds_with: str = ""
    why_not: str = ""

    @property
    def holds(self) -> bool:
        """Whether what was measured is in the relation to what was predicted, within the tolerance."""
        excess = self.measured - self.predicted
        if self.relation == "=":
            return abs(excess) <= self.tolerance
        return (excess if self.relation == "<=" else -excess) <= self.tolerance

    @property
    def verdict(self) -> str:
        """``holds``, ``holds with ...``, ``fails`` or ``fails: ...``."""
        if self.holds:
            return f"holds with {self.holds_with}" if self.holds_with else "holds"
        return f"fails: {self.why_not}" if self.why_not else "fails"


@dataclass(frozen=True, eq=False)
class Drawing:
    """Points, fitted lines and predictions on the same axes, and measured / predicted below.

    data: as from `rows`. prediction: what the predicted line is called. levels: of the ratio, besides 1. mark: an x,
    and what it is.
    """

    name: str  # of its files
    title: str
    x: str
    y: str
    prediction: str
    data: pd.DataFrame
    logarithmic: bool = True
    levels: tuple[float, ...] = ()
    mark: tuple[float, str] | None = None

    def labels(self) -> dict[str, Any]:
        """All but name and data, as data."""
        keys = ("title", "x", "y", "prediction", "logarithmic", "levels", "mark")
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a claim's function returns. constants: ``constant, value, standard_error, how`` of the problems solved."""

    claims: Sequence[Claim]
    drawings: Sequence[Drawing]
    constants: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def table(claims: Sequence[Claim]) -> pd.DataFrame:
    """One row per claim."""
    keys = ("letter", "name", "statement", "source", "relation", "predicted", "measured", "low", "high", "interval")
    return pd.DataFrame([{key: getattr(each, key) for key in (*keys, "tolerance", "verdict")} for each in claims])


def rows(series: str, x, measured, predicted, low=math.nan, high=math.nan, fitted=math.nan) -> pd.DataFrame:
    """Points of a drawing: ``series, x, measured, low, high, fitted, predicted``; NaN where there is none."""
    columns = {"x": x, "measured": measured, "low": low, "high": high, "fitted": fitted, "predicted": predicted}
    return pd.DataFrame({"series": series, **columns}).astype(dict.fromkeys(columns, float))
