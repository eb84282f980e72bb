"""The protocol of an experiment: what is simulated and trained, on which seeds and with which settings.

A part of an experiment is a method at a point of a sweep. Each part is simulated, and its timeline is then replayed on
the problem; or, where trajectories decide how long jobs take, each seed is simulated while it is trained:

* Without tuning seeds, with every step size of the method's grid and every seed.
* With tuning seeds, with all settings on these first (see `tuning`), and then on the seeds with the tuned one only, so
  that a setting is not chosen by the curves that are reported.

Whatever the store has is not trained again: what another part, figure or run has computed, or this one before it was
killed.

With machines (see `machines`), parts are conducted side by side, and each has them train what the store does not have
before it looks there itself: what is found is the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from threading import Event
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..base import Method, Problem
from ..engine import jobs_of_an_update
from ..scenario import Scenario, ScenarioError
from ..scenario.own import modules_of, told_of_own
from ..timeline import Timeline
from .memory import check_points, check_trajectories
from .summaries import run_key
from .tuning import Setting, tune

if TYPE_CHECKING:
    from ..learning import History  # which imports JAX
    from ..learning.checkpoints import Shelf
    from ..machines import Pool, Turns


MANY = 500_000  # gradients in updates: for more it takes seconds to simulate them, and to put them in order


@dataclass(frozen=True)
class Progress:
    """How far a part is.

    method: its label. point: the value of each axis. phase: waits, simulates, schedules, tunes, trains or done.
        schedules: it is found out which gradients can be computed side by side, where they are more than `MANY`.
    done, total: updates that are replayed, and all; None where that is not known yet. While it simulates or schedules,
        total is about how many gradients that is for, where they are more than `MANY`.
    """

    method: str
    point: Mapping[str, Any]
    phase: str
    done: int = 0
    total: int | None = None


@dataclass
class Found:
    """What an experiment found.

    curves, and tuning, on the tuning seeds: rows as in `History.to_frame`, with a column per axis, and ``tuned`` where
    parameters are tuned beside the step size. timelines: of the methods as they were tuned; where trajectories decide
    how long jobs take, that of the first seed, if the curves are not of several step sizes.
    computed: how many gradients of each method were computed for it; the store had the others.
    """

    curves: list[pd.DataFrame] = field(default_factory=list)
    tuning: list[pd.DataFrame] = field(default_factory=list)
    timelines: dict[Any, Timeline] = field(default_factory=dict)
    computed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Part:
    """A method at a point of a sweep. values: of the axes there."""

    label: str
    values: Mapping[str, Any]
    point: Scenario
    problem: Problem


def conduct(
    scenario: Scenario, shelf: Shelf, progress: Callable[[Progress], None] | None = None, pool: Pool | None = None
) -> Found:
    """What the experiment of a scenario finds.

    shelf: a store of curves. progress: called whenever a part is further. pool: machines that train; None: this
        process does.
    """
    problems = [point.problem() for _, point in scenario.points]  # checks what only JAX knows, before it takes long
    parts = [
        Part(label, values, point, problem)
        for (values, point), problem in zip(scenario.points, problems)
        for label in point.variants
    ]
    for (_, point), problem in zip(scenario.points, problems):
        _check_own(point, problem)
    for part in parts:
        point = part.point
        until = None if point.coupled else point.settings.stop.until
        for variant in point.variants[part.label]:
            _told_of_memory(part, check_trajectories, part.problem, variant.method, point.cluster, until)
    shelf.check()

    def tell(part: Part, phase: str, done: int = 0, total: int | None = None) -> None:
        if progress is not None:
            progress(Progress(part.label, part.values, phase, done, total))

    for part in parts:
        tell(part, "waits")

    def one(part: Part, elsewhere: Callable[..., int] | None = None) -> Found:
        with told_of_own(part.point.settings.own, f"{part.point.path}: methods.{part.label}"):
            found = _conduct(part, shelf, partial(tell, part), elsewhere)
        tell(part, "done", 1, 1)
        return found

    return _together(map(one, parts) if pool is None else _side_by_side(one, parts, pool))


def _side_by_side(one: Callable[..., Found], parts: Sequence[Part], pool: Pool) -> list[Found]:
    """What each part finds, with machines that train."""
    from ..learning.lanes import on_all_cores
    from ..machines import Stopped, Turns

    turns = Turns()

    def conducted(part: Part, stop: Event) -> Found:
        elsewhere = None if part.point.coupled else partial(_trained_on, pool, part, stop, turns)
        with turns.lock, suppress(Stopped):  # for another part has failed, and that error is the one to be raised
            return one(part, elsewhere)
        return Found()

    return on_all_cores(conducted, parts)


def _together(founds: Iterable[Found]) -> Found:
    """What all parts found."""
    whole = Found()
    for found in founds:
        whole.curves += found.curves
        whole.tuning += found.tuning
        whole.timelines |= found.timelines
        whole.computed += found.computed
    return whole


def _check_own(point: Scenario, problem: Any) -> None:
    """Raises ScenarioError where JAX cannot trace code of one's own, before anything is simulated or trained."""
    if point.settings.own is None:
        return
    from ..learning.tracing import check_environment, check_update

    own = point.settings.own
    if getattr(point.settings.problem, "environment", None) in own.environments:
        with told_of_own(own, f"{point.path}: problem"):
            check_environment(problem)
    for label, _, method in point.every_method:
        with told_of_own(own, f"{point.path}: methods.{label}"):
            check_update(method.update, problem)


