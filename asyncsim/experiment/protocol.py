"""The protocol of an experiment: what is simulated and trained, on which seeds and with which step sizes.

A part of an experiment is a method at a point of a sweep. Each part is simulated once, and its timeline is then
replayed on the problem:

* Without tuning seeds, with every step size of the method's grid and every seed.
* With tuning seeds, with the grid on these first, and then on the seeds with the tuned step size only, so that a step
  size is not chosen by the curves that are reported.

Parts that differ in nothing, for they do not depend on an axis of the sweep, are done once. Where a directory is given,
`results` keeps each part as soon as it is trained, and what a run that was killed had kept is not trained again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .. import results
from ..base import Problem
from ..scenario import Scenario
from ..timeline import Timeline
from .summaries import run_key, tuned


@dataclass(frozen=True)
class Progress:
    """How far a part is.

    method: its label. point: the value of each axis. phase: waits, simulates, tunes, trains, evaluates or done.
    done, total: updates that are replayed, and all; None where that is not known yet.
    """

    method: str
    point: Mapping[str, Any]
    phase: str
    done: int = 0
    total: int | None = None


@dataclass(frozen=True)
class Part:
    """A method at a point of a sweep. values: of the axes there."""

    label: str
    values: Mapping[str, Any]
    point: Scenario
    problem: Problem

    @property
    def key(self) -> Any:
        """Of its timeline, as in `run_key`."""
        return run_key(*self.values.values(), self.label)

    def depends_on(self) -> tuple[str, str]:
        """All that its timeline and its curves depend on."""
        settings = self.point.settings
        method: Any = settings.methods[self.label]
        return settings.model_dump_json(exclude={"methods"}), method.model_dump_json()


def conduct(
    scenario: Scenario, directory: Path | None = None, progress: Callable[[Progress], None] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame | None, dict[Any, Timeline]]:
    """The curves, those on the tuning seeds or None, and the timelines of all parts.

    Frames have a column per axis. directory: beside which parts are kept; None: nowhere. progress: called with a
    `Progress` whenever a part is further.
    """
    problems = [point.problem() for _, point in scenario.points]  # checks what only JAX knows, before it takes long
    parts = [
        Part(label, values, point, problem)
        for (values, point), problem in zip(scenario.points, problems)
        for label in point.methods
    ]

    def tell(part: Part, phase: str, done: int = 0, total: int | None = None) -> None:
        if progress is not None:
            progress(Progress(part.label, part.values, phase, done, total))

    for part in parts:
        tell(part, "waits")
    curves: list[pd.DataFrame] = []
    tuning: list[pd.DataFrame] = []
    timelines, finished = {}, {}
    for k, part in enumerate(parts):
        tell(part, "simulates")
        same = part.depends_on()
        if same not in finished:
            timeline = part.point.simulate(part.label)
            frames = results.kept_part(directory, scenario.settings, k) if directory is not None else None
            if frames is None:
                frames = _trained(part, timeline, partial(tell, part))
                if directory is not None:
                    results.keep_part(directory, scenario.settings, k, *frames)
            finished[same] = timeline, frames
        timelines[part.key], frames = finished[same]
        for collected, frame in zip((curves, tuning), frames):
            if frame is not None:
                collected.append(_labelled(frame, part))
        tell(part, "done", 1, 1)
    return _concatenated(curves), _concatenated(tuning), timelines


def _trained(
    part: Part, timeline: Timeline, tell: Callable[[str, int, int], None]
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The curves of a part, and those on the tuning seeds."""
    from ..learning import replay

    settings, method = part.point.settings, part.point.methods[part.label]

    def curves(seeds, step_sizes, phase):
        def progress(done, total):
            tell(phase if done < total else "evaluates", done, total)

        progress(0, len(timeline.updates))
        options = {"seeds": seeds, "step_sizes": step_sizes, "evaluations": settings.evaluations, "progress": progress}
        return replay(timeline, method, part.problem, **options).to_frame()

    grid = part.point.step_sizes[part.label]
    if not settings.tuning_seeds:
        return curves(settings.seeds, grid, "trains"), None
    tuning = curves(settings.tuning_seeds, grid, "tunes")
    return curves(settings.seeds, tuned(tuning)["step_size"].unique(), "trains"), tuning


def _concatenated(frames: list[pd.DataFrame]) -> pd.DataFrame | None:
    return pd.concat(frames, ignore_index=True) if frames else None


def _labelled(frame: pd.DataFrame, part: Part) -> pd.DataFrame:
    """With a column per axis, and the label of this part: it may have been trained as another of the same kind."""
    values = pd.DataFrame([part.values] * len(frame))
    return pd.concat([values, frame.assign(method=part.label)], axis=1)
