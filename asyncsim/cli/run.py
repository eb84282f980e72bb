"""``asyncsim run``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Annotated, Any

import typer

from .comparisons import axis_value, show_comparisons
from .compiling import keep_compiled
from .options import (
    X64,
    Address,
    Engine,
    Force,
    Jobs,
    Kept,
    On,
    Output,
    Preset,
    Scenario,
    Seeds,
    Set,
    Unkept,
    With,
    Yes,
    changes_of,
)
from .pace import Pace
from .terminal import Cell, bars, console, number, numbers, table, texts
from .waste import WASTED, say_without_update


def run(
    scenario: Scenario,
    force: Force = False,
    output: Output = None,
    preset: Preset = None,
    engine: Engine = None,
    store: Kept = None,
    no_store: Unkept = False,
    code: With = None,
    policies: Annotated[
        bool, typer.Option("--policies", help="Keep the trained policies, too: policies.safetensors.")
    ] = False,
    change: Set = None,
    seeds: Seeds = None,
    yes: Yes = False,
    on: On = None,
    jobs: Jobs = None,
    address: Address = None,
    x64: X64 = False,
):
    """Simulate and train every method of a scenario, then write data, settings and curves.

    Every method is trained with each step size of its grid and each seed. Its tuned step size is the one with the
    largest mean return over the seeds and the last quarter of the time. A file with tuning_seeds has all settings
    trained with these, and then its seeds with the tuned one only.

    Curves that were computed before are found in the store and not trained again.

    --jobs N trains in N processes and --on ray on a Ray cluster, with the same results, bit for bit.
    """
    import asyncsim

    from .. import results
    from ..scenario import load
    from ..scenario.changes import changes_in_name

    keep_compiled(x64)
    machines = machines_of(on, jobs, address)
    changes = changes_of(change, seeds, engine)
    loaded = load(scenario, preset, changes, code)
    directory = output or results.place(loaded.path, preset, changes_in_name(changes))
    kept = store_of(store, no_store)
    with rows_of_progress(yes) as progress:
        options = {"force": force, "store": kept, "policies": policies, "on": machines}
        found = asyncsim.run(loaded, None, directory, progress, **options)
    _report(found)
    saved: Any = found.saved  # there is a directory
    console().wrote(saved.verb, *saved.files)


def store_of(directory: Path | None, none: bool) -> Path | bool:
    """What two options say, as `asyncsim.run` takes it."""
    if none and directory is not None:
        raise typer.BadParameter(f"--store {directory} and --no-store: give one of them")
    console().goes_on = not none
    return not none if directory is None else directory


def machines_of(on: str | None, jobs: int | None, address: str | None) -> Any:
    """What three options say, as `asyncsim.run` takes it; None: this process."""
    if on not in (None, "processes", "ray"):
        raise typer.BadParameter(f"--on {on}: give processes or ray")
    if address is not None and on != "ray":
        raise typer.BadParameter(f"--address {address} is of a Ray cluster: give --on ray, too")
    if on == "ray":
        if jobs is not None:
            raise typer.BadParameter(f"--jobs {jobs} is of processes, and Ray takes what its cluster has: leave it out")
        from ..machines import OnRay
        from ..machines.on_ray import imported

        imported()  # or what is missing is said before anything takes long
        return OnRay(address)
    if on is None and jobs is None:
        return None
    from os import cpu_count

    from ..machines import Processes

    return Processes(jobs or cpu_count() or 1)


SILENCE = 2.0  # seconds after which it is said what takes so long


@contextmanager
def rows_of_progress(yes: bool = True) -> Iterator[Callable]:
    """A row for each method at each point of a sweep; as: what to call with an experiment's progress.

    yes: however long it takes (see `Pace`).
    """
    from ..scenario import run_name

    rows: dict[tuple, Any] = {}
    shown = bars("phase")
    print_line = partial(shown.console.print, soft_wrap=True)
    pace = Pace(print_line, yes)
    silences: dict[tuple, Timer] = {}
    with ExitStack() as stack:
        stack.callback(lambda: [*map(Timer.cancel, silences.values())])

        def show(progress):
            part = (progress.method, *progress.point.values())
            if part in silences:
                silences.pop(part).cancel()
            if not rows:
                stack.enter_context(shown)  # not before, for an error is to be one line
            if part not in rows:
                name = run_name(progress.method, progress.point)
                rows[part] = shown.add_task(name, start=False, total=None, phase=progress.phase)
                return
            shown.start_task(rows[part])
            many = progress.total if progress.phase in ("simulates", "schedules") else None
            total = None if many else progress.total
            shown.update(rows[part], completed=progress.done, total=total, phase=progress.phase)
            if many:
                line = f"{run_name(progress.method, progress.point)}: {progress.phase} some {many:.0e} gradients"
                silences[part] = timer = Timer(SILENCE, print_line, (f"{line}, which may take minutes",))
                timer.daemon = True
                timer.start()
            if progress.phase in ("tunes", "trains"):
                pace.look(
                    (part, progress.phase), run_name(progress.method, progress.point), progress.done, progress.total
                )
            if progress.phase == "done":
                shown.stop_task(rows[part])
                if shown.finished:
                    stack.close()

        yield show


def _report(found) -> None:
    from ..experiment.divergence import divergence_in_words
    from ..experiment.wording import step_size_in_text

    settings, summary = found.scenario.settings, found.summary()
    target = settings.target_return
    reached = "to target" if target is None else f"to {target:g}"
    tuned, diverged = ([name] if name in summary else [] for name in ("tuned", "diverged"))
    headings = (*found.axes, *tuned, "step size", "return", "area", reached, "updates", "gradients", "wasted")
    shown = table(settings.title, texts("method"), *numbers(*headings, *diverged))
    areas = found.per_seed().groupby([*found.axes, "method"], sort=False)["area"]
    for row, values, (_, area) in zip(summary.itertuples(), summary[[*found.axes]].to_numpy(object), areas):
        shown.add_row(
            row.method,
            *map(axis_value, values),
            *([row.tuned] if tuned else []),
            Cell(step_size_in_text(row.step_size), row.step_size),
            number(row.final_return, "{:.1f}"),
            Cell(_mean_and_spread(area), area.mean(skipna=False)),
            number(row.time_to_target, "{:.1f} s"),
            row.updates,
            row.gradients,
            number(row.wasted_share, "{:.1%}"),
            *([Cell(f"{row.diverged} of {len(settings.seeds)}", row.diverged)] if diverged else []),
        )
    out = console()
    out.print(shown)
    out.print(
        f"return: at the last evaluation, mean over {len(settings.seeds)} seeds. area: mean return over the time until "
        f"the first method ends, ± the standard deviation over seeds. {reached}: first evaluated simulated time. "
        f"gradients: those that updates used. {WASTED}",
        soft_wrap=True,
    )
    out.print(f"Computed now: {found.computed} gradients; all others were in the store.", soft_wrap=True)
    for line in divergence_in_words(found):
        out.print(line, soft_wrap=True)
    say_without_update(out, _by_name(found))
    show_comparisons(out, found)
    _map(out, found)
    if (served := found.by_worker()) is not None:
        _by_worker(out, served, found.axes)


def _map(out, found) -> None:
    """What the map of a sweep of two quantities shows; of more, that there is none."""
    from ..experiment import map_in_words

    if (cells := found.map()) is not None:
        out.print(map_in_words(cells, found.axes), soft_wrap=True)
    elif len(found.axes) > 2:
        out.print(f"There is no map of {len(found.axes)} swept quantities: give two.", soft_wrap=True)


def _by_name(found) -> dict:
    """The method and the timeline of each run, by its name."""
    from ..experiment import run_key
    from ..scenario import run_name

    runs = {
        run_name(label, values): run_key(*values.values(), label)
        for values, point in found.scenario.points
        for label in point.methods
    }
    return {name: (found.methods[run], found.timelines[run]) for name, run in runs.items()}


WORKERS_AT_MOST = 10  # that fit beside each other


def _by_worker(out, served, axes) -> None:
    """Whom each method serves, where the workers' worlds differ."""
    n = served["worker"].nunique()
    if n > WORKERS_AT_MOST or axes:
        return out.print(f"Return in each of the {n} workers' own worlds: by_worker.csv.", soft_wrap=True)
    headings = numbers(*(f"{worker}" for worker in range(n)))
    shown = table("Return in each worker's own world", texts("method"), *headings)
    for method, rows in served.groupby("method", sort=False):
        cells = (
            Cell(f"{float(f'{row.final_return:.3g}'):g} {row.weight:.0%}", [row.final_return, row.weight])
            for row in rows.itertuples()
        )
        shown.add_row(method, *cells)
    out.print(shown)
    out.print("Per cent: the worker's mean share of an update, by weight.", soft_wrap=True)


def _mean_and_spread(areas) -> str:
    """Over seeds, in two digits of the spread, or in four of the mean; a dash where a seed diverged."""
    from math import floor, log10

    mean, spread = areas.mean(skipna=False), areas.std(skipna=False)
    if not spread > 0:
        return f"{number(mean)}" + " ± 0" * bool(spread == 0)
    decimals = max(0, 1 - floor(log10(spread)))
    return f"{mean:.{decimals}f} ± {spread:.{decimals}f}"
