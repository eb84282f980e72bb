"""What a report says of finished runs: curves, comparisons, where the time went, settings, how to redo it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import figures, results
from ..results import Block, Section
from ..scenario import PRESETS, Scenario, ScenarioError, load
from ..scenario.shipped import known_scenarios
from ..theory.prospects import bare, pace, round_at_most
from ..timeline.usage import run_totals
from . import maps, statistics
from .divergence import divergence_in_words
from .runs import Run
from .summaries import run_key


def reported(directory: Path | str, own: Path | str | None = None) -> Section:
    """A run's section. own: as of `Run.load`. Raises ScenarioError where no run was saved there."""
    run = Run.load(directory, own=own)
    written, file = results.load_settings(directory), _file_of(Path(directory), run, own)
    data, tables = results.as_data(run.scenario.settings), run.tables()
    curves = Block(
        "Learning curves",
        [
            f"Mean and 20-80 % band over {run.curves['seed'].nunique()} seeds, at the tuned step sizes. "
            "Zoom with the wheel or a box; a click in the legend hides a method."
            + f" At most {figures.PANELS} points of the sweep are shown, evenly spaced."
            * bool(run.axes)
        ],
        figures.interactive_curves(run.tuned(), data, run.axes),
    )
    blocks = [curves, _summary(run, tables), *_maps(run, tables), *_comparisons(run, tables, file), *_times(run)]
    blocks += [_settings(written), _again(Path(directory), run, file, own)]
    return Section(run.scenario.settings.title or str(directory), blocks)


def _file_of(directory: Path, run: Run, own: Path | str | None) -> Scenario | None:
    """The scenario file that was run, with its preset, where it has a name and says the same still."""
    for path in known_scenarios().values():
        for preset in (None, *PRESETS):
            if results.place(path, preset).name == directory.resolve().name:
                try:
                    found = load(path, preset, own=own)
                except ScenarioError:  # another file of this name
                    continue
                if results.is_of(found.settings, results.as_data(run.scenario.settings)):
                    return found
    return None


# ---- what came out


def _short(value: Any) -> str:
    """Three digits; words and integers as they are; a dash where there is nothing."""
    if isinstance(value, str | int | np.integer):
        return f"{value}"
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    return "–" if value != value else f"{float(f'{value:.3g}'):g}"


def _share(value: float) -> str:
    return "–" if value != value else f"{100 * value:.1f} %"


def _table(rows: pd.DataFrame, names: Mapping[str, str], shares: tuple[str, ...] = ()) -> pd.DataFrame:
    """Cells as text. names: of the columns that are shown, in words."""
    cells = {
        words: [(_share if key in shares else _short)(value) for value in rows[key]]
        for key, words in names.items()
        if key in rows
    }
    return pd.DataFrame(cells)


def _at(run: Run) -> dict[str, str]:
    """The axes of a sweep, and what they are called."""
    return {axis: axis for axis in run.axes}


def _summary(run: Run, tables: Mapping[str, pd.DataFrame]) -> Block:
    target = run.scenario.settings.target_return
    names = _at(run) | {
        "method": "method",
        "tuned": "tuned",
        "step_size": "step size α",
        "first_return": "first return",
    }
    names |= {"final_return": "final return"}
    names |= {"time_to_target": f"seconds to {target:g}"} if target is not None else {}
    names |= {"end": "end, s", "updates": "updates", "gradients": "gradients used", "max_delay": "greatest delay"}
    names |= {"diverged": "seeds that diverged"}  # of which there is a column where there are any
    lines = divergence_in_words(run)
    return Block("What came out", lines, table=_table(tables["summary"], names), words=["method", "tuned", *run.axes])


def _maps(run: Run, tables: Mapping[str, pd.DataFrame]) -> list[Block]:
    pictures = {name: each for name, each in run.pictures(tables).items() if name != "curves"}
    words = [maps.map_in_words(tables["map"], run.axes)] if "map" in tables else []
    heading = "Over the sweep" if run.axes else "Each worker's own world"
    return [Block(heading, words, pictures=pictures)] if pictures else []


def _comparisons(run: Run, tables: Mapping[str, pd.DataFrame], file: Scenario | None) -> list[Block]:
    """The claims of the scenario file with their verdicts, and all pairs of methods."""
    blocks, numbers = [], {"difference": "difference", "interval": "95 % interval", "ahead": "ahead", "seeds": "seeds"}
    claims = file.claims if file else ()
    if claims:
        found = statistics.verdicts(tables["per_seed"], claims, run.axes)
        names = (
            _at(run)
            | {"claim": "claim", "verdict": "verdict"}
            | numbers
            | {"seeds_to_decide": "seeds that would decide"}
        )
        text = [f"The scenario file claims: {file.settings.about.claim}"] if file and file.settings.about.claim else []
        blocks.append(Block("Claims", text, table=_table(_worded(found), names), words=["claim", "verdict", *run.axes]))
    pairs = tables["comparison"]
    if pairs.empty:
        return blocks
    names = _at(run) | {"pair": "comparison", "measure": "measure", "verdict": "verdict"} | numbers
    names |= {"seeds_to_decide": "seeds that would decide"}
    few = " With fewer than five seeds intervals are much too narrow." if pairs["seeds"].min() < statistics.FEW else ""
    lines = [
        "Mean difference over seeds, positive where the first is ahead, with its bootstrap interval; ahead: in how "
        "many of the seeds it is. A comparison whose interval holds 0 is undecided." + few
    ]
    return [
        *blocks,
        Block(
            "Comparisons",
            lines,
            table=_table(_worded(pairs), names),
            words=["comparison", "measure", "verdict", *run.axes],
        ),
    ]


