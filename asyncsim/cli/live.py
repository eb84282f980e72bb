"""``asyncsim live``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from .compiling import keep_compiled
from .options import X64, Address, Force, Preset, Scale, Scenario, Set, With, changes_of
from .simulate import show_what_happened
from .terminal import complain, console, numbers, table, texts


def live(
    scenario: Scenario,
    method: Annotated[
        str | None, typer.Option(help="Only this one of the scenario's methods.", show_default=False)
    ] = None,
    scale: Scale = 0.01,
    seed: Annotated[int | None, typer.Option(help="Otherwise the first of the file.", show_default=False)] = None,
    step_size: Annotated[
        float | None, typer.Option(help="Otherwise the first of the method's grid.", show_default=False)
    ] = None,
    address: Address = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write jobs, updates, curves and pictures to it.", show_default=False),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write what happened to this .json for ui.perfetto.dev.", show_default=False)
    ] = None,
    force: Force = False,
    preset: Preset = None,
    code: With = None,
    change: Set = None,
    x64: X64 = False,
):
    """Train in real time, on workers that are processes on a Ray cluster (extra ray): the clock is a real one.

    Workers are made slow as the scenario's are, and what their messages take is measured. An outage kills a process.
    """
    from ..experiment.living import checked_for_live, train_scenario
    from ..live import fleet_of
    from ..machines.on_ray import imported
    from ..scenario import load

    imported()
    keep_compiled(x64)
    loaded = load(scenario, preset, changes_of(change), code)
    labels = checked_for_live(loaded, method)
    some = {label: loaded.settings.methods[label] for label in labels}
    settings = loaded.settings.model_copy(update={"methods": some})
    wrote: list[tuple[str | None, list[Path]]] = []
    from .. import results

    if trace is not None:
        wrote.append((results.reserve_trace(trace, force), [trace]))
    with nullcontext() if output is None else results.reserve(output, settings, force, results.LIVE_FILES) as verb:
        how: Any = {"scale": scale, "seed": seed, "step_size": step_size}
        with fleet_of(loaded.cluster.workers, address) as fleet:
            found = train_scenario(loaded, labels, fleet, say=complain, **how)
        timelines = {label: one.timeline for label, one in found.items()}
        if output is not None:
            wrote.insert(0, (verb, results.save_timelines(output, settings, timelines, curves=_curves(found))))
    if trace is not None:
        from ..timeline.trace import trace_events

        results.save_json(trace, trace_events(*timelines.values()))
    show_what_happened(settings.title, timelines, loaded.methods, "")
    _learned(found)
    for verb, paths in wrote:
        console().wrote(f"{verb}", *paths)


def _curves(found):
    """What all methods learned."""
    from pandas import concat

    return concat([one.history.to_frame() for one in found.values()], ignore_index=True)


def _learned(found) -> None:
    shown = table("What was learned", texts("method"), *numbers("step size", "seed", "first return", "last return"))
    for label, one in found.items():
        returns = one.history.to_frame()["eval_return"]
        (step_size,), (seed,) = one.history.step_sizes, one.history.seeds
        shown.add_row(label, f"{step_size:g}", f"{seed}", f"{returns.iloc[0]:.1f}", f"{returns.iloc[-1]:.1f}")
    out = console()
    out.print(shown)
    out.print("Seconds are real ones, from the first job on. Returns are those of the iterates.", soft_wrap=True)
