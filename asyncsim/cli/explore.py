"""``asyncsim explore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explore(
    cluster: Annotated[
        Path,
        typer.Argument(help="A file with a table [cluster], a scenario, or a name that `asyncsim list` shows."),
    ] = Path("sqrt"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of this machine; 0: one that is free.")] = 0,
):
    """Serve a page to this machine on which cluster and methods are changed by hand.

    Shown at once: Gantt charts, seconds per update, waste, theory's bounds, and seconds to a target from updates that
    you know. Nothing is trained. Needs marimo, `pip install 'asyncsim[explore]'`, which keeps its settings and a log in
    the user's home, where it may; nothing else is written.
    """
    from ..explore import begin, serve

    begin(cluster)  # what is wrong with the file is told here
    serve(cluster, port, lambda address: print(f"{address}\nEnds with Ctrl-C.", flush=True))
