"""Jobs that take a new point in the middle and go on: each then has a stretch of time at every one of its versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from .events import Run


class Switch(NamedTuple):
    """A job takes a new point."""

    worker: int
    start: float  # of the job
    version: int  # of the point
    time: float


def take_point(run: Run, now: float) -> None:
    """Whoever is computing goes on at the newest point."""
    version = run.clock.version
    for worker in run.workers:
        if not worker.busy or worker.version == version or worker.computed <= now:
            continue
        if worker.start < now:
            run.log.switches.append(Switch(worker.number, worker.start, version, now))
        else:  # it has only just begun: as if it had waited for the point
            run.cancel(worker, now)
            run.begin(worker, now)


def stretches(switches: Sequence[Switch], jobs: pd.DataFrame) -> pd.DataFrame:
    """``job, version, start`` of every stretch of interrupted jobs. jobs: with the versions that they began at."""
    columns = ["job", "version", "start"]
    if not switches:
        return pd.DataFrame({"job": np.zeros(0, int), "version": np.zeros(0, int), "start": np.zeros(0)})
    frame = pd.DataFrame(switches, columns=["worker", "start", "version", "time"])
    frame = frame.merge(jobs[["worker", "start", "job"]], on=["worker", "start"])
    first = jobs.loc[jobs["job"].isin(frame["job"]), columns]
    later = frame[["job", "version", "time"]].set_axis(columns, axis=1)
    return pd.concat([first, later]).sort_values(["job", "start"], kind="stable", ignore_index=True)


def at_last_points(jobs: pd.DataFrame, stretches: pd.DataFrame) -> pd.DataFrame:
    """The jobs with the versions that they end at, at which their gradients are, and counted at these."""
    last = stretches.groupby("job")["version"].last()
    version = jobs["version"].to_numpy().copy()
    version[last.index] = last.to_numpy()
    jobs = jobs.assign(version=version)
    return jobs.assign(index=jobs.groupby(["worker", "version"]).cumcount())
