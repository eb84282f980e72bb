"""TOML files, read in one way."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from .errors import ScenarioError
from .values import check_values

LARGEST = 2**22  # bytes of a file
# A hundred parts of a dotted key: tomllib takes the square of their number in time.
DEEP = re.compile(rb"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){100}""")


def read_toml(path: Path) -> dict[str, Any]:
    """What a file says. Raises OSError, and ScenarioError, one line without the path, for what no scenario may have."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)  # a device may have no end
    if len(content) > LARGEST:
        raise ScenarioError(f"the file is too large: give at most {LARGEST} bytes")
    if DEEP.search(content):
        raise ScenarioError("not TOML: a key of a hundred parts; give lines like key = value")
    try:
        data = tomllib.loads(content.decode().removeprefix("\ufeff"))  # editors on Windows write one
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"not TOML: {error}; give lines like key = value") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"not TOML: byte {error.start} is not UTF-8; give a text file") from None
    except RecursionError:
        raise ScenarioError("not TOML: lists or tables in each other without end; give key = value") from None
    except ValueError:  # Python reads no more digits
        raise ScenarioError("not TOML: an integer of more than 4300 digits; give at most 2^53") from None
    check_values(data)
    return data
