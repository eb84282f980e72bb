"""The command line. Everything heavy is imported inside the commands, so that help is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
INTERRUPTED = 130  # as shells have it
ENGINE = "Of a MuJoCo task, instead of the file's: mujoco, or mjx for accelerators."


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
        _complain(line)
        return 2
    if status == INTERRUPTED:
        _complain("interrupted")
    return status


def _line(error: Exception) -> str | None:
    """What is wrong with the input; None for an error that is not about the input."""
    if hasattr(error, "format_message"):  # typer's
        return f"{error.format_message()} See `asyncsim --help`."
    if not isinstance(error, OSError):
        from ..scenario import ScenarioError

        if not isinstance(error, ScenarioError):
            return None
    return str(error)


def _complain(line: str) -> None:
    print("asyncsim:", " ".join(line.split()), file=sys.stderr)


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


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(help="A TOML file, for example experiments/quickstart.toml.")],
    force: Annotated[bool, typer.Option("--force", help="Replace another scenario's results.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="Where to write; otherwise results/ mirrors experiments/.", show_default=False),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A table of the file, merged over the rest: quick.", show_default=False)
    ] = None,
    engine: Annotated[str | None, typer.Option(help=ENGINE, show_default=False)] = None,
):
    """Simulate and train every method of a scenario, then write data, settings and curves.

    Every method is trained with each step size of its grid and each seed. Its tuned step size is the one with the
    largest mean return over the seeds and the last quarter of the evaluations. A file with tuning_seeds has the grid
    trained with these, and then its seeds with the tuned step size only.
    """
    from .. import results
    from ..scenario import load

    _keep_compiled()
    loaded = load(scenario, preset, engine)
    directory = output or results.place(scenario, preset, engine)
    with results.claim(directory, loaded.settings, force) as verb:
        curves, timelines, tuning = _train(loaded, directory)
        summary, paths = results.save(directory, loaded.settings, curves, timelines, tuning)
        served = results.load_by_worker(directory)
    _report(loaded, timelines, summary, served, verb, paths)


def _keep_compiled() -> None:
    """Let JAX keep compiled programs between runs, small ones too; not those that call back, as on MuJoCo: it cannot.

    They are in JAX_COMPILATION_CACHE_DIR, or else in the user's cache.
    """
    import os

    import jax

    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for key, value in (
        ("jax_compilation_cache_dir", str(home / "asyncsim" / "compiled")),
        ("jax_persistent_cache_min_compile_time_secs", 0.0),
        ("jax_persistent_cache_min_entry_size_bytes", -1),
    ):
        if key.upper() not in os.environ:
            jax.config.update(key, value)


def _train(scenario, directory):
    """The curves of every method, its timeline, and the curves it was tuned by, if those are others.

    Of a sweep, for every point, with a column per axis. A row of progress each. What a run that was killed had finished
    is not done again, nor is what depends on no axis.
    """
    import pandas as pd
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    problems = [point.problem() for _, point in scenario.points]  # checks what only JAX knows, before it takes long
    from ..learning import replay
    from ..results import keep_part, kept_part, tuned

    curves, tuning, timelines, done = [], [], {}, {}
    seeds, tuning_seeds = scenario.settings.seeds, scenario.settings.tuning_seeds
    points = zip(scenario.points, problems)
    runs = [(values, point, problem, label) for (values, point), problem in points for label in point.methods]
    columns = (_described(), TextColumn("{task.fields[phase]:9}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(stderr=True)) as bars:
        rows = [bars.add_task(_name(label, values), None, None, phase="waits") for values, _, _, label in runs]
        for k, (row, (values, point, problem, label)) in enumerate(zip(rows, runs)):
            bars.start_task(row)
            bars.update(row, phase="simulates")
            same = point.settings.model_dump_json(exclude={"methods"}), point.settings.methods[label].model_dump_json()
            timeline, part = done.get(same) or (point.simulate(label), kept_part(directory, scenario.settings, k))

            def trained(seeds, step_sizes, phase, row=row, timeline=timeline, run=(point.methods[label], problem)):
                def show(done, total):
                    bars.update(row, completed=done, total=total, phase=phase if done < total else "evaluates")

                show(0, len(timeline.updates))
                evaluations = scenario.settings.evaluations
                options = {"seeds": seeds, "step_sizes": step_sizes, "evaluations": evaluations, "progress": show}
                return replay(timeline, *run, **options).to_frame()

            if part is None:
                tunes, grid = None, point.step_sizes[label]
                if tuning_seeds:
                    tunes = trained(tuning_seeds, grid, "tunes")
                    grid = tuned(tunes)["step_size"].unique()
                part = trained(seeds, grid, "trains"), tunes
                keep_part(directory, scenario.settings, k, *part)
            done[same] = timeline, part
            timelines[(*values.values(), label) if values else label] = timeline
            for frames, frame in zip((curves, tuning), part):
                if frame is not None:
                    frame = frame.assign(method=label)  # what was trained may have been another's of the same kind
                    frames.append(pd.concat([pd.DataFrame([values] * len(frame)), frame], axis=1))
            bars.update(row, total=1, completed=1, phase="done")
            bars.stop_task(row)
    tuning = pd.concat(tuning, ignore_index=True) if tuning_seeds else None
    return pd.concat(curves, ignore_index=True), timelines, tuning


# Of `run` and of `simulate`: the same word for the same number.
WASTED = "wasted: share of computing time that went into cancelled and discarded gradients."


def _report(scenario, timelines, summary, served, verb, paths) -> None:
    from math import isnan

    from rich import box
    from rich.table import Table

    settings = scenario.settings
    target = settings.target_return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.title, table.title_justify, table.title_style = settings.title or None, "left", "bold"
    table.add_column("method", overflow="fold")
    reached = "to target" if target is None else f"to {target:g}"
    axes = list(summary.columns[: summary.columns.get_loc("method")])
    for heading in (*axes, "step size", "return", reached, "updates", "gradients", "wasted"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row, values in zip(summary.itertuples(), summary[axes].to_numpy(object)):
        table.add_row(
            row.method,
            *(f"{value:g}" if isinstance(value, float) else f"{value}" for value in values),
            _power_of_two(row.step_size),
            f"{row.final_return:.1f}",
            "–" if isnan(row.time_to_target) else f"{row.time_to_target:.1f} s",
            f"{row.updates}",
            f"{row.gradients}",
            "–" if isnan(row.wasted_share) else f"{100 * row.wasted_share:.1f}%",
        )
    console = _console()
    console.print(table)
    console.print(
        f"return: at the end, mean over {len(settings.seeds)} seeds. {reached}: first evaluated simulated time. "
        f"gradients: those that updates used. {WASTED}",
        soft_wrap=True,
    )
    _without_update(
        console,
        {
            _name(label, values): (point.methods[label], timelines[(*values.values(), label) if values else label])
            for values, point in scenario.points
            for label in point.methods
        },
    )
    if served is not None:
        _by_worker(console, served)
    print(f"{verb}:", *paths, sep="\n  ")


def _name(label, values) -> str:
    """A method at a point of a sweep."""
    return ", ".join([label, *(f"{axis} {value}" for axis, value in values.items())])


def _without_update(console, runs) -> None:
    """A line for each method that made none, with what it takes. runs: method and timeline, by name."""
    for name, (method, timeline) in runs.items():
        if not len(timeline.updates):
            console.print(
                f"{name} made no update in {timeline.end:g} s: {_what_it_takes(method, timeline)}", soft_wrap=True
            )


def _what_it_takes(method, timeline) -> str:
    from math import isinf, isnan

    from ..theory.prospects import Pace, bare, pace

    try:
        found = pace(method, bare(timeline.cluster), timeline.stale)
    except ValueError:  # there is no formula for compute times that change
        found = Pace()
    if timeline.ending == "stalled" or isinf(found.computation):
        return "none can come, for it waits for workers that never finish; give them a finite cluster.compute"
    about = "about " * (found.relation == "~")
    takes = (
        "how long its first would take is not known"
        if isnan(found.first)
        else f"its first would take {about}{found.first:.2g} s"
    )
    return f"{takes}; give {'a smaller batch_size or ' * hasattr(method.rule, 'batch_size')}a longer stop.until"


WORKERS_AT_MOST = 10  # that fit beside each other


def _by_worker(console, served) -> None:
    """Whom each method serves, where the workers' worlds differ."""
    from rich import box
    from rich.table import Table

    n = served["worker"].nunique()
    if n > WORKERS_AT_MOST or served.columns[0] != "method":  # of a sweep
        return console.print(f"Return in each of the {n} workers' own worlds: by_worker.csv.", soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.title, table.title_justify, table.title_style = "Return in each worker's own world", "left", "bold"
    table.add_column("method", overflow="fold")
    for worker in range(n):
        table.add_column(f"{worker}", justify="right", no_wrap=True)
    for method, rows in served.groupby("method", sort=False):
        cells = (f"{float(f'{row.final_return:.3g}'):g} {row.weight:.0%}" for row in rows.itertuples())
        table.add_row(method, *cells)
    console.print(table)
    console.print("Per cent: the worker's mean share of an update, by weight.", soft_wrap=True)


def _console(stderr=False):
    """To print with: titles and labels may hold brackets and colons, and are no markup."""
    from rich.console import Console

    width = None if stderr or sys.stdout.isatty() else 120  # a file has no width to fit
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def _described():
    """What a row of progress is of, cut where it would leave no room for the rest."""
    from rich.progress import TextColumn
    from rich.table import Column

    return TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, max_width=48))


