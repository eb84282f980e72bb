"""``asyncsim init``."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from .terminal import console


def init(name: Annotated[Path, typer.Argument(help="The new file, such as mine.toml.")] = Path("scenario.toml")):
    """Write a commented scenario to begin with."""
    from .. import results
    from ..scenario.shipped import template

    path = name if name.suffix else name.with_suffix(".toml")
    results.save_scenario(path, template(path.stem))
    word = quote(f"{path}")
    console().wrote("wrote", path)
    console().print(f"next: asyncsim simulate {word}; asyncsim run {word}")
