"""``asyncsim simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Preset, Scenario, Set, With, changes_of
from .terminal import Cell, console, number, numbers, table, texts, watched
from .waste import WASTED, say_without_update


def simulate(
    scenario: Scenario,
    method: Annotated[
        str | None, typer.Option(help="Only this one of the scenario's methods.", show_default=False)
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write what happened to this .json for ui.perfetto.dev.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write jobs, updates and pictures to this directory.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another scenario's output, or a file that is no trace.")
    ] = False,
    preset: Preset = None,
    code: With = None,
    change: Set = None,
):
    """Simulate the methods of a scenario without training: who worked, who waited, what was wasted.

    Of a sweep, at every point. Of a file with only a table [cluster], four methods, up to 100 gradients per worker.
    """
    from contextlib import nullcontext

    from ..base import nearest
    from ..scenario import ScenarioError, load

    loaded = load(scenario, preset, changes_of(change), code, cluster_will_do=True)
    labels, settings = list(loaded.methods), loaded.settings
    if method is not None:
        if method not in labels:
            raise ScenarioError(f"{scenario}: method={method!r} is none of its methods: {nearest(method, labels)}")
        labels, settings = [method], settings.model_copy(update={"methods": {method: settings.methods[method]}})
    wrote: list[tuple[str | None, list[Path]]] = []
    if output is not None or trace is not None:  # it draws, which takes long to import
        from .. import results
    if trace is not None:  # before anything takes long
        wrote.append((results.reserve_trace(trace, force), [trace]))
    with nullcontext() if output is None else results.reserve(output, settings, force, results.PICTURES) as verb:
        timelines, columns, methods = _simulated(loaded, labels)
        if output is not None:
            wrote.insert(0, (verb, results.save_timelines(output, settings, timelines, columns)))
    if trace is not None:
        from ..timeline.trace import trace_events

        results.save_json(trace, trace_events(*timelines.values()))
    show_what_happened(settings.title, timelines, methods, loaded.taken)
    for verb, paths in wrote:
        console().wrote(f"{verb}", *paths)


def _simulated(loaded, labels):
    """By name: the timelines, what their rows begin with in tables, and the methods."""
    from dataclasses import replace

    from ..scenario import run_name

    timelines, columns, methods = {}, {}, {}
    with watched() as watch:
        for values, point in loaded.points:
            for label in labels:
                name = run_name(label, values)
                while name in timelines:  # a label may read like another with a value
                    name += "'"
                timelines[name] = replace(point.simulate(label, watch=watch(name)), method=name)
                columns[name], methods[name] = values | {"method": label}, point.methods[label]
    return timelines, columns, methods


def show_what_happened(title, timelines, methods, taken) -> None:
    """A table of timelines. taken: a sentence about what the file has not."""
    from ..timeline.usage import run_totals

    counts, shares = ("used", "cancelled", "discarded"), ("utilisation", "wasted_share")
    headings = ("updates", "end", "per update", *counts, "utilisation", "wasted", "delay", "max", "sent")
    shown = table(title, texts("method"), *numbers(*headings))  # a name has the point of a sweep
    for label, timeline in timelines.items():
        whole = run_totals(timeline)
        shown.add_row(
            label,
            whole["updates"],
            Cell(f"{whole['end']:.6g} s" + " stalled" * (timeline.ending == "stalled"), whole["end"]),
            number(whole["seconds_per_update"], "{:.4g} s"),
            *(whole[key] for key in counts),
            *(number(whole[key], "{:.1%}") for key in shares),
            number(whole["mean_delay"], "{:.1f}"),
            whole["max_delay"],
            whole["communications"],
        )
    out = console()
    out.print(shown)
    out.print(
        "used, cancelled, discarded: gradients. utilisation: share of the workers' time that went into used ones. "
        f"{WASTED} delay: mean and maximum, in updates. sent: communications; a round's collective is one.",
        soft_wrap=True,
    )
    if taken:
        out.print(taken, soft_wrap=True)
    say_without_update(out, {name: (methods[name], timeline) for name, timeline in timelines.items()})
