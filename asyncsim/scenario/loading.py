"""What a scenario file means."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from ..base import Method, Problem, nearest
from ..cluster import Cluster
from ..engine import simulate
from ..timeline import Timeline
from ..updates.step import check_step_size
from . import sweeps
from .bare import completed
from .changes import changed
from .claims import Claim, read_claims
from .errors import ScenarioError, told, validated
from .files import read_toml
from .own import Own, check_made, check_same, own_code, told_of_own
from .problems import PolicyGradientTable
from .settings import MethodTable, Settings, method_named, method_table
from .shipped import scenario_file
from .stops import check_stop
from .tables import Table
from .values import check_values


@dataclass(frozen=True)
class Variant:
    """A method with one choice of the parameters that are tuned. parameters: their values, none if nothing is."""

    parameters: Mapping[str, Any]
    method: Method

    @property
    def name(self) -> str:
        """What it is called in tables: ``batch_size=20``, and nothing where nothing is tuned."""
        return ", ".join(f"{key}={json.dumps(value)}" for key, value in self.parameters.items())


@dataclass(frozen=True)
class Scenario:
    """A file that makes sense: a cluster, methods under their labels, and a grid of step sizes for each.

    variants: of each method, one for every choice of the parameters that are tuned beside the step size.
    swept: of a sweep, the values of each point by axis, and the point. The rest is then that of the first point.
    taken: what was taken for what the file has not, in a sentence (see `bare`).
    """

    path: Path
    preset: str | None
    settings: Settings
    cluster: Cluster
    variants: dict[str, tuple[Variant, ...]]
    step_sizes: dict[str, tuple[float, ...]]
    swept: tuple[tuple[dict[str, Any], Scenario], ...] = ()
    taken: str = ""

    @property
    def points(self) -> tuple[tuple[dict[str, Any], Scenario], ...]:
        """As ``swept``; without a sweep, itself alone."""
        return self.swept or (({}, self),)

    @property
    def axes(self) -> tuple[str, ...]:
        """What the axes of a sweep are called in tables."""
        return tuple(self.points[0][0])

    @property
    def methods(self) -> dict[str, Method]:
        """Of each label the method, or the first of its variants."""
        return {label: variants[0].method for label, variants in self.variants.items()}

    @property
    def every_method(self) -> tuple[tuple[str, str, Method], ...]:
        """Each label, what its method is called with one choice of what is tuned, and the method so."""
        return tuple(
            (label, ", ".join(filter(None, (label, variant.name))), variant.method)
            for label, variants in self.variants.items()
            for variant in variants
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the file claims will come out."""
        return read_claims(self.settings.about.claims, self.settings, "about.claims")

    @property
    def coupled(self) -> bool:
        """Whether how long a job takes depends on its own trajectory, so that only training gives a timeline."""
        return self.settings.cluster.compute_unit == "step"

    @property
    def simulation(self) -> dict[str, Any]:
        """What `simulate` takes besides a method and a cluster."""
        stop = self.settings.stop.model_dump(exclude_none=True)
        return stop | {"seed": self.settings.cluster.seed, "stale": self.settings.stale}

    def check_times(self) -> None:
        """Raises ScenarioError where only training tells how long a job takes."""
        if self.coupled:
            raise ScenarioError(
                f"{self.path}: cluster.compute_unit='step' makes a job as long as its trajectory, which only "
                "`asyncsim run` computes: give 'gradient'"
            )

    def simulate(self, label: str, method: Method | None = None, **options: Any) -> Timeline:
        """The timeline of a method. method: which of its variants; None: the first. Raises ScenarioError if coupled.

        options: further ones of `simulate`.
        """
        self.check_times()
        with told_of_own(self.settings.own, f"{self.path}: methods.{label}"):
            return simulate(method or self.methods[label], self.cluster, **self.simulation, **options)

    def problem(self) -> Problem:
        """What is optimised. Imports JAX; raises ScenarioError."""
        try:
            with told_of_own(self.settings.own, "problem"):
                return told("problem", self.settings.problem, self.settings.problem_for, self.cluster.workers)
        except ScenarioError as error:
            raise ScenarioError(f"{self.path}: {error}") from error.__cause__