def _power_of_two(step_size: float) -> str:
    from math import frexp

    mantissa, exponent = frexp(step_size)
    return f"2^{exponent - 1}" if mantissa == 0.5 else f"{step_size:g}"


@app.command()
def simulate(
    scenario: Annotated[Path, typer.Argument(help="A TOML file, for example experiments/straggler.toml.")],
    method: Annotated[
        str | None, typer.Option(help="Only this one of the scenario's methods.", show_default=False)
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write what happened to this .json for ui.perfetto.dev.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write jobs, updates and pictures to this directory.", show_default=False)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another scenario's output, or a file that is no trace.")
    ] = False,
    preset: Annotated[
        str | None, typer.Option(help="A table of the file, merged over the rest: quick.", show_default=False)
    ] = None,
):
    """Simulate the methods of a scenario without training: who worked, who waited, what was wasted.

    Of a sweep, at every point.
    """
    from contextlib import nullcontext
    from dataclasses import replace

    from ..base import nearest
    from ..scenario import ScenarioError, load

    loaded = load(scenario, preset)
    labels, settings = list(loaded.methods), loaded.settings
    if method is not None:
        if method not in labels:
            raise ScenarioError(f"{scenario}: method={method!r} is none of its methods: {nearest(method, labels)}")
        labels, settings = [method], settings.model_copy(update={"methods": {method: settings.methods[method]}})
    wrote = []
    if output is not None or trace is not None:  # it draws, which takes long to import
        from .. import results
    if trace is not None:  # before anything takes long
        wrote.append((results.claim_trace(trace, force), [trace]))
    timelines, columns, runs = {}, {}, {}
    with nullcontext() if output is None else results.claim(output, settings, force, results.PICTURES) as verb:
        for values, point in loaded.points:
            for label in labels:
                name = _name(label, values)
                while name in timelines:  # a label may read like another with a value
                    name += "'"
                timelines[name] = replace(point.simulate(label), method=name)
                columns[name], runs[name] = values | {"method": label}, point.methods[label]
        if output is not None:
            wrote.insert(0, (verb, results.save_timelines(output, settings, timelines, columns)))
    if trace is not None:
        from ..timeline.trace import trace_events

        results.save_json(trace, trace_events(*timelines.values()))
    _what_happened(settings.title, timelines, runs)
    for verb, paths in wrote:
        print(f"{verb}:", *paths, sep="\n  ")