def _told_of_memory(part: Part, check: Callable[..., None], *values: Any) -> None:
    """Raises ScenarioError where a check of `memory` says that something is too much."""
    settings = part.point.settings
    lanes = len(settings.tuning_seeds or settings.seeds) * len(part.point.step_sizes[part.label])
    try:
        check(*values, lanes)
    except ValueError as error:
        raise ScenarioError(f"{part.point.path}: methods.{part.label}: {error}") from None


def _conduct(part: Part, shelf: Shelf, tell: Callable[..., None], elsewhere: Callable[..., int] | None) -> Found:
    """Simulate, tune and train a part. elsewhere: has the store get the curves that it lacks, as `_trained_on`."""
    found = Found()
    point, label = part.point, part.label
    tell("simulates", 0, _expected(point, label))
    settings, variants = point.settings, point.variants[label]
    timelines = {} if point.coupled else {one.name: point.simulate(label, one.method) for one in variants}
    for variant in variants if timelines else ():
        _told_of_memory(part, check_points, part.problem, timelines[variant.name])
    firsts: dict[tuple[str, float], Timeline] = {}  # where trajectories decide, that of a setting's first seed
    every = [Setting(variant, step_size) for variant in variants for step_size in point.step_sizes[label]]

    def train(some: Sequence[Setting], share: float, seeds: Sequence[int], phase: str) -> list[pd.DataFrame]:
        """The curves of each setting for a share of the time, one call for all step sizes of a variant."""
        curves = {}
        for name, group in groupby(some, key=lambda setting: setting.variant.name):
            same = list(group)
            method, step_sizes = same[0].variant.method, [setting.step_size for setting in same]
            if point.coupled:
                tell(phase)
                history, own = train_coupled(point, part.problem, method, seeds, step_sizes)
                firsts.update({(name, step_size): own[seeds[0], step_size] for step_size in step_sizes})
            else:
                lanes = seeds, step_sizes, share, shelf, _told(tell, phase, timelines[name])
                history = _replayed(part, method, timelines[name], *lanes, elsewhere)
            found.computed[part.label] += history.computed
            for step_size, rows in history.to_frame().groupby("step_size"):
                curves[name, step_size] = _labelled(rows, part, name)
        return [curves[setting.variant.name, setting.step_size] for setting in some]

    def end(setting: Setting) -> float:
        until: Any = settings.stop.until  # which coupled runs have
        return until if point.coupled else timelines[setting.variant.name].end

    if settings.tuning_seeds:
        try_out = partial(train, seeds=settings.tuning_seeds, phase="tunes")
        updates = min((len(timeline.updates) for timeline in timelines.values()), default=0)
        target = settings.target_return if settings.tuned_for == "time" else None
        best, tuning = tune(every, settings.tuning, try_out, end, updates, target)
        found.tuning.append(tuning)
        every = [best]
    found.curves += train(every, 1.0, settings.seeds, "trains")
    if not point.coupled:
        found.timelines[run_key(*part.values.values(), label)] = timelines[every[0].variant.name]
    elif len(every) == 1:
        found.timelines[run_key(*part.values.values(), label)] = firsts[every[0].variant.name, every[0].step_size]
    return found


