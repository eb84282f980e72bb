"""Claims: what a scenario's table [about] says will come out, so that a run can decide whether it did.

A claim is one line, ``"LABEL > LABEL, MEASURE"``: the first method is ahead of the other. Labels are those of the file,
and may hold any text themselves; so they are recognised, not cut out.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from ..base import nearest
from .errors import ScenarioError
from .settings import Settings

MEASURES = ("final", "area", "time")  # what each is: `experiment.statistics`


@dataclass(frozen=True)
class Claim:
    """That ``method`` is ahead of ``other``, by a ``measure``, one of `MEASURES`."""

    method: str
    other: str
    measure: str

    def __str__(self) -> str:
        """As a scenario file has it."""
        return f"{self.method} > {self.other}, {self.measure}"


def read_claims(texts: Sequence[str], settings: Settings, key: str = "claims") -> tuple[Claim, ...]:
    """What these texts claim of a scenario with these settings.

    Raises ScenarioError with the first that claims nothing. key: what the texts are called there.
    """
    found = []
    for k, text in enumerate(texts):
        try:
            found.append(_read(text, list(settings.methods), settings.target_return))
        except ValueError as error:
            raise ScenarioError(f"{key}[{k}]={reprlib.repr(text)} {error}") from None
    return tuple(found)


def _read(text: str, labels: Sequence[str], target: float | None) -> Claim:
    """Raises ValueError with the end of a line about the text."""
    compared, _, measure = (part.strip(" ") if k == 2 else part for k, part in enumerate(text.rpartition(",")))
    if not compared:
        raise ValueError("is no claim: give 'LABEL > LABEL, MEASURE'")
    if measure not in MEASURES:
        raise ValueError(f"has no measure {measure!r}: {nearest(measure, MEASURES)}")
    pairs = [pair for pair in permutations(labels, 2) if " > ".join(pair) == compared]
    if len(pairs) > 1:
        raise ValueError("may mean several pairs of methods: give one of them another label")
    if not pairs:
        unknown = [label for label in compared.split(" > ") if label not in labels]
        what = f"has no method {unknown[0]!r}" if unknown else "does not compare two methods"
        hint = nearest(unknown[0], labels) if unknown else f"known: {', '.join(labels)}"
        raise ValueError(f"{what}: give 'LABEL > LABEL, MEASURE'; {hint}")
    if measure == "time" and target is None:
        raise ValueError("is about the time to target_return, which is missing: give it, or claim final or area")
    return Claim(*pairs[0], measure)
