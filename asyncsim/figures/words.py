"""What figures say: names, numbers and quantities in words."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from .styling import STYLE


def pretty(label: str) -> str:
    """``rennala_nigt`` as papers write it; what is not of lower-case letters, digits and underscores, as it is."""
    if not re.fullmatch("[a-z0-9_]*[a-z0-9][a-z0-9_]*", label):
        return label
    words = {"nigt": "NIGT", "pg": "PG", "afedpg": "AFedPG", "mvr": "MVR", "harpg": "HARPG"}
    return " ".join(words.get(word, word[:1].upper() + word[1:]) for word in label.split("_"))


def meant_methods(labels, scenario: Mapping[str, Any]) -> list[str]:
    """The method that each label means, where the scenario says it; else the label."""
    tables = scenario.get("methods", {})
    return [tables[label]["method"] if label in tables else label for label in labels]


def legend_name(name: str) -> str:
    """A method's name for a legend: at most three lines. matplotlib leaves out names that begin with ``_``."""
    name = wrapped(name, 2.9, STYLE["legend.fontsize"], lines=3)
    return f" {name}" if name.startswith("_") else name


def wrapped(words: str, inches: float, size: float, lines: int | None = None) -> str:
    """Words in lines of a width, and an ellipsis where they would be more than ``lines``.

    Characters that no picture can show (XML, of which SVG is made, has none of them) are a replacement character.
    """
    words = re.sub(r"[\t\n\r]+", " ", str(words))
    words = re.sub(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", words)
    points, _, _ = text_to_path.get_text_width_height_descent(words, FontProperties(size=size), ismath=False)
    if points <= 72 * inches:
        return words
    characters = max(int(0.95 * 72 * inches * len(words) / points), 5)
    found = textwrap.wrap(words, characters)
    if lines and len(found) > lines:
        found[lines - 1 :] = [f"{found[lines - 1][: characters - 1]}…"]
    return "\n".join(found)


def end_of(words: str, most: int = 40) -> str:
    """Of a long dotted key, or of a value that is a table, the end, which tells it from others."""
    return words if len(words) <= most else f"…{words[1 - most :]}"


def number(value: Any) -> str:
    """A number without trailing zeros; anything else as it prints."""
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def return_in_words(scenario: Mapping[str, Any]) -> str:
    """What ``eval_return`` is of."""
    problem = scenario.get("problem")
    if problem is None:
        return "return"
    if "environment" not in problem:
        return "objective J(θ)"
    own = any(isinstance(values, list) for values in problem["fields"].values())
    return f"return on {problem['environment']}{', mean over workers' * own}"


def step_size_in_words(step_size: float) -> str:
    """A power of two as one: α = 2⁻⁸."""
    mantissa, exponent = math.frexp(step_size)
    return f"α = 2{superscript(exponent - 1)}" if mantissa == 0.5 else f"α = {step_size:g}"


SYMBOLS = {"batch_size": "M", "momentum": "η", "initial_batch_size": "M₀", "max_delay": "R"}


def settings_in_words(rows: pd.DataFrame) -> str:
    """With which settings a method was tuned, from its curves: M = 50, α = 2⁻⁸."""
    step_size = step_size_in_words(rows["step_size"].iloc[0])
    tuned = rows["tuned"].iloc[0] if "tuned" in rows else ""
    pairs = [pair.split("=", 1) for pair in tuned.split(", ") if pair]
    return ", ".join([*(f"{SYMBOLS.get(key, pretty(key))} = {value}" for key, value in pairs), step_size])


def diverged_in_words(rows: pd.DataFrame) -> str:
    """With how many of its seeds a method's curves end in no finite return; empty where with none."""
    lost = rows.loc[~np.isfinite(rows["eval_return"]), "seed"].nunique()
    return f"{lost} of {rows['seed'].nunique()} seeds diverged" if lost else ""


def tick(value: float, *ends: float) -> str:
    """Plain numbers where those at the ends of the axis can be read, else powers of ten."""
    if value == 0 or all(1e-4 <= end <= 1e5 for end in ends):
        return f"{value:g}"
    mantissa, _, exponent = f"{value:e}".partition("e")
    power = f"10{superscript(int(exponent))}"
    return power if float(mantissa) == 1 else f"{float(mantissa):g}×{power}"


def superscript(number: int) -> str:
    """An integer in raised digits."""
    return f"{number}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