def _what_happened(title, timelines, methods) -> None:
    from math import isnan

    from rich import box
    from rich.table import Table

    from ..timeline.usage import run_totals

    def number(value, form="{:.4g}"):
        return "–" if isnan(value) else form.format(value)

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.title, table.title_justify, table.title_style = title or None, "left", "bold"
    table.add_column("method", overflow="fold")  # it also names the point of a sweep
    counts, shares = ("used", "cancelled", "discarded"), ("utilisation", "wasted_share")
    for heading in ("updates", "end", "per update", *counts, "utilisation", "wasted", "delay", "max", "sent"):
        table.add_column(heading, justify="right", no_wrap=True)
    for label, timeline in timelines.items():
        whole = run_totals(timeline)
        table.add_row(
            label,
            f"{whole['updates']}",
            f"{whole['end']:.6g} s" + " stalled" * (timeline.ending == "stalled"),
            number(whole["seconds_per_update"], "{:.4g} s"),
            *(f"{whole[key]}" for key in counts),
            *(number(100 * whole[key], "{:.1f}%") for key in shares),
            number(whole["mean_delay"], "{:.1f}"),
            f"{whole['max_delay']}",
            f"{whole['communications']}",
        )
    console = _console()
    console.print(table)
    console.print(
        "used, cancelled, discarded: gradients. utilisation: share of the workers' time that went into used ones. "
        f"{WASTED} delay: mean and maximum, in updates. sent: communications; a round's collective is one.",
        soft_wrap=True,
    )
    _without_update(console, {name: (methods[name], timeline) for name, timeline in timelines.items()})


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="A scenario's name, for example humanoid-equal.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="quick: minutes; paper: the file as it stands; otherwise quick where the file has it.",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show what there is and what of it was run.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace another scenario's results.")] = False,
    engine: Annotated[str | None, typer.Option(help=ENGINE, show_default=False)] = None,
):
    """Reproduce one of the paper's figures, or one of ours: run experiments/**/NAME.toml.

    A run that was killed goes on with the methods that it had not finished.
    """
    from ..base import nearest
    from ..scenario import ScenarioError, load

    paths = sorted(Path("experiments").rglob("*.toml"), key=lambda path: (path.parent, path))
    scenarios = {path.stem: path for path in paths}
    if listed or name is None:
        return _reproductions(scenarios)
    if name not in scenarios:
        raise ScenarioError(f"name={name!r} is no scenario under experiments/: {nearest(name, list(scenarios))}")
    if preset not in (None, "quick", "paper"):
        raise ScenarioError(f"preset={preset!r} is unknown: give quick or paper")
    if preset is None:
        preset = "quick" if load(scenarios[name]).settings.quick else "paper"
    run(scenarios[name], force, None, None if preset == "paper" else preset, engine)


