"""What there is to reproduce and what came out: ``asyncsim reproduce --list``, as Markdown, and on one page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .comparisons import axis_value, first_against_others, in_short, interval_in_words, needed
from .tables import Table
from .terminal import Cell, console, numbers, steps, table, texts

if TYPE_CHECKING:
    import pandas as pd

    from ..scenario import Scenario


@dataclass(frozen=True)
class Outcome:
    """What came out of a scenario's longest preset that was run.

    scenario: with this preset. directory: of the results. measured: their per_seed.csv; None where they are of another
    scenario, for the file was changed since.
    """

    scenario: Scenario
    directory: Path
    measured: pd.DataFrame | None


def outcome_of(loaded: Scenario) -> Outcome | None:
    """None where nothing was run. loaded: the file as it stands."""
    from .. import results
    from ..scenario import load

    for preset in (None, "quick"):
        directory = results.place(loaded.path, preset)
        if not directory.exists():
            continue
        scenario = load(loaded.path, preset) if preset and loaded.settings.quick else loaded
        same = results.is_of(scenario.settings, results.settings_in(directory).get("scenario"))
        there = same and (directory / "per_seed.csv").exists()
        return Outcome(scenario, directory, results.load_per_seed(directory) if there else None)
    return None


def show_reproductions(scenarios: Mapping[str, Path]) -> None:
    """A row each, in a table for each folder."""
    from ..scenario import ScenarioError, load

    out = console()
    folders: dict[Path, Table] = {}
    for name, path in steps("reading", scenarios.items(), len(scenarios)):
        if path.parent not in folders:
            words = texts("times", 20), texts("methods"), *numbers("quick", "paper"), texts("status", 20)
            columns = texts("figure"), texts("task"), *numbers("n"), *words
            folders[path.parent] = table(f"{path.parent}", *columns)
        shown = folders[path.parent]
        try:
            loaded = load(path)
        except ScenarioError as error:
            shown.add_row(name, "–", "", "", Cell(f"{error}", f"{error}", "red"), "", "", "")
            continue
        settings = loaded.settings
        labelled: dict[str, Any] = settings.methods
        methods: dict[str, list[str]] = {}
        for label, method in labelled.items():
            methods.setdefault(method.method, []).append(label)
        swept = "".join(f"; {axis} swept" for axis in loaded.axes)
        minutes = settings.about.minutes
        shown.add_row(
            name,
            getattr(settings.problem, "environment", settings.problem.kind),
            loaded.cluster.workers,
            settings.cluster.in_words() + swept,
            ", ".join(_method_in_words(method, labels, loaded) for method, labels in methods.items()),
            *(
                Cell(f"{minutes[preset]:g}" if preset in minutes else "", minutes.get(preset))
                for preset in ("quick", "paper")
            ),
            _status(loaded),
        )
    out.print(*folders.values())
    out.print(
        "quick, paper: expected minutes on two cores, for --preset quick and for the file as it stands. "
        "A name without an update's is NIGT's: rennala is rennala_nigt. Behind each: gradients used per simulated "
        "second by theory, from the least to the most of what is tuned or swept; all are in `asyncsim bounds`. "
        "status: which preset was run, and how many of the claims in the file's table [about], each at every point of "
        "a sweep, came out; --table says which.",
        soft_wrap=True,
    )


def _method_in_words(method: str, labels: Collection[str], loaded: Scenario) -> str:
    """``rennala ×2 2.5-3.5``: how many labels have the method, and gradients per second where theory knows them."""
    from ..theory.prospects import bare, pace

    rates: list[float] = []
    for _, point in loaded.points:
        if point.coupled:  # how long a gradient takes depends on its trajectory
            continue
        with suppress(ValueError):  # where no numbers stand for the cluster
            cluster, stale = bare(point.cluster), point.settings.stale
            own = [pace(each, cluster, stale).rates[1] for label, _, each in point.every_method if label in labels]
            rates += [rate for rate in own if rate == rate]
    ends = dict.fromkeys(f"{float(f'{rate:.2g}'):g}" for rate in (min(rates), max(rates))) if rates else ()
    times = f" ×{len(labels)}" * (len(labels) > 1)
    return f"{method.removesuffix('_nigt')}{times} {'-'.join(ends)}".strip()


def _status(loaded: Scenario) -> str:
    """``paper: 1 reproduced, 2 undecided``."""
    from ..experiment import verdicts

    found = outcome_of(loaded)
    if found is None:
        return "not run"
    name = found.scenario.preset or "paper"
    if found.measured is None:
        return f"{name}: of another scenario"
    counted = Counter(verdicts(found.measured, found.scenario.claims, loaded.axes)["verdict"])
    return f"{name}: {', '.join(f'{counted[verdict]} {verdict}' for verdict in sorted(counted))}" if counted else name


HEAD = ("scenario", "command", "minutes, 2 cores", "seeds", "claim", "outcome")


def markdown(scenarios: Mapping[str, Path]) -> str:
    """A table of all scenarios that claim something and were run, with pictures and what came out of the claims."""
    from ..scenario import load

    rows = [HEAD, ("---",) * len(HEAD)]
    for name, path in steps("reading", scenarios.items(), len(scenarios)):
        loaded = load(path)
        found, about = outcome_of(loaded), loaded.settings.about
        if not about.claim or found is None:
            continue
        preset = found.scenario.preset or "paper"
        flag = " --preset paper" * (preset == "paper" and loaded.settings.quick is not None)
        rows.append(
            (
                f"[{as_text(loaded.settings.title or name)}]({(found.directory / _picture(found)).as_posix()})",
                as_code(f"asyncsim reproduce {name}{flag}"),
                f"{about.minutes[preset]:g}" if preset in about.minutes else "–",
                f"{len(found.scenario.settings.seeds)}",
                as_text(about.claim),
                _outcome_in_words(found),
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _picture(found: Outcome) -> str:
    """Of a sweep of two quantities the map, else the curves."""
    return "map.png" if (found.directory / "map.png").exists() else "curves.png"


def _map_in_words(found: Outcome) -> str:
    """At how many points each claim came out, and what the map shows."""
    from ..experiment import map_in_words, verdicts, winners

    measured, scenario = found.measured, found.scenario
    lines = []
    for claim, rows in verdicts(measured, scenario.claims, scenario.axes).groupby("claim", sort=False):
        counts = Counter(rows["verdict"])
        said = ", ".join(f"*{verdict}* at {counts[verdict]}" for verdict in sorted(counts))
        lines.append(f"{as_code(claim)}: {said} of {len(rows)} points")
    measure = "area" if scenario.settings.target_return is None else "time"
    return "<br>".join([*lines, as_text(map_in_words(winners(measured, scenario.axes, measure), scenario.axes))])


def _outcome_in_words(found: Outcome) -> str:
    """A line for each claim, or, without any, for the first method against each other one."""
    from ..experiment import verdicts

    measured, axes = found.measured, found.scenario.axes
    if measured is None:
        return "the results are of another scenario"
    if len(axes) == 2 and measured["method"].nunique() > 1:
        return _map_in_words(found)
    what, frame, lines = "claim", verdicts(measured, found.scenario.claims, axes), []
    if frame.empty:
        what, frame, lines = "comparison", first_against_others(measured, axes), ["claims no order"]
    for line, rows in frame.groupby(what, sort=False):
        said = []
        for row in rows.to_dict("records"):
            where = ", ".join(f"{axis} {axis_value(row[axis])}" for axis in axes)
            verdict = f"*{row['verdict']}*, " if "verdict" in row else ""
            said.append(
                f"{as_text(where)}{': ' * bool(where)}{verdict}{in_short(row['difference'])} ({interval_in_words(row)})"
            )
        lines.append(f"{as_code(line)}: {'; '.join(said)}")
    return "<br>".join(lines)


def draw_overview(scenarios: Mapping[str, Path], folder: Path, output: Path | None = None) -> list[Path]:
    """A picture of all that was run of a folder's scenarios, without those that sweep; return its files.

    output: the directory to write; otherwise the one of the folder's results.

    Raises ScenarioError where there is nothing to draw.
    """
    from .. import figures, results
    from ..experiment import tuned, verdicts
    from ..scenario import ScenarioError, load

    rows = []
    for path in steps("reading", scenarios.values(), len(scenarios)):
        found = outcome_of(load(path)) if path.parent == folder else None
        if found is None or found.measured is None or found.scenario.axes:
            continue
        preset = found.scenario.preset
        data = results.as_data(found.scenario.settings)
        data["title"] = (data["title"] or path.stem) + f" ({preset})" * (preset is not None)
        said = [
            f"{row['verdict']}: {row['claim']}, {in_short(row['difference'])} ({interval_in_words(row)})"
            + f"; {needed(row['seeds_to_decide'])} seeds would decide" * (row["verdict"] == "undecided")
            for row in verdicts(found.measured, found.scenario.claims).to_dict("records")
        ]
        rows.append((tuned(results.load_curves(found.directory)), data, said))
    if not rows:
        raise ScenarioError(
            f"{folder}: not one of its scenarios was run as it stands: give one to `asyncsim reproduce`"
        )
    place = results.place(folder / "overview") if output is None else output / "overview"
    return results.save_overview(place, figures.overview(rows))


def as_text(words: str) -> str:
    """Words that Markdown shows as they are."""
    return re.sub(r"([\\`*_\[\]<>|$&~#])", r"\\\1", words)


def as_code(words: str) -> str:
    """The same in the type of code; a table's cell ends at a bar, also within it."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", words)), default=0))
    space = " " * ("`" in words)
    return f"{ticks}{space}{words.replace('|', chr(92) + '|')}{space}{ticks}"
