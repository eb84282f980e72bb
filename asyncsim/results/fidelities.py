"""What was predicted of real runs, beside what they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..scenario import Settings
from .directories import whole
from .files import write_csv
from .records import as_data, surroundings, write_settings

FIDELITY_FILES = ("fidelity.csv", "settings.json")


def save_fidelity(
    directory: Path, settings: Settings, table: pd.DataFrame, scale: float, machine: Mapping[str, Any]
) -> None:
    """Write the table, and in the settings how long a simulated second was; whole or not at all.

    machine: what the table may depend on besides, its cores and how busy they were before.
    """
    with whole(directory) as new:
        write_csv(new / "fidelity.csv", table)
        write_settings(new, {"scenario": as_data(settings), "scale": scale, "machine": machine, **surroundings()})
