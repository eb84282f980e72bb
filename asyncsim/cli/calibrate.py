"""``asyncsim calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal import console, number, numbers, table, texts

SHOWN = 6  # workers that a sentence names


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
    held_out: Annotated[float, typer.Option(help="Share of each worker's jobs to check the fits on.")] = 1 / 3,
    seed: Annotated[int, typer.Option(help="Of what is simulated.", min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no such cluster.")] = False,
):
    """Make a cluster of a log: CSV, Slurm's sacct, Ray's timeline, PyTorch's profiler, a Chrome or Perfetto trace.

    A distribution is fitted to each worker's jobs but the last, which check the fits. What comes out is a table
    [cluster], for a scenario.
    """
    from hashlib import sha256

    from ..calibration import calibrate as fitted
    from ..logs import Reading, read_logs

    log = read_logs(logs, Reading(worker, start, finish, duration, unit, event), format)
    verb = ""
    if output is not None:  # it draws, which takes long to import
        from .. import results

        verb = results.reserve_cluster(output, force)
    found = fitted(log, held_out, workers, seed)
    written = []
    if output is not None:
        digests = [(path.name, sha256(path.read_bytes()).hexdigest()) for path in logs]
        written = results.save_cluster(output, found, digests)
    _report(found)
    if written:
        print(f"{verb}:", *written, sep="\n  ")


def _report(found) -> None:
    from ..calibration import LEVEL
    from ..logs.log import in_words

    out, log = console(), found.log
    out.print(f"Read as {log.format}: {log.read_as}. {log.jobs} jobs of {len(log.workers)} workers.", soft_wrap=True)
    if log.left_out:
        out.print(f"No jobs: {in_words(log.left_out)}.", soft_wrap=True)
    shown = table("", texts("worker"), *numbers("jobs", "median"), texts("fit"), *numbers("D", "p"))
    for fit in found.fits:
        shown.add_row(
            fit.worker,
            f"{len(fit.seconds)}",
            f"{fit.median:.4g} s",
            _in_words(fit),
            number(fit.distance, "{:.3f}"),
            number(fit.p, "{:.2f}"),
        )
    out.print(shown)
    out.print(
        f"Brackets: intervals at the level {LEVEL:g}. D: the greatest difference between the distribution functions of "
        "log and fit (Kolmogorov-Smirnov). p: the share of samples of the fit, fitted again, that are as far from "
        "their own fits (a parametric bootstrap).",
        soft_wrap=True,
    )
    for sentence in _sentences(found):
        out.print(sentence, soft_wrap=True)
    _check(out, found)


def _in_words(fit) -> str:
    """``log-normal, mean 1.2 [1.1, 1.3] s, ...``"""
    from dataclasses import fields

    from ..scenario.tables import name_of

    kind = type(fit.time)
    parts = []
    for field in fields(kind):
        low, high = fit.intervals[field.name]
        value = getattr(fit.time, field.name)
        parts.append(f"{field.name} {value:.4g} [{low:.4g}, {high:.4g}]")
    return f"{name_of(kind)}: {', '.join(parts)}"


def _sentences(found) -> list[str]:
    """Who is no worker as the others."""
    named = [
        (
            "Stragglers, by their medians",
            [f"{name} ({times:.2g} times the fleet's)" for name, times in found.stragglers],
        ),
        ("Drifting", [f"{name} ({100 * change:+.0f} % over the log)" for name, change in found.drifting]),
        (
            "Fitted badly, p <= 0.01, as one in a hundred is by chance",
            [f"{name} (D {d:.2f})" for name, d in found.poor],
        ),
        ("Left out, with too few jobs", list(found.too_few)),
    ]
    sentences = []
    for what, names in named:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        if names or what.startswith(("Stragglers", "Drifting")):
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
            f"{row.observed:.4g} s",
            f"{row.predicted:.4g} s",
            f"[{row.low:.4g}, {row.high:.4g}]",
            f"{100 * row.error:+.1f} %",
        )
    out.print(shown)
    out.print(
        "Observed: the held-out durations, one after another. Predicted: simulations of fits that the log may as well "
        "have led to (the bootstrap's); 95 %: the middle of them.",
        soft_wrap=True,
    )
