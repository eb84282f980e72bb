"""What is recorded while a rule runs on a cluster, and the frames of a timeline that come of it."""

from __future__ import annotations

from array import array
from itertools import repeat
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..timeline import CANCELLED, DISCARDED, OUTCOMES, RUNNING, USED


class Used(NamedTuple):
    """A gradient in an update, as a coupling sees it."""

    worker: int
    version: int
    index: int
    weight: float


class Log:
    """Columns with one row per job, in the order in which they ended. Who fills one may put arrays in their place."""

    def __init__(self):
        self.worker, self.version, self.index = array("q"), array("q"), array("q")
        self.start, self.computed, self.finish = array("d"), array("d"), array("d")
        self.cancelled, self.running = array("q"), array("q")  # rows
        self.rows = array("q")  # how many jobs had ended when an update was full
        self.time = array("d")  # of each round's update that was applied; others are applied when they are full
        self.used, self.sizes, self.weights = array("q"), array("q"), array("d")  # rows; how many an update; theirs

    def collect(self, rows, weights) -> None:
        """The job that ended last makes an update full, of these jobs, with one weight each or one for all."""
        self.rows.append(len(self.worker))
        self.used.extend(rows)
        self.sizes.append(len(rows))
        self.weights.extend(repeat(weights, len(rows)) if isinstance(weights, Real) else weights)

    def last(self) -> list[Used]:
        """The jobs of the last update."""
        size = self.sizes[-1]
        rows = zip(self.used[-size:], self.weights[-size:])
        return [Used(self.worker[row], self.version[row], self.index[row], weight) for row, weight in rows]

    def frames(self, trips: int, by_round: bool) -> dict[str, Any]:
        """The fields of a `Timeline`; an update that was still communicating at the end has not happened."""
        applied, jobs = len(self.time if by_round else self.rows), len(self.worker)
        sizes = np.asarray(self.sizes)[:applied]
        used, weights = np.asarray(self.used)[: sizes.sum()], np.asarray(self.weights)[: sizes.sum()]
        update = np.repeat(np.arange(applied), sizes)
        outcome = np.full(jobs, DISCARDED, np.int8)
        outcome[self.cancelled], outcome[self.running], outcome[used] = CANCELLED, RUNNING, USED
        update_of, weight_of = np.full(jobs, -1), np.zeros(jobs)
        update_of[used[::-1]], weight_of[used[::-1]] = update[::-1], weights[::-1]  # the first use is written last
        again = update_of[used] != update
        gradients = np.bincount(update[~again], minlength=applied)
        version, finish, rows = np.asarray(self.version), np.asarray(self.finish), np.asarray(self.rows)
        collected = finish[rows - 1]
        if by_round:
            time, communications = np.asarray(self.time), np.full(applied, trips)
        else:  # of what arrived between the updates
            arrived = rows - np.searchsorted(np.asarray(self.cancelled), rows)
            time, communications = collected, trips * np.diff(arrived, prepend=0)
        return {
            "jobs": pd.DataFrame(
                {
                    "job": np.arange(jobs),
                    "worker": np.asarray(self.worker),
                    "version": version,
                    "index": np.asarray(self.index),
                    "start": np.asarray(self.start),
                    "finish": finish,
                    "update": update_of,
                    "weight": weight_of,
                    "delay": np.where(update_of >= 0, update_of - version, -1),
                    "outcome": pd.Categorical.from_codes(outcome, categories=list(OUTCOMES)),
                },
                copy=False,
            ),
            "updates": pd.DataFrame(
                {
                    "update": np.arange(applied),
                    "time": time,
                    "gradients": gradients,
                    "communications": communications,
                }
            ),
            "reuses": pd.DataFrame({"update": update[again], "job": used[again], "weight": weights[again]}),
            "computed": finish if by_round else np.asarray(self.computed),
            "collected": collected,
        }
