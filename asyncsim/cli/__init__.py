"""The command line: a module per command, which parses, calls and shows. It knows nothing that the other rooms do not.

Everything heavy is imported inside the commands, so that help is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from . import (
    advise,
    benchmarks,
    bounds,
    calibrate,
    cite,
    explain,
    explore,
    export,
    fidelity,
    init,
    listing,
    live,
    play,
    plot,
    prices,
    report,
    reproduce,
    run,
    saturation,
    simulate,
    staleness,
    store,
    validate,
)
from .signals import ending_in_time
from .terminal import complain, console, new_page

STATUSES = """Exit status: 0 done; 1 done, and something was found to be wrong (`store --verify`, `benchmark`);
2 bad input: one line on stderr, and nothing written; 130 interrupted, 143 by SIGTERM."""
INTERRUPTED = 130  # as shells have it

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="markdown", epilog=STATUSES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status. Whatever is wrong with the input is one line on stderr and status 2."""
    page, came = new_page(), list[int]()
    try:
        with ending_in_time(came, lambda: page.interrupted):
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
        complain(page.interrupted)
        return came[-1] if came else status
    page.close()
    return status


def _line(error: Exception) -> str | None:
    """What is wrong with the input; None for an error that is not about the input."""
    if hasattr(error, "format_message"):  # typer's
        return f"{error.format_message()} See `asyncsim --help`."
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in f"{error}":  # JAX's, which is no MemoryError
        return "there is not enough memory: give fewer or smaller of what the scenario has many or much of"
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


def _answering(command: Callable) -> Callable:
    """The command with an option ``--json``."""

    @wraps(command)
    def answer(*args: Any, as_json: bool, **options: Any) -> Any:
        console().as_json = as_json
        return command(*args, **options)

    option = Annotated[bool, typer.Option("--json", help="Print tables, notes and files as one JSON document.")]
    whole = signature(command, eval_str=True)
    added = Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=option)
    answer.__annotations__ = {name: each.annotation for name, each in whole.parameters.items()} | {"as_json": option}
    answer.__dict__["__signature__"] = whole.replace(parameters=[*whole.parameters.values(), added])
    del answer.__dict__["__wrapped__"]  # whose signature it would be
    return answer


COMMANDS: dict[Callable[..., Any], tuple[str, ...]] = {  # in the order of the help, with examples
    run.run: ("run quickstart", "run mine.toml --set cluster.communication=2 --seeds +5"),
    init.init: ("init mine",),
    play.play: ("play results/mine --method rennala_nigt --video out.gif",),
    plot.plot: ("plot results/a results/b --x gradients -o both.pdf", "plot results/a --y final"),
    report.report: ("report results/a results/b -o report.html",),
    export.export: ("export results/mine --to tensorboard -o logs",),
    simulate.simulate: ("simulate quickstart", "simulate cluster.toml -o timelines --trace trace.json"),
    staleness.staleness: ("staleness overlap", "staleness rollouts.csv"),
    saturation.saturation: ("saturation port",),
    live.live: ("live quickstart --method rennala_nigt --scale 0.02",),
    calibrate.calibrate: ("calibrate sacct.txt -o cluster.toml",),
    fidelity.fidelity: ("fidelity fidelity --scale 0.15",),
    reproduce.reproduce: ("reproduce --list", "reproduce humanoid-equal --preset quick"),
    prices.prices: ("prices quickstart",),
    advise.advise: ("advise cluster.toml --minutes 10 -o advice",),
    bounds.bounds: ("bounds cluster.toml --epsilon 0.05", "bounds quickstart --measured"),
    explore.explore: ("explore cluster.toml",),
    validate.validate: ("validate --quick",),
    benchmarks.benchmark: ("benchmark engine",),
    store.store: ("store --verify",),
    listing.show: ("list",),
    cite.cite: ("cite rennala_nigt",),
    explain.explain: ("explain cluster.communication",),
}
for command, examples in COMMANDS.items():
    shown = "\n\n".join(["For example:", *(f"`asyncsim {example}`" for example in examples)])
    app.command(examples[0].split()[0], epilog=shown)(_answering(command))
