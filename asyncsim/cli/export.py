"""``asyncsim export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import With
from .terminal import console


def export(
    directory: Annotated[Path, typer.Argument(metavar="RESULTS", help="The directory of a run.")],
    to: Annotated[Literal["tensorboard"], typer.Option(help="The program that is to read it.")] = "tensorboard",
    output: Annotated[Path, typer.Option("--output", "-o", help="The directory to write.")] = Path("tensorboard"),
    code: With = None,
):
    """Write a run's tuned curves for TensorBoard: a run of its own for each method and seed.

    There a step is an update, and the wall time is simulated. Needs the extra `tensorboard`.
    """
    from .. import results
    from ..experiment import Run

    run = Run.load(directory, own=code)
    console().wrote("wrote", *results.save_tensorboard(output, run.tuned(), run.axes))
