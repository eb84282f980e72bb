"""``asyncsim staleness``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Force, Preset, Set, changes_of
from .terminal import console, number, numbers, table, texts


def staleness(
    source: Annotated[
        Path, typer.Argument(help="A scenario, or a log of rollouts: a .csv with a column tokens.", metavar="SOURCE")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write table and picture here.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(help="Log: rollouts side by side.", min=1, max=100_000)] = 16,
    update_seconds: Annotated[
        float | None, typer.Option(help="Log: that the trainer takes for an update.", min=0, show_default=False)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Log: rollouts in an update.", min=1, show_default="as many as workers")
    ] = None,
    seconds_per_token: Annotated[
        float | None, typer.Option(help="Log: of generation.", show_default="fitted to the log")
    ] = None,
    prompt_seconds: Annotated[
        float | None, typer.Option(help="Log: for each rollout.", show_default="fitted to the log")
    ] = None,
    slot_speeds: Annotated[
        str | None,
        typer.Option(help="Log: speeds with 1, 2, ... busy slots: 1,0.9,0.8.", show_default="a machine each"),
    ] = None,
    caps: Annotated[str, typer.Option(help="Log: caps on age, in updates.")] = "0,1,2,3,4,6,8",
    force: Force = False,
    preset: Preset = None,
    change: Set = None,
):
    """What a cap on age buys in samples per second, what it discards, and where it stops to bind.

    Of a scenario: all its methods, at all values that are tuned. Of a log: synchronous batches, one step off, and
    streams with a cap that is kept at the start of rollouts (paced) or at their use (streaming). Nothing is trained.
    """
    from ..experiment.staleness import measured, of_log, sentences
    from ..scenario import ScenarioError, load

    if source.suffix.lower() == ".csv":
        given: dict[str, Any] = {"seconds_per_token": seconds_per_token, "prompt_seconds": prompt_seconds}
        given |= {"slot_speeds": _list("slot_speeds", slot_speeds or "", float), "caps": _list("caps", caps, int)}
        if update_seconds is None:
            raise ScenarioError(f"{source}: a log does not say how long the trainer takes: give --update-seconds")
        loaded = of_log(source, workers=workers, update_seconds=update_seconds, batch_size=batch_size, **given)
    else:
        loaded = load(source, preset, changes_of(change), cluster_will_do=True)
    if output is None:
        frame, verb, files = measured(loaded), "", []
    else:
        from .. import results

        with results.reserve_staleness(output, loaded.settings, force) as verb:
            frame = measured(loaded)
            lines = sentences(frame, loaded.axes)
            files = results.save_staleness(output, loaded.settings, frame, loaded.axes, lines)
    _report(loaded, frame, sentences(frame, loaded.axes))
    if files:
        console().wrote(verb, *files)


def _list(key: str, text: str, kind: type) -> tuple[Any, ...]:
    """Numbers between commas."""
    from ..scenario import ScenarioError

    try:
        return tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ScenarioError(f"{key}={text!r} is no list of numbers: give them with commas between") from None


def _report(loaded, frame, lines) -> None:
    shares = ("generating", "waiting", "training", "wasted_share")
    headings = (*loaded.axes, "cap", "per second", "s/update", "age", "95 %", "max")
    words = ("busy", "waiting", "trainer", "wasted", "bound by", "long")
    shown = table(loaded.settings.title, texts("method"), *numbers(*headings, *words))
    for row in frame.to_dict("records"):
        bounds = (100 * row[f"bound_by_{limit}"] for limit in ("server", "rule", "workers"))
        shown.add_row(
            row["method"],
            *(f"{row[axis]}" for axis in loaded.axes),
            number(row["cap"]),
            *(number(row[key], "{:.3g}") for key in ("samples_per_second", "seconds_per_update")),
            *(number(row[key], "{:.2g}") for key in ("age_mean", "age_95", "age_max")),
            *(number(100 * row[key], "{:.0f}%") for key in shares),
            " ".join(f"{number(bound, '{:.0f}')}" for bound in bounds),
            number(100 * row["long_used"], "{:.1f}%"),
        )
    out = console()
    out.print(shown)
    out.print(
        "per second: samples. age: of used samples, in updates. busy, waiting for the trainer: shares of the workers' "
        "time; trainer: share of time at work. wasted: of computing. bound by: per cent of updates that waited for the "
        "trainer, the rule, the workers. long: share of used samples above nine tenths of those that were started.",
        soft_wrap=True,
    )
    for line in lines:
        out.print(line, soft_wrap=True)
