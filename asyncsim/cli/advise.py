"""``asyncsim advise``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from .comparisons import in_short, needed
from .compiling import keep_compiled
from .options import X64, Force, Kept, Unkept
from .run import rows_of_progress, store_of
from .terminal import Cell, console, number, numbers, table, texts


def advise(
    cluster: Annotated[Path, typer.Argument(help="A TOML file with a table [cluster], or a scenario.")],
    problem: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file with a table [problem], or a scenario; otherwise the cluster file's, or CartPole-v1.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            help="The return to be reached; otherwise the scenario's, or 70 % of what a pilot learns.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Of real time.")] = 10.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; otherwise nowhere.", show_default=False)
    ] = None,
    force: Force = False,
    store: Kept = None,
    no_store: Unkept = False,
    x64: X64 = False,
):
    """Say which method, which M and which step size reach a return soonest on a cluster, and what would change that.

    Candidates are trained, as `asyncsim run` does; no answer uses assumed constants. It says what
    it will do before it does it.
    """
    from ..experiment.advising import advise as answer
    from ..experiment.candidates import read_case
    from ..experiment.saving import advised

    keep_compiled(x64)
    case, out, kept = read_case(cluster, problem), console(), store_of(store, no_store)
    with ExitStack() as stack:

        def show() -> Any:
            return stack.enter_context(rows_of_progress())

        def say(line: str) -> None:
            out.print(line, soft_wrap=True)

        found, saved = advised(case, output, force, lambda: answer(case, target, minutes, kept, say, show))
    _report(out, found)
    if saved is not None:
        out.wrote(saved.verb, *saved.files)


def _report(out, found) -> None:
    from ..experiment.advice import is_known
    from ..experiment.wording import in_words, step_size_in_text

    headings = numbers("α", f"to {found.target:g}", "95 % interval", "reached", "ratio", "its interval", "", "needed")
    shown = table("Simulated seconds until four of five seeds are at the target", texts("candidate"), *headings)
    for row in found.table.to_dict("records"):
        least = "" if is_known(row) else "≥ "
        ratio = f"{in_short(row['ratio_low'])} to {in_short(row['ratio_high'])}"
        shown.add_row(
            row["label"],
            Cell(step_size_in_text(row["step_size"]), row["step_size"]),
            Cell(f"{least}{row['seconds']:.4g} s", row["seconds"]),
            Cell(f"{in_short(row['low'])} to {in_short(row['high'])}", [row["low"], row["high"]]),
            f"{row['reached']} of {row['seeds']}",
            number(row["ratio"], "{:.2f}"),
            Cell(ratio if row["verdict"] != "best" else "", [row["ratio_low"], row["ratio_high"]]),
            row["verdict"],
            needed(row["seeds_to_decide"]),
        )
    out.print(shown)
    for line in in_words(found):
        out.print(line, soft_wrap=True)
    if found.spent > 60 * found.minutes:
        out.print(
            f"It took {found.spent / 60:.1f} minutes instead of {found.minutes:g}: the machine was slower than it had "
            "been when a gradient was timed.",
            soft_wrap=True,
        )
