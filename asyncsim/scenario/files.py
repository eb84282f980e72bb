"""TOML files, read in one way."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from .errors import ScenarioError


def read_toml(path: Path) -> dict[str, Any]:
    """What a file says. Raises OSError, and ScenarioError, one line without the path, for what is not TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode().removeprefix("\ufeff"))  # editors on Windows write one
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"not TOML: {error}; give lines like key = value") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"not TOML: byte {error.start} is not UTF-8; give a text file") from None