def _reproductions(scenarios) -> None:
    """A row each, under its folder, in 120 columns."""
    import re
    from collections import Counter

    from rich.table import Table
    from rich.text import Text

    from .. import results
    from ..scenario import ScenarioError, load

    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold underline")
    table.add_column("figure", no_wrap=True)
    table.add_column("task", no_wrap=True)
    table.add_column("n", justify="right")
    table.add_column("times", max_width=20)
    table.add_column("methods", min_width=28)  # those of the paper's figures in one line
    for preset in ("quick", "paper"):
        table.add_column(preset, justify="right", no_wrap=True)
    table.add_column("status", width=12)
    folder = None
    for name, path in scenarios.items():
        if path.parent != folder:
            folder = path.parent
            table.add_row(Text(str(folder), "bold"))
        try:
            loaded = load(path)
        except ScenarioError as error:
            table.add_row(name, "–", "", "", Text(str(error), "red"))
            continue
        settings = loaded.settings
        about, count = settings.about, Counter(table.method for table in settings.methods.values())
        swept = "".join(f"; {axis} swept" for axis in loaded.points[0][0])
        done = [preset or "paper" for preset in (None, "quick") if results.place(path, preset).exists()]
        table.add_row(
            name,
            getattr(settings.problem, "environment", settings.problem.kind),
            f"{loaded.cluster.workers}",
            settings.cluster.in_words() + swept,
            ", ".join(f"{method.removesuffix('_nigt')}{f' ×{k}' * (k > 1)}" for method, k in count.items()),
            *(f"{about.minutes[preset]:g}" if preset in about.minutes else "" for preset in ("quick", "paper")),
            ", ".join(re.split("[:,;.]", about.verdict)[:1] * bool(about.verdict and done) + done) or "not run",
        )
    console = _console()
    console.print(table)
    console.print(
        "\nquick, paper: expected minutes on two cores, for --preset quick and for the file as it stands. "
        "Methods that do not say another update have that of NIGT. "
        "status: what came out, and which preset was run; more about it is in the file's table [about].",
        soft_wrap=True,
    )


