"""What a cap on age buys: a scenario's methods simulated at all their caps, from a file or from a log of rollouts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..cluster import read_rollouts
from ..scenario import Scenario, ScenarioError, restore
from ..timeline.staleness import staleness

CAPS = (0, 1, 2, 3, 4, 6, 8)
NEARLY = 0.95  # of the most samples per second: what is as good
LITTLE = 0.01  # of the updates that are held up, and of the computing that is discarded: a cap that binds no more
UPDATES = 200


def of_log(
    path: Path,
    *,
    workers: int,
    update_seconds: float,
    batch_size: int | None = None,
    seconds_per_token: float | None = None,
    prompt_seconds: float | None = None,
    slot_speeds: Sequence[float] = (),
    caps: Sequence[int] = CAPS,
    updates: int = UPDATES,
) -> Scenario:
    """The scenario of a log of rollouts: synchronous batches, one step off, and streams at every cap.

    path: a CSV file, see `read_rollouts`. workers: rollouts side by side, n. batch_size: K; None: n.
    seconds_per_token, prompt_seconds: None: the line through the log's seconds.
    Raises ScenarioError where the log does not do.
    """
    try:
        found = read_rollouts(path)
        if seconds_per_token is None:
            seconds_per_token, fitted = found.fitted()
            prompt_seconds = fitted if prompt_seconds is None else prompt_seconds
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}: give a CSV file") from None
    except ValueError as error:
        raise ScenarioError(f"{error}" if f"{path}" in f"{error}" else f"{path}: {error}") from None
    size, rounds = batch_size or workers, {}
    stream: dict[str, Any] = {"batch_size": size, "tune": {"max_age": [*caps]}}
    if size % workers == 0:
        each = {"jobs_each": size // workers}
        rounds = {"synchronous_pg": each, "one_step_off_pg": each}
    data = {
        "title": f"What a cap on age buys, with {workers} rollouts side by side",
        "seeds": [0],
        "tuning_seeds": [1],
        "step_sizes": [1.0],
        "problem": {"kind": "quadratic"},  # these decide nothing without training
        "stop": {"updates": updates},
        "cluster": {
            "workers": workers,
            "update_seconds": update_seconds,
            "slot_speeds": [*slot_speeds],
            "compute": {
                "distribution": "rollout",
                "lengths": {"recording": path.name},
                "seconds_per_token": seconds_per_token,
                "prompt_seconds": prompt_seconds or 0.0,
            },
        },
        "methods": rounds | {"paced_pg": dict(stream), "streaming_pg": dict(stream)},
    }
    return restore(data, path, path.parent)


def measured(scenario: Scenario) -> pd.DataFrame:
    """A row for every point of the sweep, method and choice of what it tunes.

    Columns: the axes of the sweep; ``method``; ``cap``, the rule's cap on age, NaN where it has none; what
    `timeline.staleness` finds; ``speedup``, samples per second over those of the first row at the same point.
    """
    rows = []
    for values, point in scenario.points:
        for label, variants in point.variants.items():
            for variant in variants:
                found = staleness(point.simulate(label, variant.method))
                cap = getattr(variant.method.rule, "max_age", None)
                rows.append(values | {"method": label, "cap": math.nan if cap is None else float(cap)} | found)
    frame = pd.DataFrame(rows)
    rates = frame["samples_per_second"]
    first = frame.groupby([*scenario.axes])["samples_per_second"].transform("first") if scenario.axes else rates.iloc[0]
    return frame.assign(speedup=rates / first)


def sentences(frame: pd.DataFrame, axes: Sequence[str] = ()) -> list[str]:
    """What every method's caps come to, where it has two or more; each number is the run's.

    A cap is said to buy what the smallest one does that comes near the most samples per second (`NEARLY`), and to bind
    where it holds up updates or discards computing, more than `LITTLE`.
    """
    found, first = [], frame["method"].iloc[0]
    for names, rows in frame.groupby([*axes, "method"], sort=False):
        rows = rows.dropna(subset="cap").sort_values("cap", ignore_index=True)
        if len(rows) > 1:
            where = dict(zip((*axes, "method"), names))
            found.append(_sentence(where, rows, first))
    return found


def _sentence(where: Mapping[str, Any], rows: pd.DataFrame, first: str) -> str:
    best = rows["samples_per_second"].max()
    enough = rows[rows["samples_per_second"] >= NEARLY * best].iloc[0]
    name = ", ".join([where["method"], *(f"{axis} {value}" for axis, value in where.items() if axis != "method")])
    line = (
        f"{name}: a cap of {enough['cap']:g} buys {enough['speedup']:.2g} times the samples per second of {first}"
        f"{' at its first cap' * (first == name)}, discards {_percent(enough['wasted_share'])} of the computing"
    )
    if not math.isnan(enough["long_used"]):
        used, started = (_percent(enough[key]) for key in ("long_used", "long_asked"))
        line += f", has {used} long rollouts among the used ones and {started} among those that were started"
    binding = rows[(rows["bound_by_rule"] > LITTLE) | (rows["wasted_share"] > LITTLE)]
    if binding.empty:
        return f"{line}; no cap that was tried binds."
    last = binding.iloc[-1]
    if last["cap"] < rows["cap"].iloc[-1]:
        return f"{line}; beyond {last['cap']:g} nothing binds."
    held, lost = _percent(last["bound_by_rule"]), _percent(last["wasted_share"])
    return f"{line}; at {last['cap']:g}, the most tried, it holds up {held} of the updates and discards {lost}."


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
