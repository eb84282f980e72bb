"""An experiment as a value: the scenario, what happened and what was learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import figures, results
from ..base import Method
from ..results import Policy
from ..scenario import Scenario, ScenarioError, load, own_code, read_claims, restore
from ..store import Store, default_home
from ..timeline import Timeline
from . import divergence, maps, statistics, summaries
from .policies import policies_of
from .protocol import Progress, conduct, train_coupled
from .summaries import run_key

if TYPE_CHECKING:
    from ..machines import Machines  # which imports JAX


@dataclass(frozen=True)
class Saved:
    """What saving did. verb: ``"wrote"``, or which results it ``"replaced"``. files: those that are there now."""

    verb: str
    files: tuple[Path, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A scenario that was run.

    axes: columns of the frames, one per axis of a sweep.
    curves: rows as in `History.to_frame`, of every method, seed and step size, at every point of a sweep.
    tuning: the same on the tuning seeds; None where the scenario has none.
    simulated: the timelines, where they are at hand.
    computed_by: how many gradients of each method `run` computed; the store had the others.
    saved: what `run` did with its ``output``.
    policies: the last iterate of each method as it was tuned, for each seed, at every point of a sweep; None where they
        were not asked for.
    """

    scenario: Scenario
    axes: tuple[str, ...]
    curves: pd.DataFrame
    tuning: pd.DataFrame | None = None
    simulated: Mapping[Any, Timeline] | None = None
    computed_by: Mapping[str, int] | None = None
    saved: Saved | None = None
    policies: Sequence[Policy] | None = None

    @property
    def computed(self) -> int | None:
        """How many gradients `run` computed, of all methods."""
        return None if self.computed_by is None else sum(self.computed_by.values())

    def __repr__(self) -> str:
        """What there is, in one line: the frames have thousands."""
        settings = self.scenario.settings
        swept = "".join(f", {axis} swept" for axis in self.axes)
        return (
            f"<Run of {str(self.scenario.path)!r}: methods {', '.join(settings.methods)}; seeds {len(settings.seeds)}; "
            f"points {len(self.scenario.points)}{swept}; curves of {len(self.curves)} rows>"
        )

    @cached_property
    def methods(self) -> Mapping[Any, Method]:
        """Each method as it was tuned, by its label; of a sweep, by (value of each axis, ..., label)."""
        runs, found = dict(list(self.curves.groupby([*self.axes, "method"], sort=False))), {}
        for values, point in self.scenario.points:
            for label, variants in point.variants.items():
                rows = runs[*values.values(), label]
                name = rows["tuned"].iloc[0] if "tuned" in rows else ""
                method = next(variant.method for variant in variants if variant.name == name)
                found[run_key(*values.values(), label)] = method
        return found

    @cached_property
    def timelines(self) -> Mapping[Any, Timeline]:
        """By the same keys as `methods`.

        Where trajectories decide how long jobs take, it is that of the first seed. What is not at hand is simulated, or
        then trained, when it is first asked for. Raises ScenarioError where that does not have the times of the curves,
        for these are another version's.
        """
        found, tuned = dict(self.simulated or {}), dict(list(self.tuned().groupby([*self.axes, "method"], sort=False)))
        for values, point in self.scenario.points:
            for label in point.variants:
                run, rows = run_key(*values.values(), label), tuned[*values.values(), label]
                if run in found:
                    continue
                timeline = found[run] = _timeline(point, label, self.methods[run], rows)
                first = rows[rows["seed"] == rows["seed"].iloc[0]]
                times = np.append(0.0, timeline.updates["time"].to_numpy())
                if not np.array_equal(times[first["update"][first["update"] < len(times)]], first["time"]):
                    line = f"{run} has other times now than in its curves: run it again"
                    raise ScenarioError(f"{self.scenario.path}: {line}")
        return found

    def tuned(self) -> pd.DataFrame:
        """The rows of the curves at each method's tuned step size (see `summaries.tuned`)."""
        return summaries.tuned(self.curves, self.axes)

    def summary(self) -> pd.DataFrame:
        """One row per method and point of a sweep (see `summaries.summarise`, `divergence.with_count`)."""
        target = self.scenario.settings.target_return
        found = summaries.summarise(self.curves, self.timelines, self.axes, target)
        return divergence.with_count(found, self.curves, self.axes)

    def diverged(self) -> pd.DataFrame:
        """One row for each lane whose return was no finite number at some evaluation (see `divergence.diverged`)."""
        return divergence.diverged(self.curves, self.axes)

    def by_worker(self) -> pd.DataFrame | None:
        """Whom each method serves (see `summaries.by_worker`); None where all workers have the same world."""
        return summaries.by_worker(self.curves, self.timelines, self.axes)

    def per_seed(self) -> pd.DataFrame:
        """What each method reached with each seed up to the common end (see `statistics.per_seed`)."""
        return statistics.per_seed(self.curves, self.timelines, self.axes, self.scenario.settings.target_return)

    def comparison(self) -> pd.DataFrame:
        """The difference between each two methods, with its interval over seeds (see `statistics.compare`)."""
        return statistics.compare(self.per_seed(), self.axes)

    def verdicts(self, claims: Sequence[str] | None = None) -> pd.DataFrame:
        """Whether what is claimed came out (see `statistics.verdicts`).

        claims: ``"LABEL > LABEL, MEASURE"``, such as ``"rennala_nigt > afedpg, area"``; None: those of the scenario
            file's table [about], which is not saved with a run. Raises ScenarioError with one that cannot be read.
        """
        settings = self.scenario.settings
        read = self.scenario.claims if claims is None else read_claims(claims, settings)
        return statistics.verdicts(self.per_seed(), read, self.axes)

    def map(self, measure: str | None = None) -> pd.DataFrame | None:
        """Of a sweep of two quantities, who is ahead at each pair of values (see `maps.winners`); else None.

        measure: ``"time"``, ``"area"`` or ``"final"``; None: the time to the target, or the area where there is none.
        None, too, of one method, and where what is asked for was not measured.
        """
        settings = self.scenario.settings
        measure = measure or ("area" if settings.target_return is None else "time")
        measured = self.per_seed()
        if len(self.axes) != 2 or len(settings.methods) < 2 or measure not in measured:
            return None
        return maps.winners(measured, self.axes, measure)

    def plot(self) -> Any:
        """The learning curves at the tuned step sizes, as a matplotlib figure that a notebook shows."""
        return figures.learning_curves(self.tuned(), results.as_data(self.scenario.settings), self.axes)

    def save(self, directory: Path | str, force: bool = False) -> Saved:
        """Write settings, tables and pictures to a directory, whole or not at all.

        Raises FileExistsError where it holds another scenario's results (unless ``force``), or other files.
        """
        directory = Path(directory)
        with results.reserve(directory, self.scenario.settings, force) as verb:
            return self._write(directory, verb)

    def _write(self, directory: Path, verb: str) -> Saved:
        """Into a directory that is reserved."""
        tables = self.tables()
        files = results.save(directory, self.scenario.settings, tables, self.pictures(tables), self.policies)
        return Saved(verb, tuple(files))

    def tables(self) -> dict[str, pd.DataFrame]:
        """All frames that there are, by name."""
        every = {
            "curves": self.curves,
            "tuning": self.tuning,
            "summary": self.summary(),
            "per_seed": self.per_seed(),
            "comparison": self.comparison(),
            "by_worker": self.by_worker(),
            "map": self.map(),
        }
        return {name: frame for name, frame in every.items() if frame is not None}

    def pictures(self, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
        """Figures by name: of the curves always, of the others where one picture can show them."""
        pictures = {"curves": self.plot()}
        if "by_worker" in tables and not self.axes:
            pictures["by_worker"] = figures.by_worker(tables["by_worker"], results.as_data(self.scenario.settings))
        summary = tables["summary"]
        if (cells := tables.get("map")) is not None:
            words = maps.map_in_words(cells, self.axes)
            pictures["map"] = figures.winner_map(cells, self.axes, results.as_data(self.scenario.settings), words)
        numbers = summary[[*self.axes]].select_dtypes("number").columns
        if len(numbers) == len(self.axes) == 1 and summary["time_to_target"].notna().any():
            bounds = summaries.bounds_to_target(summary, self.methods, self.timelines, self.axes)
            pictures["time_to_target"] = figures.time_to_target(summary, self.axes[0], bounds)
        return pictures

    @classmethod
    def load(cls, directory: Path | str, folder: Path | str | None = None, own: Path | str | None = None) -> Run:
        """A run that was saved.

        folder: of the scenario file, where recordings of compute times, and a policy that training began with, are read
            again; None: the one that the directory's place follows from, ``experiments/a`` of ``results/a/b``.
        own: the Python file with which it was run, if it was with one; it has to be the same, and is run.
        """
        folder = results.scenario_folder(directory) if folder is None else Path(folder)
        given = None if own is None else own_code(own)
        try:
            results.check_whole(directory, "scenario", results.POLICIES)
            written = results.load_settings(directory)["scenario"]
            curves, tuning = results.load_curves(directory), results.load_tuning(directory)
        except (FileNotFoundError, KeyError):
            raise ScenarioError(f"{directory}: no run was saved here: give the directory of one") from None
        try:
            scenario = restore(written, Path(directory, "settings.json"), folder, given)
        except ScenarioError as error:
            files = {"recording": "recordings", "start_from": "policies to begin with"}
            sought = next((what for key, what in files.items() if key in f"{error}"), "")
            where = f"; {sought} are looked for in {folder}: give folder=, the scenario file's"
            raise ScenarioError(f"{error}{where * bool(sought)}") from None
        if not summaries.are_curves(curves, scenario):
            raise ScenarioError(f"{directory}: curves.csv is not of the scenario in settings.json: run it again")
        return cls(scenario, scenario.axes, curves, tuning, policies=results.load_policies(directory))


def _timeline(point: Scenario, label: str, method: Method, rows: pd.DataFrame) -> Timeline:
    """Of a method at a point of a sweep. rows: its curves at the tuned step size."""
    if not point.coupled:
        return point.simulate(label, method)
    seed, step_size = int(rows["seed"].iloc[0]), float(rows["step_size"].iloc[0])
    return train_coupled(point, point.problem(), method, [seed], [step_size])[1][seed, step_size]


def run(
    scenario: Path | str | Scenario,
    preset: str | None = None,
    output: Path | str | None = None,
    progress: Callable[[Progress], None] | None = None,
    changes: Mapping[str, Any] | None = None,
    force: bool = False,
    store: Path | str | bool = True,
    own: Path | str | None = None,
    policies: bool = False,
    on: Machines | None = None,
) -> Run:
    """Simulate and train every method of a scenario, tuned and at every point of a sweep (see `protocol`).

    scenario: a file, or what `scenario.load` made of one. preset, changes, own: as in `scenario.load`, of a file.
    output: a directory to save to; None: nothing is written there.
    progress: called with a `Progress` whenever a method is further.
    force: replace another scenario's results.
    store: the directory where curves are found that were computed before, and new ones are kept, so that a run that was
        killed goes on; True: the one in the user's cache; False: none.
    policies: keep them, too (see `policies.policies_of`).
    on: the machines that train, ``machines.Processes(jobs)`` or ``machines.OnRay(address)``; None: the threads of this
        process. What comes out is the same, bit for bit. Where trajectories decide how long jobs take, and where curves
        have no names in the store, this process trains in any case.
    """
    if not isinstance(scenario, Scenario):
        scenario = load(scenario, preset, changes, own)
    elif (preset, changes, own) != (None, None, None):
        given = f"preset={preset!r}, changes={changes!r}, own={own!r}"
        raise ValueError(f"{given}: give them with a file, or load the scenario with them")
    if output is None:
        return _conducted(scenario, progress, store, policies, on)
    output = Path(output)
    with results.reserve(output, scenario.settings, force) as verb:
        found = _conducted(scenario, progress, store, policies, on)
        return replace(found, saved=found._write(output, verb))


def _conducted(
    scenario: Scenario,
    progress: Callable[[Progress], None] | None,
    store: Path | str | bool,
    policies: bool,
    on: Machines | None,
) -> Run:
    from ..learning.numerics import as_always

    with as_always(), TemporaryDirectory() as nowhere:  # without a store, curves are still shared within the run
        shelf = Store(default_home() if store is True else Path(store or nowhere))
        with nullcontext() if on is None else on.ready() as pool:
            found = conduct(scenario, shelf, progress, pool)
        curves, tuning = (pd.concat(rows, ignore_index=True) if rows else None for rows in (found.curves, found.tuning))
        done = Run(scenario, scenario.axes, curves, tuning, found.timelines, found.computed)
        if not policies:
            return done
        kept, computed = policies_of(done, shelf)
        return replace(done, policies=kept, computed_by=found.computed + Counter(computed))