def load(
    path: Path | str,
    preset: str | None = None,
    changes: Mapping[str, Any] | None = None,
    own: Path | str | None = None,
    cluster_will_do: bool = False,
) -> Scenario:
    """Read and check a scenario, all but what only JAX knows. Raises ScenarioError with the first thing wrong.

    path: a file, or a name such as ``quickstart`` (see `shipped`).
    preset: one of `PRESETS` that the file has a table of; all that it has are checked, whichever is asked for.
    changes: other values for dotted keys, such as ``{"cluster.communication": 2.0}``, whatever the preset has.
    own: a Python file, which is run, with methods and environments that the scenario may name (see `own`).
    cluster_will_do: the file may have no more than its table [cluster], for nothing is trained (see `bare`).
    """
    path = scenario_file(path)
    given = {} if own is None else {"own": own_code(own)}
    try:
        data = read_toml(path)
        check_values({**(changes or {})})
        data = given | data  # a file that has this key is told that it may not
        read = _completed if cluster_will_do else _scenario
        scenarios: dict[str | None, Scenario] = {None: read(path, changed(data, {}, changes))}
        known = [name for name in sweeps.PRESETS if name in data]
        for name in known:
            if isinstance(data[name], dict) and (inner := {*sweeps.PRESETS} & {*data[name]}):
                raise ScenarioError(f"{name}.{min(inner)} is a preset in a preset: give its keys in [{name}]")
            here = _told_at(f"with [{name}]", changed, data, data[name], changes)
            scenarios[name] = _told_at(f"with [{name}]", read, path, here, name)
        if preset not in scenarios:
            what = nearest(str(preset), known) if known else "give a table [quick] with what is to be different"
            raise ScenarioError(f"preset={preset!r} is not in this file: {what}")
        return scenarios[preset]
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such file: give a scenario file; `asyncsim list` shows some") from None
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}: give a scenario file that can be read") from None
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error.__cause__


def restore(written: Mapping[str, Any], path: Path, folder: Path, own: Own | None = None) -> Scenario:
    """The scenario that was written with its results, as data from JSON. Raises ScenarioError.

    path: of what it was written in, for messages. folder: where its recordings are. own: what it was run with.
    """
    try:
        return _restored(written, path, folder, own)
    except (TypeError, AttributeError, KeyError, RecursionError):  # JSON of any other shape
        raise ScenarioError(f"{path} is damaged: run it again, with --force") from None


def _restored(written: Mapping[str, Any], path: Path, folder: Path, own: Own | None) -> Scenario:
    check_same(path, written.get("own"), own)
    given = {} if own is None else {"own": own}
    data = _with_infinities(written) | given
    axes = data.pop("sweep", None) or {}
    digests = axes.pop(sweeps.DIGESTS, None) if sweeps.RECORDINGS & {*axes} else None
    try:
        check_values({key: value for key, value in data.items() if key != "own"})
        first = _point(path, data, None, folder)
        # Defaults of the first point need not be those of the others.
        data = _with_infinities(json.loads(first.settings.model_dump_json(exclude_defaults=True))) | given
        if digests and isinstance(data["cluster"]["compute"], dict):
            data["cluster"]["compute"].pop("sha256", None)  # of the first point
        found = _scenario(path, data | ({"sweep": axes} if axes else {}), folder=folder)
        if digests and (found.settings.sweep or {}).get(sweeps.DIGESTS) != digests:
            raise ScenarioError(f"{sweeps.DIGESTS} is not of the recordings in {folder}: give the files as they were")
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None
    return found


def _with_infinities(data: Any, key: str = "") -> Any:
    """Data from JSON, which has words for infinities."""
    if isinstance(data, Mapping):
        return {key: _with_infinities(value, key) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_infinities(value, key) for value in data]
    is_text = key.rpartition(".")[2] in ("title", "recording", "results")
    return float(data) if data in ("Infinity", "-Infinity") and not is_text else data


def _scenario(path: Path, data: dict[str, Any], preset: str | None = None, folder: Path | None = None) -> Scenario:
    """All points of a file's data. folder: of recordings; None: the file's."""
    folder = path.parent if folder is None else folder
    axes, points = sweeps.points(data)
    if not axes:
        return _point(path, data, preset, folder)
    swept = []
    for values, here in points:
        where = ", ".join(f"{axis}={f'{value}'[:100]}" for axis, value in values.items())
        swept.append((values, _told_at(f"at {where}", _point, path, here, preset, folder)))
    first = swept[0][1]
    digests = dict.fromkeys(getattr(point.settings.cluster.compute, "sha256", None) for _, point in swept)
    if len(digests) > 1:  # recordings are swept: the first point's settings have one digest at most
        axes = axes | {sweeps.DIGESTS: [digest for digest in digests if digest]}
    return replace(first, settings=first.settings.model_copy(update={"sweep": axes}), swept=tuple(swept))


def _completed(path: Path, data: dict[str, Any], preset: str | None = None) -> Scenario:
    """As `_scenario`, where the file may have no more than a cluster."""
    whole, taken = completed(data, path.parent)
    return replace(_scenario(path, whole, preset), taken=taken)


def _told_at(where: str, function, *args):
    try:
        return function(*args)
    except ScenarioError as error:
        raise ScenarioError(f"{where}: {error}") from error.__cause__