def _expected(point: Scenario, label: str) -> int | None:
    """About how many gradients a method's updates use, where that is known and many."""
    rules, updates = [one.method.rule for one in point.variants[label]], point.settings.stop.updates or 0
    uses = sum(jobs_of_an_update(rule, point.cluster, None) for rule in rules) * updates
    return int(uses) if MANY < uses < math.inf else None


def _told(tell: Callable[..., None], phase: str, timeline: Timeline) -> Callable[[int, int], None]:
    """What `replay` is to call: of many gradients it is said that they are put in order, until an update is done."""
    uses = int((timeline.jobs["update"] >= 0).sum()) + len(timeline.reuses)
    begun: list[int] = []

    def told(done: int, total: int) -> None:
        if not begun:
            begun.append(done)
        schedules = uses > MANY and begun[0] == done < total
        tell(*(("schedules", 0, uses) if schedules else (phase, done, total)))

    return told


def _replayed(
    part: Part,
    method: Method,
    timeline: Timeline,
    seeds: Sequence[int],
    step_sizes: Sequence[float],
    share: float,
    shelf: Shelf,
    progress: Callable[[int, int], None],
    elsewhere: Callable[..., int] | None,
) -> History:
    """What was learned after a share of the timeline's time."""
    from ..learning import replay

    updates = int((timeline.updates["time"] <= share * timeline.end).sum())
    every = part.point.settings.evaluate_every
    lanes: Any = {"seeds": seeds, "step_sizes": step_sizes, "evaluate_every": every, "updates": updates}
    lanes |= {"progress": progress, "shelf": shelf}
    computed = 0 if elsewhere is None else elsewhere(timeline, method, lanes)
    history = replay(timeline, method, part.problem, **lanes)
    return replace(history, computed=history.computed + computed)


def _trained_on(
    pool: Pool, part: Part, stop: Event, turns: Turns, timeline: Timeline, method: Method, lanes: Mapping[str, Any]
) -> int:
    """Have machines train what the store does not have of these lanes; return how many gradients they computed."""
    from ..machines import train_on

    modules = modules_of(part.point.settings.own)
    return train_on(pool, timeline, method, part.problem, **lanes, stop=stop, turns=turns, own=modules)


def train_coupled(
    point: Scenario, problem: Problem, method: Method, seeds: Sequence[int], step_sizes: Sequence[float]
) -> tuple[History, dict[tuple[int, float], Timeline]]:
    """What is learned, and the timeline of each seed and step size, where trajectories decide how long jobs take.

    The store has no such curves: their gradients are used in an order that they decide themselves.
    """
    from ..learning import train

    lanes: Any = {"seeds": seeds, "step_sizes": step_sizes, "evaluate_every": point.settings.evaluate_every}
    return train(method, point.cluster, problem, **lanes, **point.simulation)


def _labelled(frame: pd.DataFrame, part: Part, variant: str) -> pd.DataFrame:
    """With a column per axis, and how the method is tuned where any is."""
    frame = frame.reset_index(drop=True)
    if any(some.parameters for variants in part.point.variants.values() for some in variants):
        frame.insert(1, "tuned", variant)
    return pd.concat([pd.DataFrame([part.values] * len(frame)), frame], axis=1)
