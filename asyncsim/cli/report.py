"""``asyncsim report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import With
from .terminal import console


def report(
    directories: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Directories of runs.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page, an .html file.")] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no report.")] = False,
    code: With = None,
):
    """Write one HTML page about finished runs: interactive curves, comparisons, Gantt charts, waste, bounds, settings.

    It holds all that it shows, and opens without a network. Nothing is trained. Needs bokeh:
    `pip install 'asyncsim[report]'`.
    """
    from .. import results
    from ..experiment.reporting import reported

    verb = results.reserve_report(output, force)
    results.save_report(output, [reported(directory, code) for directory in directories])
    console().wrote(verb, output)
