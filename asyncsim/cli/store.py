"""``asyncsim store``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated, Any

import typer

from .options import Kept
from .terminal import console, number, numbers, table, texts, waiting


def store(
    directory: Kept = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read everything; status 1 where something is not as it was written.")
    ] = False,
    prune: Annotated[
        float | None,
        typer.Option(help="Forget curves that were written more than so many days ago.", min=0, show_default=False),
    ] = None,
):
    """Show what is in the store of curves, and how large it is.

    Curves are computed once: a run finds here what another run, figure or method has computed from the same gradients.
    """
    from ..store import Store, default_home

    kept, out = Store(directory or default_home()), console()
    if prune is not None:
        out.print(f"forgot {kept.prune(prune)} lanes")
    with waiting("reading") if verify else nullcontext():
        wrong = kept.verify() if verify else 0
    if verify:
        out.print(
            f"{wrong} contents are not as they were written, and are not used" if wrong else "all is as it was written"
        )
    lanes = kept.lanes()
    counted = numbers("lanes", "seeds", "step sizes", "updates", "MB", "written")
    shown = table("", texts("problem"), texts("update"), *counted)
    about = lanes["about"].map(_words)
    for words, rows in lanes.groupby(about, sort=False):
        every = rows["about"].tolist()
        counts = (len(rows), *(len({f"{one.get(key)}" for one in every}) for key in ("seed", "step_size")))
        updates = max(one.get("updates", 0) for one in every)
        megabytes = rows["bytes"].sum() / 1e6
        shown.add_row(*words, *counts, updates, number(megabytes, "{:.1f}"), f"{rows['written'].max():%Y-%m-%d}")
    out.print(shown)
    size = kept.path.stat().st_size / 1e6 if kept.path.exists() else 0.0
    out.print(f"{kept.path}: {len(lanes)} lanes, {size:.1f} MB", soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


def _words(about: dict[str, Any]) -> tuple[str, str]:
    """The problem and the update of a lane."""

    def name(part: Any) -> str:
        return f"{part.get('class', '?')}".rpartition(".")[2] if isinstance(part, dict) else f"{part}"

    problem, update = about.get("problem", "?"), about.get("update", "?")
    environment = problem.get("environment") if isinstance(problem, dict) else None
    one = environment[1] if isinstance(environment, list) else environment  # ["tuple", first, ...]
    task = one.get("name", name(one)) if isinstance(one, dict) else ""
    return f"{name(problem)} {task}".strip(), name(update)
