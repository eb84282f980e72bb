"""``asyncsim plot``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .options import With
from .terminal import console, steps


def plot(
    directories: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Directories of runs.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture: a .png, .svg or .pdf file.")] = Path(
        "curves.png"
    ),
    x: Annotated[
        Literal["time", "gradients", "updates", "env_steps", "communications"],
        typer.Option(help="What curves are drawn against."),
    ] = "time",
    y: Annotated[
        Literal["return", "final", "area", "train_return", "gradient_norm"],
        typer.Option(
            help="The return of the iterate; at the end, or its mean over the time, a point for each seed; the return "
            "of the trajectories it was trained on; ‖∇J‖ of tables."
        ),
    ] = "return",
    code: With = None,
):
    """Draw learning curves from results, without training: of several runs in one figure, against what you like.

    What is reached in the end or on average, --y final or area, has points instead, beside each other.
    """
    from .. import figures, results
    from ..experiment import Run
    from ..scenario import ScenarioError

    results.check_picture(output)
    runs = {path: Run.load(path, own=code) for path in steps("loading", directories, len(directories))}
    for directory, run in runs.items():
        if len(runs) > 1 and run.axes:
            raise ScenarioError(f"{directory} is of a sweep, which has panels of its own: plot it alone")
    axes = next(iter(runs.values())).axes
    if y in figures.MEASURES:
        if len(axes) > 1:
            raise ScenarioError(f"--y {y}: {directories[0]} sweeps {len(axes)} quantities: give return")
        measured, scenario = _together(runs, lambda run: run.per_seed())
        figure = figures.reached(measured, scenario, y, *axes)
    else:
        curves, scenario = _together(runs, lambda run: run.tuned())
        column = {"return": "eval_return"}.get(y, y)
        if column not in curves or curves[column].isna().all():
            raise ScenarioError(f"--y {y}: these results have none: give return")
        figure = figures.learning_curves(curves, scenario, axes, x, y)
    results.save_picture(output, figure)
    console().wrote("wrote", output)


def _together(runs: dict[Path, Any], rows_of: Callable) -> tuple[Any, dict[str, Any]]:
    """Rows of all runs in one frame, with methods as figures name them, and a scenario that has all methods."""
    import pandas as pd

    from .. import figures, results

    several, frames = len(runs) > 1, []
    tables: dict[str, Any] = {}
    for directory, run in runs.items():
        more = f" ({directory.name})" * several
        names = {label: figures.pretty(label) + more if more else label for label in run.scenario.settings.methods}
        frames.append(rows_of(run).assign(method=lambda rows, names=names: rows["method"].map(names)))
        tables |= {names[label]: table for label, table in results.as_data(run.scenario.settings)["methods"].items()}
    scenario = results.as_data(next(iter(runs.values())).scenario.settings) | {"methods": tables}
    return pd.concat(frames, ignore_index=True), scenario | ({"title": "", "target_return": None} if several else {})
