"""How much memory a run takes, estimated before anything of it is there: the only place that says what is too much."""

from __future__ import annotations

import math
import os
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..base import Rule, parks_after
from ..cluster import Cluster, ComputeTime
from ..rules import Periodic, Ringleader
from ..theory.rules import ARRIVALS, ROUNDS

BYTES = 300  # at most while a timeline is made, of each of its jobs (measured)
OF_A_WORKER = 3000  # bytes, while a rule is run on a cluster of such (measured)
SMALL = 2**26  # bytes that are not worth asking for


def check_size(key: str, value: float, size: float, power: float = 1.0, what: str = "", update: float = 0.0) -> None:
    """Raises ValueError, which names the key to lower, where so many bytes would not fit in the free memory.

    power: of the value, with which the bytes grow. what: takes them, where it is not what the key says itself.
    update: bytes of one, where a lower key leaves as much.
    """
    if size <= SMALL or size <= (free := free_memory()):
        return
    give = value * (free / size) ** (1 / power)
    most = f"{give:.1e}" if isinstance(value, float) else f"{_two_digits(give)}"
    line = f"{key}={value!r} {what or 'takes'} {_size(size)}, and {_size(free)} of memory are free"
    if update > free:
        raise ValueError(
            f"{line}; one update alone takes {_size(update)}: give fewer gradients for it, or less unequal workers"
        )
    raise ValueError(f"{line}: give at most some {most}")


def check_update(rule: Rule, cluster: Cluster, until: float | None) -> None:
    """Raises ValueError, which names the rule's number, where one update's jobs would not fit in the free memory.

    until: the second at which the run ends, which may be too early for an update.
    """
    own: Any = fields(rule) if is_dataclass(rule) else ()
    given = {field.name: getattr(rule, field.name) for field in own}
    numbers = {key: value for key, value in given.items() if isinstance(value, int | float)}
    jobs = jobs_of_an_update(rule, cluster, until)
    if numbers:
        key, update = max(numbers, key=lambda key: numbers[key]), 0.0
        if type(rule) in ROUNDS and ROUNDS[type(rule)].weighs_workers:  # it may be the slowest worker who makes them
            update = BYTES * _of_an_update(replace(rule, **{key: 1}), cluster, False)[0]  # type: ignore[type-var]
        what = f"makes an update of some {jobs:.0e} jobs, whose record takes"
        check_size(key, numbers[key], BYTES * jobs, what=what, update=update)


def jobs_of_an_update(rule: Rule, cluster: Cluster, until: float | None) -> float:
    """How many its largest update uses, as far as that is known; no more than there are until this second."""
    jobs = max(_of_an_update(rule, cluster, first)[0] for first in (True, False))
    if until is not None and jobs > 1000:  # else it is not worth the theory
        return min(jobs, _jobs(rule, cluster, "until", until))
    return jobs


def check_memory(rule: Rule, cluster: Cluster, updates: int | None, until: float | None, gradients: int | None) -> None:
    """Raises ValueError, which names the stop condition, where the run's jobs would not fit in the free memory.

    Jobs are counted as they are expected to be: rounds are those of the mean times, outages and speeds are left out,
    and of rules that theory does not know one job an update. What ends a run first counts.
    """
    stops = {"updates": updates, "gradients": gradients, "until": until}
    given = {key: value for key, value in stops.items() if value is not None}
    jobs: dict[str, float] = {}
    for key, value in given.items():  # until comes last, for it takes theory
        jobs[key] = _jobs(rule, cluster, key, value)
        if BYTES * jobs[key] <= SMALL:
            return
    if not jobs:  # seconds tell nothing where trajectories decide how long jobs take
        return
    key = min(jobs, key=lambda key: jobs[key])
    update = 0.0 if key == "until" else BYTES * sum(_of_an_update(rule, cluster, False))
    what = f"makes some {jobs[key]:.0e} jobs, whose record takes"
    check_size(key, given[key], BYTES * jobs[key], what=what, update=update)


def free_memory() -> float:
    """Bytes that this process may still take; infinite where the system does not tell."""
    found = [math.inf]
    found += [1024.0 * int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemAvailable:")]
    limits = [next(iter(_lines(f"/sys/fs/cgroup/memory.{name}")), "") for name in ("max", "current")]
    if all(limit.isdecimal() for limit in limits):  # a container's
        found.append(float(limits[0]) - float(limits[1]))
    if found == [math.inf] and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        found.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    return max(min(found), 0.0)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _jobs(rule: Rule, cluster: Cluster, key: str, value: float) -> float:
    """How many jobs a run has, finished or not, that this condition ends."""
    used, others = _of_an_update(rule, cluster, False)
    if key == "updates":
        return value * (used + others)
    if key == "gradients":
        return max(value, used) * (1 + others / used)
    h = np.array([_typical(time) for time in cluster.compute])
    sending = 0.0 if rule.communication == "round" else np.array(cluster.gradient_communication)
    at_most = float(np.sum(value / (h + sending) + 1))  # of workers that never wait
    if rule.communication == "gradient":
        return at_most
    if type(rule) not in ROUNDS:  # nothing is known of its rounds but that workers compute in them
        return cluster.workers * (value / (float(h.max()) + cluster.round_communication) + 1)
    rounds = value / (ROUNDS[type(rule)].seconds(rule, h, False) + cluster.round_communication)
    return rounds * (used + others) + min(used + others, at_most)  # the last one is not full


def _of_an_update(rule: Rule, cluster: Cluster, first: bool) -> tuple[float, float]:
    """How many jobs it uses, and how many may be cancelled for it. first: of the run."""
    workers = cluster.workers
    if type(rule) in ROUNDS and rule.communication == "round":
        formulas = ROUNDS[type(rule)]
        size: float = formulas.size(rule, workers, first)
        h = np.array([_typical(time) for time in cluster.compute]) if formulas.weighs_workers else np.array(math.inf)
        if np.isfinite(h).all():  # Malenia's, in which workers go on until the slowest has finished
            size = max(size, float(np.sum(np.maximum(formulas.seconds(rule, h, first) // h, 1))))
        return size, max(workers - size, 0) if parks_after(rule) < math.inf else workers
    if isinstance(rule, Periodic):
        return max(1.0, sum(rule.seconds // _typical(time) for time in cluster.compute)), workers
    if isinstance(rule, Ringleader):  # its table, in which workers go on until the slowest has finished
        times = np.array([_typical(time) for time in cluster.compute])
        return workers + float(np.sum(times[times < math.inf].max(initial=0) / times)), 0
    return (ARRIVALS[type(rule)](rule) if type(rule) in ARRIVALS else 1), 0


def _typical(time: float | ComputeTime) -> float:
    """The mean, or the median where there is no finite mean."""
    if isinstance(time, float):
        return time
    return time.mean if time.mean < math.inf else time.quantile(0.5)


def _two_digits(value: float) -> int:
    return int(float(f"{value:.1e}")) if value >= 1 else 1


def _size(size: float) -> str:
    """Bytes in words."""
    power = min(int(math.log(max(size, 1), 1024)), 5)
    return f"{size / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')[power]}"
