"""A scenario's claims at every price of communication."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..scenario import Settings
from .directories import whole
from .files import write_csv
from .records import as_data, surroundings, write_settings

PRICE_FILES = ("prices.csv", "settings.json")


def save_prices(
    directory: Path,
    settings: Settings,
    verdicts: pd.DataFrame,
    clusters: Mapping[str, Mapping[str, Any]],
    left_out: Mapping[str, str],
) -> None:
    """Write verdicts, and in the settings the cluster of each price, and which were left out; whole or not at all."""
    with whole(directory) as new:
        write_csv(new / "prices.csv", verdicts)
        record = {"scenario": as_data(settings), "prices": clusters, "left_out": left_out, **surroundings()}
        write_settings(new, record)
