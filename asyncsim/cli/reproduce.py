"""``asyncsim reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Engine, Force, Kept, Unkept
from .run import run
from .terminal import console


def reproduce(
    name: Annotated[str | None, typer.Argument(help="A scenario's name, for example humanoid-equal.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="quick: minutes; paper: the file as it stands; otherwise quick where the file has it.",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show what there is and what of it was run.")] = False,
    force: Force = False,
    engine: Engine = None,
    store: Kept = None,
    no_store: Unkept = False,
):
    """Reproduce one of the paper's figures, or one of ours: run experiments/**/NAME.toml.

    A run that was killed goes on with the methods that it had not finished.
    """
    from ..base import nearest
    from ..scenario import ScenarioError, load

    paths = sorted(Path("experiments").rglob("*.toml"), key=lambda path: (path.parent, path))
    scenarios = {path.stem: path for path in paths}
    if listed or name is None:
        return _reproductions(scenarios)
    if name not in scenarios:
        raise ScenarioError(f"name={name!r} is no scenario under experiments/: {nearest(name, list(scenarios))}")
    if preset not in (None, "quick", "paper"):
        raise ScenarioError(f"preset={preset!r} is unknown: give quick or paper")
    if preset is None:
        preset = "quick" if load(scenarios[name]).settings.quick else "paper"
    run(scenarios[name], force, None, None if preset == "paper" else preset, engine, store, no_store)


def _reproductions(scenarios) -> None:
    """A row each, under its folder, in 120 columns."""
    import re
    from collections import Counter

    from rich.table import Table
    from rich.text import Text

    from .. import results
    from ..scenario import ScenarioError, load

    shown = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold underline")
    shown.add_column("figure", no_wrap=True)
    shown.add_column("task", no_wrap=True)
    shown.add_column("n", justify="right")
    shown.add_column("times", max_width=20)
    shown.add_column("methods", min_width=28)  # those of the paper's figures in one line
    for preset in ("quick", "paper"):
        shown.add_column(preset, justify="right", no_wrap=True)
    shown.add_column("status", width=12)
    folder = None
    for name, path in scenarios.items():
        if path.parent != folder:
            folder = path.parent
            shown.add_row(Text(str(folder), "bold"))
        try:
            loaded = load(path)
        except ScenarioError as error:
            shown.add_row(name, "–", "", "", Text(str(error), "red"))
            continue
        settings = loaded.settings
        tables: dict[str, Any] = settings.methods
        about, count = settings.about, Counter(table.method for table in tables.values())
        swept = "".join(f"; {axis} swept" for axis in loaded.points[0][0])
        done = [preset or "paper" for preset in (None, "quick") if results.place(path, preset).exists()]
        shown.add_row(
            name,
            getattr(settings.problem, "environment", settings.problem.kind),
            f"{loaded.cluster.workers}",
            settings.cluster.in_words() + swept,
            ", ".join(f"{method.removesuffix('_nigt')}{f' ×{k}' * (k > 1)}" for method, k in count.items()),
            *(f"{about.minutes[preset]:g}" if preset in about.minutes else "" for preset in ("quick", "paper")),
            ", ".join(re.split("[:,;.]", about.verdict)[:1] * bool(about.verdict and done) + done) or "not run",
        )
    out = console()
    out.print(shown)
    out.print(
        "\nquick, paper: expected minutes on two cores, for --preset quick and for the file as it stands. "
        "Methods that do not say another update have that of NIGT. "
        "status: what came out, and which preset was run; more about it is in the file's table [about].",
        soft_wrap=True,
    )