@app.command()
def bounds(
    scenario: Annotated[Path, typer.Argument(help="A TOML file, for example experiments/quickstart.toml.")],
    epsilon: Annotated[float, typer.Option(help="The accuracy, in E‖∇J‖ <= epsilon.")] = 0.1,
    sigma: Annotated[float, typer.Option(help="σ, noise of one gradient; for the best M.")] = 1.0,
    l_g: Annotated[float, typer.Option(help="Lipschitz constant of ∇J; for the best M.")] = 1.0,
    l_h: Annotated[float, typer.Option(help="Lipschitz constant of ∇²J; for the best M.")] = 1.0,
    gap: Annotated[float, typer.Option(help="Δ = sup J - J(θ_0); for the best M.")] = 1.0,
    measured: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Updates to epsilon of Rennala NIGT and of AFedPG, for κ*.", show_default=False),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A table of the file, merged over the rest: quick.", show_default=False)
    ] = None,
):
    """Show what theory predicts of a scenario: seconds per update, to its stop, and to epsilon; nothing is run.

    Of a sweep, at every point.
    """
    from ..scenario import ScenarioError, load
    from ..theory.prospects import bare, pace, prospects_of

    constants = {"sigma": sigma, "L_g": l_g, "L_h": l_h, "Delta": gap}
    loaded, found = load(scenario, preset), []
    for values, point in loaded.points:
        sizes = [getattr(method.rule, "batch_size", None) for method in point.methods.values()]
        problem = point.settings.problem
        own = getattr(problem, "own_rewards", False) or any(
            isinstance(value, tuple) for value in getattr(problem, "fields", {}).values()
        )
        try:
            cluster = bare(point.cluster)
            paces = {label: pace(method, cluster, point.settings.stale) for label, method in point.methods.items()}
            expected = prospects_of(cluster, epsilon, own, constants, next(filter(None, sizes), None), measured)
        except ValueError as error:
            raise ScenarioError(f"{scenario}: {error}") from None
        found.append((values, point, cluster, paces, own, expected))
    for values, point, *rest in found:
        title = ", ".join([loaded.settings.title, *(f"{axis} {value}" for axis, value in values.items())])
        _predicted(title, point.settings.stop.model_dump(exclude_none=True), epsilon, constants, *rest)


