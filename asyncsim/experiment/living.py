"""A scenario's methods in real time, one after another on the same workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..base import nearest
from ..live import Fleet, Live, check_live, train_live
from ..scenario import Scenario, ScenarioError
from ..scenario.own import modules_of


def checked_for_live(scenario: Scenario, method: str | None = None) -> list[str]:
    """The labels of the methods that are to be trained. Raises ScenarioError where they cannot be in real time."""
    labels = list(scenario.methods)
    if scenario.axes:
        raise ScenarioError(f"{scenario.path}: sweep has several points: give a file without [sweep]")
    scenario.check_times()
    if method is not None and method not in labels:
        raise ScenarioError(f"{scenario.path}: method={method!r} is none of its methods: {nearest(method, labels)}")
    chosen = labels if method is None else [method]
    try:
        for label in chosen:
            check_live(scenario.methods[label], scenario.cluster)
    except ValueError as error:
        raise ScenarioError(f"{scenario.path}: {error}") from None
    return chosen


def train_scenario(
    scenario: Scenario,
    labels: Sequence[str],
    fleet: Fleet,
    *,
    scale: float,
    seed: int | None = None,
    step_size: float | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Live]:
    """What each of these methods did and learned (see `live.train_live`).

    seed, step_size: None: the first of the scenario's, and of the method's grid.
    """
    settings, found = scenario.settings, {}
    shared: Any = {
        "seed": settings.seeds[0] if seed is None else seed,
        "evaluate_every": settings.evaluate_every,
        "cluster_seed": settings.cluster.seed,
        "stale": settings.stale,
        "own": modules_of(settings.own),
        **settings.stop.model_dump(exclude_none=True),
    }
    problem = scenario.problem()
    for label in labels:
        first = scenario.step_sizes[label][0] if step_size is None else step_size
        tell = partial(_told, say, label)
        how: Any = {"step_size": first, "scale": scale, "fleet": fleet, "say": tell}
        found[label] = train_live(scenario.methods[label], scenario.cluster, problem, **shared, **how)
        timeline = found[label].timeline
        say(f"{label}: {len(timeline.updates)} updates in {timeline.end:.1f} s on {scenario.cluster.workers} workers")
    return found


def _told(say: Callable[[str], None], label: str, line: str) -> None:
    say(f"{label}: {line}")
