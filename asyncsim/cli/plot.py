"""``asyncsim plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import With
from .terminal import console


def plot(
    directories: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Directories of runs.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture: a .png, .svg or .pdf file.")] = Path(
        "curves.png"
    ),
    x: Annotated[
        Literal["time", "gradients", "updates", "env_steps", "communications"],
        typer.Option(help="What the curves are drawn against."),
    ] = "time",
    y: Annotated[
        Literal["return", "train_return", "gradient_norm"],
        typer.Option(help="The return of the iterate, that of the trajectories it was trained on, or ‖∇J‖ of tables."),
    ] = "return",
    code: With = None,
):
    """Draw learning curves from results, without training: of several runs in one figure, against what you like."""
    import pandas as pd

    from .. import figures, results
    from ..experiment import Run
    from ..scenario import ScenarioError

    results.check_picture(output)
    runs = {directory: Run.load(directory, own=code) for directory in directories}
    several, frames = len(runs) > 1, []
    tables: dict = {}
    for directory, run in runs.items():
        if several and run.axes:
            raise ScenarioError(f"{directory} is of a sweep, which has panels of its own: plot it alone")
        more = f" ({directory.name})" * several
        names = {label: figures.pretty(label) + more if more else label for label in run.scenario.settings.methods}
        frames.append(run.tuned().assign(method=lambda rows, names=names: rows["method"].map(names)))
        tables |= {names[label]: table for label, table in results.as_data(run.scenario.settings)["methods"].items()}
    first = next(iter(runs.values()))
    scenario = results.as_data(first.scenario.settings) | {"methods": tables}
    if several:
        scenario |= {"title": "", "target_return": None}
    curves = pd.concat(frames, ignore_index=True)
    column = {"return": "eval_return"}.get(y, y)
    if column not in curves or curves[column].isna().all():
        raise ScenarioError(f"--y {y}: these results have none: give return")
    results.save_picture(output, figures.learning_curves(curves, scenario, first.axes, x, y))
    console().wrote("wrote", output)
