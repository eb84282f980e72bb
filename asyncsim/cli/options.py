"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Preset = Annotated[
    str | None, typer.Option(help="A table of the file, merged over the rest: quick.", show_default=False)
]
Engine = Annotated[
    str | None,
    typer.Option(help="Of a MuJoCo task, instead of the file's: mujoco, or mjx for accelerators.", show_default=False),
]
With = Annotated[
    Path | None,
    typer.Option(
        "--with", help="A Python file, which is run; the scenario may name what it defines.", show_default=False
    ),
]
Kept = Annotated[
    Path | None,
    typer.Option("--store", help="Where curves are kept; otherwise in the user's cache.", show_default=False),
]
Unkept = Annotated[bool, typer.Option("--no-store", help="Compute every curve anew, and keep none.")]
Force = Annotated[bool, typer.Option("--force", help="Replace another scenario's results.")]
Quickstart = Annotated[Path, typer.Argument(help="A TOML file, for example experiments/quickstart.toml.")]
