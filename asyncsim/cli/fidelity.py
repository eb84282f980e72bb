"""``asyncsim fidelity``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .compiling import keep_compiled
from .options import X64, Address, Force, Preset, Scale, Scenario, Set, changes_of
from .terminal import complain, console, numbers, table, texts


def fidelity(
    scenario: Scenario,
    scale: Scale = 0.01,
    address: Address = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Where to write; otherwise beside the scenario's results.", show_default=False),
    ] = None,
    force: Force = False,
    preset: Preset = None,
    change: Set = None,
    x64: X64 = False,
):
    """Hold the simulated clock against a real one: train in real time, fit to the first half, and predict the rest.

    Needs a Ray cluster, or starts one on this machine (extra ray), as `asyncsim live` does.
    """
    import os

    from .. import results
    from ..experiment.fidelity import fidelity as held
    from ..experiment.living import checked_for_live
    from ..machines.on_ray import imported
    from ..scenario import load
    from ..scenario.changes import changes_in_name

    imported()
    keep_compiled(x64)
    changes = changes_of(change)
    loaded = load(scenario, preset, changes)
    for _, point in loaded.points:
        checked_for_live(point)
    more = "-".join(filter(None, (changes_in_name(changes), "fidelity")))
    directory = output or results.place(loaded.path, preset, more)
    with results.reserve(directory, loaded.settings, force, results.FIDELITY_FILES):
        busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # not on Windows
        machine = {"cores": os.cpu_count(), "load": busy and round(busy, 1)}
        found = held(loaded, scale, address, complain)
        results.save_fidelity(directory, loaded.settings, found, scale, machine)
    _report(loaded, found)
    console().wrote("wrote", *(directory / name for name in results.FIDELITY_FILES))


def _report(loaded, found) -> None:
    from ..experiment.fidelity import PREDICTIONS

    out = console()
    out.print(_by_run(loaded, found) if not loaded.axes else _by_method(loaded, found))
    for what in PREDICTIONS:
        some = found[(found["fitted_to"] == what) & (found["measure"] == "seconds_per_update")]
        error, inside = some["error"].abs(), some["observed"].between(some["low"], some["high"])
        out.print(
            f"Seconds per update, fitted to {what}: median error {100 * error.median():.1f} %, largest "
            f"{100 * error.max():.1f} %; within the predicted 95 %: {inside.sum()} of {len(some)}.",
            soft_wrap=True,
        )
    out.print(
        "Errors of what is predicted of the last half of the updates, from a cluster that is fitted to the first. "
        "throughput, wasted (share of computing) and delay (in updates) are predicted from all three.",
        soft_wrap=True,
    )


def _by_run(loaded, found):
    """Of each method what was observed, and the errors."""
    from ..experiment.fidelity import PREDICTIONS

    headings = numbers("s per update", *PREDICTIONS, "throughput", "wasted", "delay")
    shown = table(loaded.settings.title, texts("method"), *headings)
    for method, rows in found.groupby("method", sort=False):
        of = rows.set_index(["fitted_to", "measure"])["error"]
        whole = of[PREDICTIONS[-1]]
        shown.add_row(
            method,
            f"{rows['observed'].iloc[0]:.4g}",
            *(f"{100 * of[what]['seconds_per_update']:+.1f} %" for what in PREDICTIONS),
            f"{100 * whole['gradients_per_second']:+.1f} %",
            f"{100 * whole['wasted_share']:+.1f} %",
            f"{whole['mean_delay']:+.2f}",
        )
    return shown


def _by_method(loaded, found):
    """How large the errors of seconds per update are at all points of a sweep, of which the file has the rest."""
    from ..experiment.fidelities import in_short
    from ..experiment.fidelity import PREDICTIONS

    kinds = [f"{kind}, {what}" for what in PREDICTIONS for kind in ("median", "largest")]
    shown = table(loaded.settings.title, texts("method"), *numbers("runs", *kinds))
    for row in in_short(found, "method").to_dict("records"):
        shown.add_row(row["method"], f"{row['runs']}", *(f"{100 * row[kind]:.1f} %" for kind in kinds))
    return shown
