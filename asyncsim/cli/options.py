"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The directory to write; otherwise one below results/.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", help="Train also where that takes more than a day.")]
On = Annotated[
    str | None,
    typer.Option(help="Where to train: processes, or ray (extra ray); otherwise in this process.", show_default=False),
]
Jobs = Annotated[
    int | None, typer.Option(help="Train in so many processes; otherwise one a core.", min=1, show_default=False)
]
Address = Annotated[
    str | None,
    typer.Option(help="Of the Ray cluster; otherwise RAY_ADDRESS's, or this machine alone.", show_default=False),
]
X64 = Annotated[bool, typer.Option("--x64", help="Compute with floats of 64 bits, not of 32.")]
Scale = Annotated[float, typer.Option(help="Real seconds of a simulated one, by which jobs are made longer.", min=1e-9)]
Force = Annotated[bool, typer.Option("--force", help="Replace another scenario's results.")]
Scenario = Annotated[Path, typer.Argument(help="A TOML file, or a name that `asyncsim list` shows: quickstart.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another value for a key of the file, such as cluster.communication=2; may be given again for others.",
        show_default=False,
    ),
]
Seeds = Annotated[
    str | None, typer.Option(help="Other seeds: 5..9, or 0,3,7; +5: five more than the file's.", show_default=False)
]


def changes_of(given: list[str] | None, seeds: str | None = None, engine: str | None = None) -> dict[str, Any]:
    """What these options say, as `asyncsim.run` takes it."""
    from ..scenario.changes import read_changes

    short = {"seeds": seeds, "problem.engine": engine}
    return read_changes(given or ()) | {key: value for key, value in short.items() if value is not None}