def _predicted(title, stop, epsilon, constants, cluster, paces, own, expected) -> None:
    from math import isinf, isnan

    from rich import box
    from rich.table import Table

    from ..theory import fastest_workers

    def number(value, unit=""):
        return "–" if isnan(value) else "never" if isinf(value) else f"{value:.5g}{unit}"

    def table(title, *headings):
        made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        made.title, made.title_justify, made.title_style = title, "left", "bold"
        made.add_column("method", overflow="fold")
        for heading in headings:
            made.add_column(heading, justify="right", no_wrap=True)
        return made

    console, said = _console(), {"=": "", "<=": "≤ ", "~": "≈ "}
    ends = ", ".join(f"{key} = {value:g}" for key, value in stop.items())
    headings = ("per update", "computing", "communicating", "gradients", "cancelled", "updates", "end")
    first = table(f"{title or 'Predicted'} (stop: {ends})", *headings)
    for label, pace in paces.items():
        updates, end = pace.at_stop(stop)
        cells = (number(pace.computation, " s"), number(pace.communication, " s"), number(pace.gradients))
        share = "–" if isnan(pace.cancelled) else f"{100 * pace.cancelled:.1f}%"
        total = number(pace.seconds if not isinf(pace.computation) else pace.computation, " s")
        first.add_row(
            label, said[pace.relation] * (total[0].isdigit()) + total, *cells, share, number(updates), number(end, " s")
        )
    console.print(first)
    second = table(f"Seconds to E‖∇J‖ ≤ {epsilon:g}, constants and logs dropped", "computing", "communicating", "total")
    for name, row in expected.rows.items():
        least = {"synchronous_nigt": (0,), "afedpg": (1,), "lower_bound": (0, 1)}.get(name, ())
        cells = [("≥ " if k in least else "") + f"{float(part):.4g}" for k, part in enumerate(row)]
        second.add_row(name, *cells, ("≥ " if least else "") + f"{float(row.total):.4g}")
    console.print(second)
    n, M = len(cluster.h), expected.batch_size
    facts = [
        f"recommended: {expected.recommended}, least of the rows with a guarantee"
        + (", for workers with problems of their own" if own else ""),
        f"fastest workers that matter: {expected.fastest_workers} of {n} at M = ε^-1.5 = {M:.4g}"
        + "".join(
            f"; {int(fastest_workers(cluster.h, pace.gradients))} at {label}'s M"
            for label, pace in paces.items()
            if label.startswith("rennala") and not isnan(pace.gradients)
        ),
        f"best M of Rennala NIGT: {number(expected.best_batch_size)}, with "
        + ", ".join(f"{key} = {value:g}" for key, value in constants.items()),
        f"κ* at which Rennala NIGT overtakes AFedPG: {number(expected.crossover, ' s')} by the two rows"
        + (
            f", {number(expected.measured_crossover, ' s')} by measured updates"
            if expected.measured_crossover is not None
            else "; give --measured for a number that has constants in it"
        ),
        *cluster.notes,
    ]
    for fact in facts:
        console.print(fact, soft_wrap=True)


@app.command()
def validate(
    quick: Annotated[bool, typer.Option("--quick", help="Smaller samples: minutes.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Where to write; otherwise results/validation[-quick].", show_default=False)
    ] = None,
):
    """Test the paper's claims against engine and replay, then write the table, data and figures.

    A claim that fails is a finding, with its numbers: the exit status is 0.
    """
    from .. import results

    _keep_compiled()
    directory = output or Path("results", "validation-quick" if quick else "validation")
    with results.claim_validation(directory) as verb:
        evidence, seconds = _tested(quick)
        import pandas as pd

        from ..validation import table

        claims = [claim for each in evidence.values() for claim in each.claims]
        drawn = {each.name: (each.data, each.labels()) for found in evidence.values() for each in found.drawings}
        known = {name: frame for found in evidence.values() for name, frame in found.constants.items()}
        constants = pd.concat(known, names=["problem", None]).reset_index(level=0).reset_index(drop=True)
        paths = results.save_validation(directory, quick, table(claims), constants, drawn)
    _verdicts(claims, constants, seconds)
    print(f"{verb}:", *paths, sep="\n  ")


def _tested(quick):
    """Every claim's evidence and seconds; a row of progress each."""
    from time import perf_counter

    import jax
    from rich.progress import BarColumn, Progress, TimeElapsedColumn

    from ..validation import CLAIMS

    jax.config.update("jax_enable_x64", True)  # exact gradients, exactly enough for second differences
    evidence, seconds = {}, {}
    columns = (_described(), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(stderr=True)) as bars:
        about = {letter: (claim.__doc__ or "").partition(":")[0] for letter, claim in CLAIMS.items()}
        rows = {letter: bars.add_task(about[letter], total=None, start=False) for letter in CLAIMS}
        for letter, claim in CLAIMS.items():
            bars.start_task(rows[letter])
            start = perf_counter()
            evidence[letter] = claim(quick)
            seconds[letter] = perf_counter() - start
            bars.update(rows[letter], total=1, completed=1)
    return evidence, seconds


