"""``asyncsim calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal import Cell, console, number, numbers, table, texts, waiting

SHOWN = 6  # workers that a sentence names
HELD_OUT = typer.Option(
    help="Share of each worker's jobs, the last, to check the fits on; 0: fit all.",
    min=0,
    max=0.9,
    show_default="a third",
)


def calibrate(
    logs: Annotated[list[Path], typer.Argument(help="A log, or several of one cluster.", metavar="LOG...")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write the cluster to this .toml, and pictures beside.", show_default=False
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(help="csv, slurm, ray, pytorch, chrome or asyncsim; otherwise recognised.", show_default=False),
    ] = None,
    worker: Annotated[
        str | None, typer.Option("--worker-column", help="CSV: the column of workers.", show_default=False)
    ] = None,
    start: Annotated[str | None, typer.Option(help="CSV: the column of starts.", show_default=False)] = None,
    finish: Annotated[str | None, typer.Option(help="CSV: the column of finishes.", show_default=False)] = None,
    duration: Annotated[str | None, typer.Option(help="CSV: the column of durations.", show_default=False)] = None,
    unit: Annotated[
        str | None, typer.Option(help="CSV: of numbers: ns, us, ms, s, min or h.", show_default=False)
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="Traces: which events are jobs; * is any part of a name.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="So many workers, of the same kinds; otherwise the log's.", min=1, max=100_000, show_default=False
        ),
    ] = None,
    held_out: Annotated[float, HELD_OUT] = 1 / 3,
    seed: Annotated[int, typer.Option(help="Of what is simulated.", min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no such cluster.")] = False,
):
    """Make a cluster of a log: CSV, Slurm's sacct, Ray's timeline, PyTorch's profiler, a Chrome or Perfetto trace.

    A distribution is fitted to each worker's jobs but the last, which check the fits. What comes out is a table
    [cluster], for a scenario.
    """
    from hashlib import sha256

    from ..logs import Reading, read_logs

    logs = [_found(path) for path in logs]
    log = read_logs(logs, Reading(worker, start, finish, duration, unit, event), format)
    verb = ""
    if output is not None:  # it draws, which takes long to import
        from .. import results

        verb = results.reserve_cluster(output, force)
    with waiting(f"fitting {log.size}"):
        found = _fitted(logs, log, held_out, workers, seed)
    written = []
    if output is not None:
        digests = [(path.name, sha256(path.read_bytes()).hexdigest()) for path in logs]
        written = results.save_cluster(output, found, digests)
    _report(found)
    if written:
        console().wrote(verb, *written)


def _found(path: Path) -> Path:
    """The log itself; where it is not there and is one of ``experiments``, that which comes with the package."""
    from ..scenario.shipped import HERE, shipped

    if path.exists() or not path.is_relative_to(HERE):
        return path
    own = shipped() / path.relative_to(HERE)
    return own if own.is_file() else path


def _fitted(files: list[Path], log, *options):
    """The calibration. Raises LogError with the files' names."""
    from ..calibration import calibrate as fitted
    from ..logs import LogError

    try:
        return fitted(log, *options)
    except LogError as error:
        raise LogError(f"{', '.join(map(str, files))}: {error}") from None


def _report(found) -> None:
    from ..calibration import LEVEL
    from ..calibration.fits import MOST
    from ..logs.log import in_words

    out, log = console(), found.log
    out.print(f"Read as {log.format}: {log.read_as}. {log.size}.", soft_wrap=True)
    if log.left_out:
        out.print(f"No jobs: {in_words(log.left_out)}.", soft_wrap=True)
    shown = table("", texts("worker"), *numbers("jobs", "median"), texts("fit"), *numbers("D", "p"))
    for fit in found.fits:
        shown.add_row(
            fit.worker,
            len(fit.seconds),
            number(fit.median, "{:.4g} s"),
            _in_words(fit),
            number(fit.distance, "{:.3f}"),
            number(fit.p, "{:.2f}"),
        )
    out.print(shown)
    out.print(
        f"Brackets: intervals at the level {LEVEL:g}. D: the greatest difference between the distribution functions of "
        "log and fit (Kolmogorov-Smirnov). p: the share of samples of the fit, fitted again, that are as far from "
        f"their own fits (a parametric bootstrap; of long logs, of {MOST} jobs drawn from them).",
        soft_wrap=True,
    )
    for sentence in _sentences(found):
        out.print(sentence, soft_wrap=True)
    _check(out, found)


def _in_words(fit) -> str:
    """``lognormal: mean 1.2 [1.1, 1.3] s, ...``"""
    from dataclasses import fields

    from ..scenario.tables import name_of

    kind = type(fit.time)
    parts = []
    for field in fields(kind):
        low, high = fit.intervals[field.name]
        value = getattr(fit.time, field.name)
        unit = " s" if field.name == "seconds" or "unit" in field.metadata else ""
        parts.append(f"{field.name} {value:.4g} [{low:.4g}, {high:.4g}]{unit}")
    return f"{name_of(kind)}: {', '.join(parts)}"


def _sentences(found) -> list[str]:
    """Who is no worker as the others."""
    named = [
        (
            "Slow workers, by their medians",
            [f"{name} ({times:.2g} times the fleet's)" for name, times in found.slow_workers],
        ),
        ("Drifting", [f"{name} ({100 * change:+.0f} % over the log)" for name, change in found.drifting]),
        (
            "Fitted badly, p <= 0.01, as one in a hundred is by chance",
            [f"{name} (D {d:.2f})" for name, d in found.poor],
        ),
        ("Left out, with too few jobs", list(found.too_few)),
        ("Not checked, with too few jobs for one to be held out", [] if found.check.empty else list(found.unchecked)),
    ]
    sentences = []
    for what, names in named:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        if names or what.startswith(("Slow workers", "Drifting")):
            sentences.append(f"{what}: {', '.join(names[:SHOWN]) or 'none'}{more}.")
    n = len(found.copies)
    if n != len(found.fits):
        sentences.append(f"The cluster has {n} workers, of the kinds of the {len(found.fits)} that were fitted.")
    return sentences


def _check(out, found) -> None:
    if found.check.empty:
        return out.print("Nothing was held out, so the fits are not checked.")
    title = f"The last {100 * found.held_out:.3g} % of each worker's jobs, to which nothing was fitted"
    shown = table(title, texts("what"), *numbers("observed", "predicted", "95 %", "error"))
    for row in found.check.itertuples():
        jobs = row.what == "jobs"
        shown.add_row(
            f"time to {row.count} jobs" if jobs else f"{row.what}, mean of {row.count}",
            number(row.observed, "{:.4g} s"),
            number(row.predicted, "{:.4g} s"),
            Cell(f"[{row.low:.4g}, {row.high:.4g}] s", [row.low, row.high]),
            Cell(f"{100 * row.error:+.1f} %", row.error),
        )
    out.print(shown)
    out.print(
        "Observed: the held-out durations, one after another. Predicted: simulations with parameters re-estimated from "
        "bootstrap samples; 95 %: the middle of them.",
        soft_wrap=True,
    )
    if found.missed:
        names = {"synchronous round": "the synchronous round", "jobs": "the time to so many jobs"}
        out.print(
            f"The check fails: {' and '.join(names[what] for what in found.missed)}, as observed, "
            f"{'is' if len(found.missed) == 1 else 'are'} outside of the predicted 95 %. The last part of the log is "
            "not like the rest, jobs depend on each other, or no distribution fits; by chance this is one in twenty.",
            soft_wrap=True,
        )
