"""A cluster made of a log."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..cluster import Cluster
from ..cluster.changes import copied
from ..logs import JobLog, LogError
from .checking import COLUMNS, checked
from .fits import FEWEST, HARDLY, Fit, drift, fit_all

SLOW = 2.0  # a worker whose median is more than so many times the fleet's is slow
POOR = 0.01  # a fit with a p as small is worth a word


@dataclass(frozen=True, eq=False)
class Calibration:
    """What came out of a log.

    held_out: the share of each worker's jobs, its last ones, that nothing was fitted to. fits: one per worker with
    enough jobs, in the order of `JobLog.workers`. copies: of each worker of the cluster, whose fit it has. check: as
    `checked` gives it, without rows where nothing was held out. too_few: the names of workers that were left out.
    unchecked: of those that were fitted to all their jobs, since none was held out.
    """

    log: JobLog
    held_out: float
    fits: tuple[Fit, ...]
    copies: tuple[int, ...]
    check: pd.DataFrame
    too_few: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def cluster(self) -> Cluster:
        """Communication costs nothing in it: a log of jobs does not tell it."""
        return Cluster([self.fits[k].time for k in self.copies])

    @property
    def median(self) -> float:
        """Seconds: the fleet's, the median of the workers' medians."""
        return float(np.median([each.median for each in self.fits]))

    @property
    def slow_workers(self) -> list[tuple[str, float]]:
        """Workers whose median is more than `SLOW` times the fleet's, with how many times."""
        found = [(each.worker, each.median / self.median) for each in self.fits]
        return [(worker, times) for worker, times in found if times > SLOW]

    @property
    def drifting(self) -> list[tuple[str, float]]:
        """Workers whose jobs became longer or shorter, with by how much over the whole log."""
        return [(each.worker, each.drift) for each in self.fits if each.drift]

    @property
    def poor(self) -> list[tuple[str, float]]:
        """Workers that no family fits, with the distance of the best."""
        return [(each.worker, each.distance) for each in self.fits if each.p <= POOR]

    @property
    def missed(self) -> list[str]:
        """What of the check was observed outside of the predicted 95 %, by name.

        Not what is predicted within `HARDLY`, as closely as times are that count as fixed.
        """
        outside = (self.check["observed"] < self.check["low"]) | (self.check["observed"] > self.check["high"])
        return self.check["what"][outside & (self.check["error"].abs() > HARDLY)].tolist()


def calibrate(log: JobLog, held_out: float = 1 / 3, workers: int | None = None, seed: int = 0) -> Calibration:
    """Fit every worker of a log, and check the fits on what was held out.

    held_out: share of each worker's jobs, the last ones by start, or in the log's order; 0: all are fitted, nothing is
    checked. workers: of the cluster; None: those of the log. More of them, or fewer, have the same kinds in the same
    proportions, a kind being one worker's fit (see `copied`). seed: of all that is simulated.

    Raises LogError where no worker has `FEWEST` jobs to be fitted to.
    """
    if not 0 <= held_out <= 0.9:
        raise LogError(f"held_out={held_out!r} is no share: give a number from 0 to 0.9")
    if workers is not None and workers < 1:
        raise LogError(f"workers={workers!r} is no number of workers: give an integer >= 1")
    parts = [(jobs, len(jobs.seconds) - int(held_out * len(jobs.seconds))) for jobs in log.workers]
    enough = [(jobs, kept) for jobs, kept in parts if kept >= FEWEST]
    if not enough:
        raise LogError(_none_has_enough(max(len(jobs.seconds) for jobs in log.workers), held_out))
    fits = [
        replace(each, drift=drift(jobs, len(enough)))
        for each, (jobs, _) in zip(fit_all([(jobs.name, jobs.seconds[:kept]) for jobs, kept in enough], seed), enough)
    ]
    rest = [(each, jobs.seconds[kept:]) for each, (jobs, kept) in zip(fits, enough) if kept < len(jobs.seconds)]
    check = pd.DataFrame(columns=list(COLUMNS))
    if rest:
        check = checked([each.refits or (each.time,) for each, _ in rest], [seconds for _, seconds in rest], seed)
    copies = copied([each.median for each in fits], workers or len(fits))
    too_few = tuple(jobs.name for jobs, kept in parts if kept < FEWEST)
    unchecked = tuple(jobs.name for jobs, kept in enough if kept == len(jobs.seconds))
    return Calibration(log, held_out, tuple(fits), copies, check, too_few, unchecked)


def _none_has_enough(most: int, held_out: float) -> str:
    """What to do where the most jobs that a worker has are so many."""
    held = int(held_out * most)
    told = f"no worker has {FEWEST} jobs to be fitted to: the most are {most}"
    if most < FEWEST:
        return f"{told}: give a longer log"
    return f"{told}, of which {held} {'is' if held == 1 else 'are'} held out: give --held-out 0, or a longer log"
