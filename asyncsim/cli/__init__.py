"""The command line: a module per command, which parses, calls and shows. It knows nothing that the other rooms do not.

Everything heavy is imported inside the commands, so that help is quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from . import (
    advise,
    benchmarks,
    bounds,
    calibrate,
    explain,
    fidelity,
    init,
    listing,
    live,
    play,
    plot,
    prices,
    reproduce,
    run,
    simulate,
    store,
    validate,
)
from .terminal import complain

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
INTERRUPTED = 130  # as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status. Whatever is wrong with the input is one line on stderr and status 2."""
    try:
        status = app(arguments, prog_name="asyncsim", standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except Exception as error:
        line = _line(error)
        if line is None:
            raise  # a bug
        complain(line)
        return 2
    if status == INTERRUPTED:
        complain("interrupted")
    return status


def _line(error: Exception) -> str | None:
    """What is wrong with the input; None for an error that is not about the input."""
    if hasattr(error, "format_message"):  # typer's
        return f"{error.format_message()} See `asyncsim --help`."
    if not isinstance(error, OSError):
        from ..logs import LogError
        from ..scenario import ScenarioError

        if not isinstance(error, ScenarioError | LogError):
            return None
    return str(error)


@app.callback(invoke_without_command=True)
def asyncsim(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
):
    """Asynchronous distributed policy gradients in simulated time."""
    if version:
        from importlib.metadata import version as installed

        print("asyncsim", installed("asyncsim"))
        raise typer.Exit()
    if context.invoked_subcommand is None:
        print(context.get_help())


# In the order of the help.
app.command()(run.run)
app.command()(init.init)
app.command()(play.play)
app.command()(plot.plot)
app.command()(simulate.simulate)
app.command()(live.live)
app.command()(calibrate.calibrate)
app.command()(fidelity.fidelity)
app.command()(reproduce.reproduce)
app.command()(prices.prices)
app.command()(advise.advise)
app.command()(bounds.bounds)
app.command()(validate.validate)
app.command()(benchmarks.benchmark)
app.command()(store.store)
app.command("list")(listing.show)
app.command()(explain.explain)
