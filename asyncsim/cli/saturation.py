"""``asyncsim saturation``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Force, Preset, Scenario, Set, changes_of
from .terminal import console, number, numbers, table, texts


def saturation(
    scenario: Scenario,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write table and picture here.", show_default=False)
    ] = None,
    force: Force = False,
    preset: Preset = None,
    change: Set = None,
):
    """What holds a cluster up as it grows: latency, bandwidth, the server's port, or who is slow.

    Of a scenario with a sweep of cluster.workers: gradients per second beside what theory says, what the workers' time
    goes into, and from which number of workers on more of them bring little. Nothing is trained.
    """
    from ..experiment.saturation import measured, sentences
    from ..scenario import load

    loaded = load(scenario, preset, changes_of(change))
    if output is None:
        frame, verb, files = measured(loaded), "", []
        lines = sentences(frame, loaded.axes)
    else:
        from .. import results

        with results.reserve(output, loaded.settings, force, results.SATURATION) as verb:
            frame = measured(loaded)
            lines = sentences(frame, loaded.axes)
            files = results.save_saturation(output, loaded.settings, frame, loaded.axes, lines)
    _report(loaded, frame, lines)
    if files:
        console().wrote(verb, *files)


def _report(loaded, frame, lines) -> None:
    from ..experiment.saturation import SHARES

    signs = {"exact": "", "on average": "≈ ", "at most": "≤ ", "at least": "≥ "}
    headings = (*loaded.axes, "gradients/s", "theory", "updates/s", *SHARES, "delay")
    shown = table(loaded.settings.title, texts("method"), *numbers(*headings))
    for row in frame.to_dict("records"):
        theory = f"{number(row['theory'], '{:.4g}')}"
        shown.add_row(
            row["method"],
            *(f"{row[axis]}" for axis in loaded.axes),
            number(row["gradients_per_second"], "{:.4g}"),
            signs[row["relation"]] * theory[0].isdigit() + theory,
            number(row["updates_per_second"], "{:.3g}"),
            *(number(100 * row[share], "{:.1f}%") for share in SHARES),
            number(row["mean_delay"], "{:.3g}"),
        )
    out = console()
    out.print(shown)
    out.print(
        "gradients/s, updates/s: of the second half of the updates. computing (of use), cancelled (computing of no "
        "use), waiting for others, latency and bandwidth, where gradients queue with it: shares of the workers' time.",
        soft_wrap=True,
    )
    for line in lines:
        out.print(line, soft_wrap=True)