def _verdicts(claims, constants, seconds) -> None:
    from math import isnan

    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("claim", no_wrap=True)
    for heading in ("predicted", "measured", "interval", "tolerance"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    said = {"=": "", "<=": "≤ ", ">=": "≥ "}
    for claim in claims:
        verdict = Text(claim.verdict, "green") if claim.holds else Text("fails", "red")
        table.add_row(
            f"({claim.letter}) {claim.name}",
            f"{said[claim.relation]}{claim.predicted:.5g}",
            f"{claim.measured:.5g}",
            "" if isnan(claim.low) else f"[{claim.low:.4g}, {claim.high:.4g}]",
            f"{claim.tolerance:.2g}",
            verdict,
        )
    console = _console()
    console.print(table)
    failing = [claim for claim in claims if not claim.holds]
    took = ", ".join(f"({letter}) {value:.1f}" for letter, value in seconds.items())
    console.print(
        f"{len(claims) - len(failing)} of {len(claims)} hold. Intervals are of 95 % confidence where they are "
        "statistical, else the range seen. Statements and sources: claims.csv.",
        *(f"({claim.letter}) {claim.name}: {claim.verdict}" for claim in failing),
        sep="\n",
        soft_wrap=True,
    )
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    shown.add_column("constants")
    for heading in ("Δ", "σ", "L_g", "L_h"):
        shown.add_column(heading, justify="right")
    for problem, rows in constants.groupby("problem", sort=False):
        errors = (f" ± {error:.1g}" if error else "" for error in rows["standard_error"])
        shown.add_row(problem, *(f"{value:.4g}{error}" for value, error in zip(rows["value"], errors)))
    console.print(shown)
    console.print(f"Seconds: {took}; in all {sum(seconds.values()):.0f}.", soft_wrap=True)


@app.command()
def benchmark(
    names: Annotated[list[str] | None, typer.Argument(help="Which; otherwise all.", show_default=False)] = None,
):
    """Measure speed in a checkout, as ratios taken in one run, then write results/benchmarks/ and show the table.

    It takes minutes, and needs a quiet machine. What goes wrong in a benchmark is shown, and the exit status is 1.
    """
    from subprocess import CalledProcessError

    from rich import box
    from rich.table import Table

    from .. import results
    from . import benchmarks

    directory, failed = Path("results", "benchmarks"), []
    for name in benchmarks.chosen(names or []):
        try:
            machine, rows = benchmarks.run(name)
        except CalledProcessError:
            failed.append(name)
            continue
        results.save_benchmark(directory, name, machine, rows)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.title, table.title_justify, table.title_style = name, "left", "bold"
        table.add_column("figure")
        for heading in ("ours", "reference", "ratio", "wanted", "reached"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*results.benchmark_cells(row))
        _console().print(table)
    if failed:
        _complain(f"these benchmarks failed: {', '.join(failed)}; what went wrong stands above")
        raise typer.Exit(1)


@app.command("list")
def show() -> None:
    """Show the methods, environments, rules and compute-time patterns, and the scenarios under experiments/."""
    import tomllib
    from inspect import signature

    from rich.table import Table

    from .. import rules
    from ..cluster import PATTERNS
    from ..rl.environments import ENVIRONMENTS, MUJOCO
    from ..scenario import known_methods

    console = _console()

    def section(title, entries):
        console.print(title, style="bold")
        table = Table.grid(padding=(0, 2))
        for name, *lines in entries:
            table.add_row(f"  {name}", "\n".join(lines))
        console.print(table)

    def about(thing):
        return (thing.__doc__ or "").partition("\n")[0]

    def papers(function):
        required = [p.name for p in signature(function).parameters.values() if p.default is p.empty]
        return function(**dict.fromkeys(required, 1)).papers

    def title(path):
        try:
            return str(tomllib.loads(path.read_text()).get("title", ""))
        except (OSError, ValueError) as error:
            return f"cannot be read: {error}"

    section("Methods", ((name, about(f), *papers(f)) for name, f in known_methods().items()))
    section("Environments", ((name, about(environment)) for name, environment in ENVIRONMENTS.items()))
    section("Environments on the MuJoCo engine", ((name, "as in Gymnasium.") for name in MUJOCO))
    section("Rules", ((name, about(getattr(rules, name))) for name in rules.__all__))
    section("Patterns of compute times", ((name, about(pattern)) for name, pattern in PATTERNS.items()))
    section("Scenarios", ((str(path), title(path)) for path in sorted(Path("experiments").rglob("*.toml"))))