def _point(path: Path, data: dict[str, Any], preset: str | None, folder: Path) -> Scenario:
    settings = validated(Settings, data)
    if isinstance(settings.problem, PolicyGradientTable):
        settings = settings.model_copy(update={"problem": settings.problem.started(folder)})
    if settings.tuned_for == "time" and None in (settings.tuning_seeds, settings.target_return):
        raise ScenarioError("tuned_for='time' needs tuning_seeds and a target_return: give both, or leave it out")
    common = [seed for seed in settings.tuning_seeds or () if seed in settings.seeds]
    if common:
        raise ScenarioError(
            f"tuning_seeds={reprlib.repr([*settings.tuning_seeds])} has {reprlib.repr(common)[1:-1]} of seeds, "
            "too, and step sizes are not to be tuned on the seeds that are reported: give others"
        )

    def parameters(workers: int, otherwise: str) -> int:
        table = settings.problem
        if not isinstance(table, PolicyGradientTable):
            raise ScenarioError(
                "cluster.communication depends on the number of the policy's parameters, "
                f"and problem.kind={table.kind!r} has no policy: {otherwise}"
            )
        with told_of_own(settings.own, "problem"):
            problem: Any = told("problem", table, settings.problem_for, workers)
            return problem.policy_network.size

    cluster_table, cluster = told("cluster", settings.cluster, settings.cluster.build, folder, parameters)
    variants, grids, tables = {}, {}, {}
    for label, given in settings.methods.items():
        tables[label], grids[label], variants[label] = _method(settings, cluster, label, given)
    settings = settings.model_copy(update={"cluster": cluster_table, "methods": tables})
    _check_coupled(settings)
    for label, some in variants.items():
        for variant in some:
            with told_of_own(settings.own, f"methods.{label}"):
                check_stop(settings, label, variant.method, cluster)
    read_claims(settings.about.claims, settings, "about.claims")
    return Scenario(path, preset, settings, cluster, variants, grids)


def _method(
    settings: Settings, cluster: Cluster, label: str, given: dict[str, Any]
) -> tuple[MethodTable, tuple[float, ...], tuple[Variant, ...]]:
    """A method's table, its grid of step sizes, and its variants."""
    where = f"methods.{label}"
    function = method_named(label, given, settings.own)
    named = {"method": function.__name__} | given
    tune = named["tune"] if isinstance(named.get("tune"), dict) else {}
    model = method_table(function, cluster.workers)
    _check_tuned(f"{where}.tune", where, tune, named, model)
    table = validated(method_table(function, cluster.workers, tune), named, where)
    grid, variants = _grid(settings, where, table), []
    if table.tune is not None and settings.tuning_seeds is None:
        raise ScenarioError(f"{where}.tune needs seeds that are not reported: give tuning_seeds")
    count = math.prod(map(len, (table.tune or {}).values()))
    if count > sweeps.MOST_POINTS:
        raise ScenarioError(f"{where}.tune has {count} settings: give at most {sweeps.MOST_POINTS}, with fewer values")
    for values in product(*(table.tune or {}).values()):
        chosen = dict(zip(table.tune or {}, values))
        try:
            whole = validated(model, {key: value for key, value in named.items() if key != "tune"} | chosen, where)
            arguments = whole.model_dump(exclude={*MethodTable.model_fields})
            with told_of_own(settings.own, where):
                method = told(where, whole, function, step_size=grid[0], **arguments)
                check_made(where, method)
                told(where, whole, method.rule.empty, cluster.workers)  # as many workers as it needs
        except ScenarioError as error:
            key = next((key for key in chosen if re.match(rf"{re.escape(where)}\.{key}\b", f"{error}")), None)
            if key is None:
                raise
            raise ScenarioError(f"{where}.tune{f'{error}'.removeprefix(where)}") from error.__cause__
        variants.append(Variant(chosen, replace(method, name=label)))
    return table, grid, tuple(variants)


def _check_coupled(settings: Settings) -> None:
    """Where trajectories decide how long jobs take, seeds have timelines of their own, which cannot go on later."""
    if settings.cluster.compute_unit == "step":
        if settings.stop.until is None:
            raise ScenarioError(
                "stop.until is missing: with cluster.compute_unit='step', only it ends all seeds at once"
            )
        if settings.tuning == "halving":
            raise ScenarioError("tuning='halving' needs cluster.compute_unit='gradient': give 'grid'")


def _check_tuned(where: str, above: str, tune: Mapping[str, Any], named: Mapping[str, Any], model: type[Table]) -> None:
    """Raises ScenarioError unless what is tuned are parameters of the method, which are not given as well."""
    known = [name for name in model.model_fields if name not in MethodTable.model_fields]
    for key, values in tune.items():
        given = f"{where}.{key}={reprlib.repr(values)}"
        if key in ("step_size", "step_sizes"):
            raise ScenarioError(f"{given} is tuned anyway: give {above}.step_sizes")
        if key not in known:
            raise ScenarioError(f"{given} is no parameter of {model.__name__}: {nearest(key, known)}")
        if key in named:
            raise ScenarioError(f"{given} and {above}.{key}={reprlib.repr(named[key])}: give one of them")


def _grid(settings: Settings, where: str, table: MethodTable) -> tuple[float, ...]:
    grid = table.step_sizes or settings.step_sizes
    if grid is None:
        raise ScenarioError(f"step_sizes is missing: give a list of numbers, or {where}.step_sizes")
    for step_size in grid:
        told(f"{where}.step_sizes" if table.step_sizes else "step_sizes", Table, check_step_size, step_size)
    return grid