def _worded(rows: pd.DataFrame) -> pd.DataFrame:
    """With intervals, pairs and verdicts in words."""

    def verdict(row: Any) -> str:
        return f"{row.method} ahead" if row.low > 0 else f"{row.other} ahead" if row.high < 0 else "undecided"

    every = list(rows.itertuples())
    found = rows.assign(
        interval=[f"{_short(row.low)} to {_short(row.high)}" if row.low == row.low else "–" for row in every],
        ahead=[f"{round(row.ahead * row.seeds)} of {row.seeds}" for row in every],
        seeds_to_decide=[
            "" if row.seeds_to_decide != row.seeds_to_decide else _short(row.seeds_to_decide) for row in every
        ],
    )
    if "other" not in rows:
        return found
    return found.assign(pair=[f"{row.method} - {row.other}" for row in every], verdict=[verdict(row) for row in every])


# ---- where the time went


def _times(run: Run) -> list[Block]:
    """Seconds per update beside theory, and waste, at every point; and pictures of the first and the last one."""
    rows = [row for values, point in run.scenario.points for row in _rows(run, values, point)]
    names = _at(run) | {"method": "method", "seconds_per_update": "seconds per update", "by_theory": "by theory"}
    names |= {"bound": "bound on a round", "utilisation": "useful", "communicating_share": "communicating"}
    names |= {"idle_share": "idle", "wasted_share": "wasted", "communications": "communications"}
    shares = ("utilisation", "communicating_share", "idle_share", "wasted_share")
    lines = [
        "Simulated seconds. By theory: exact (=), at most (<=) or on average (~). Useful, communicating and idle: "
        "shares of all workers' time; wasted: share of computing time that went into cancelled and discarded gradients."
    ]
    table = _table(pd.DataFrame(rows), names, shares)
    ends = {0: run.scenario.points[0], len(run.scenario.points) - 1: run.scenario.points[-1]}
    return [
        Block("Seconds per update, theory's bounds, and waste", lines, table=table, words=["method", *run.axes]),
        *(_pictured(run, *end) for end in ends.values()),
    ]


def _rows(run: Run, values: Mapping[str, Any], point: Scenario) -> Iterator[dict[str, Any]]:
    """A row for each method at a point of a sweep."""
    try:
        formulas = None if point.coupled else bare(point.cluster)
    except ValueError:  # no numbers stand for the cluster
        formulas = None
    for label in point.methods:
        key = run_key(*values.values(), label)
        method, timeline = run.methods[key], run.timelines[key]
        found = pace(method, formulas, point.settings.stale) if formulas else None
        known = found is not None and found.seconds == found.seconds
        yield {
            **values,
            **run_totals(timeline),
            "method": label,
            "by_theory": f"{found.relation} {_short(found.seconds)}" if found and known else "–",
            "bound": round_at_most(method.rule, timeline.cluster) if formulas else np.nan,
        }


def _pictured(run: Run, values: Mapping[str, Any], point: Scenario) -> Block:
    timelines = {
        label: replace(run.timelines[run_key(*values.values(), label)], method=label) for label in point.methods
    }
    pictures = {"What the workers' time went into": figures.utilisation(timelines)}
    pictures |= {f"Who did what under {label}": figures.gantt(timeline) for label, timeline in timelines.items()}
    where = ", ".join(f"{axis} = {_short(value)}" for axis, value in values.items())
    return Block("Who did what, and when" + f", at {where}" * bool(where), pictures=pictures)


# ---- settings, and how to do it again


def _settings(written: Mapping[str, Any]) -> Block:
    texts = {
        name: json.dumps(written.get(key), indent=2, ensure_ascii=False)
        for key, name in (
            ("scenario", "The scenario, with all defaults"),
            ("versions", "Versions"),
            ("platform", "Platform"),
        )
    }
    return Block("Settings", details=texts)


def _again(directory: Path, run: Run, file: Scenario | None, own: Path | str | None) -> Block:
    given = f", own={str(own)!r}" if own else ""
    if file is None:
        lines = ["No scenario file of this name says the same, so it is run again from its settings, in Python:"]
        code = f"import asyncsim\n\nrun = asyncsim.Run.load({str(directory)!r}{given})\n"
        return Block("How to redo it", lines, code=f'{code}asyncsim.run(run.scenario, output="again")')
    name = file.path.stem if file.path.is_absolute() else str(file.path)
    words = [
        "asyncsim",
        "run",
        name,
        *(["--preset", file.preset] if file.preset else []),
        *(["--with", str(own)] if own else []),
    ]
    return Block("How to redo it", ["With the versions above it gives the same numbers:"], code=shlex.join(words))
