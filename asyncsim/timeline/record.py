"""What happened: every job and every update in simulated time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from ..cluster import Cluster

OUTCOMES = ("used", "cancelled", "discarded", "running")
USED, CANCELLED, DISCARDED, RUNNING = range(4)


class Batches(NamedTuple):
    """All uses of jobs, sorted by (update, version, worker, index); update u has ``offsets[u]:offsets[u + 1]``."""

    offsets: np.ndarray  # (updates + 1,)
    version: np.ndarray  # (uses,)
    worker: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # instead of the method of tuples
    weight: np.ndarray
    again: np.ndarray  # bool: an update before had used it, too


@dataclass(frozen=True, eq=False)
class Timeline:
    """The record of a run, in the order in which jobs ended. Times are simulated seconds, float64.

    jobs: one row per job: ``job, worker, version, index, start, finish, update, weight, delay, outcome``.
        version: updates applied when the job was asked for (v); index: which job of that worker at that version;
        update: the update that used it, -1 if none; delay: updates applied in between (δ), -1 if unused;
        outcome: ``used``; ``cancelled`` (``finish`` is when); ``discarded`` (finished, and no update used it);
        ``running`` at the end of the run (``finish`` is NaN).
    updates: one row per update: ``update, time, gradients, communications``: when it was applied, how many gradients it
        was the first to use, how many communications there were since the update before (gradients of no use count as
        well).
    communication: of the rule: ``"round"``, one collective per update, or ``"gradient"``, every job pays its own way.
    coupled: how long a job took depends on its own trajectory; ``cluster.compute`` is ḣ_i.
    end: when the run stopped. ending: why, ``"updates"``, ``"gradients"``, ``"until"``, or ``"stalled"``.
    computed: when each job's gradient was computed, shape (jobs,); then it communicated until ``finish``. NaN where it
        was not by the end.
    collected: when the gradients of each update were all there, shape (updates,); then a round's collective went on
        until ``ready``. One entry more where it still went on at the end, and others where the server was late.
    ready: when the server could begin with each update, shape (updates,); it is the update's ``time``, but for a server
        that takes time (`Cluster.update_seconds`): that began then, or with the update before if that was later, and
        what it had not made by the end follows.
    stretches: ``job, version, start`` of jobs that took a new point in the middle: from when on each was at which
        version. Its ``version`` is the last of them, where its gradient is taken; its delay counts from the first.
    reuses: ``update, job, weight`` where an update used a job that an earlier one had used (Ringleader's table).
    """

    method: str
    cluster: Cluster
    communication: Literal["round", "gradient"]
    stale: Literal["cancel", "finish"]
    seed: int
    coupled: bool
    end: float
    ending: str
    computed: np.ndarray
    collected: np.ndarray
    ready: np.ndarray
    stretches: pd.DataFrame
    reuses: pd.DataFrame
    jobs: pd.DataFrame
    updates: pd.DataFrame

    def __repr__(self) -> str:
        """What happened, in one line: all of it would be thousands."""
        jobs = ", ".join(f"{outcome} {count}" for outcome, count in self.counts().items())
        return (
            f"<Timeline of {self.method!r}: workers {self.cluster.workers}, updates {len(self.updates)}; "
            f"jobs: {jobs}; ended at {self.end:g} s ({self.ending})>"
        )

    @property
    def max_delay(self) -> int:
        """The largest δ of a used job; 0 where there is none."""
        return int(self.delays().max(initial=0))

    def uses(self) -> pd.DataFrame:
        """Every use of a gradient in an update, sorted: ``update, version, worker, index, weight, again``.

        again: whether an update before had used it, too.
        """
        keys = ["update", "version", "worker", "index"]
        uses = self.jobs.loc[self.jobs["update"] >= 0, [*keys, "weight"]].assign(again=False)
        if len(self.reuses):
            again = self.jobs[["version", "worker", "index"]].iloc[self.reuses["job"]]
            again = again.assign(update=self.reuses["update"].to_numpy(), weight=self.reuses["weight"].to_numpy())
            uses = pd.concat([uses, again[[*keys, "weight"]].assign(again=True)])
        return uses.sort_values(keys, kind="stable", ignore_index=True)

    def counts(self) -> dict[str, int]:
        """How many jobs were used, cancelled, discarded, and still running at the end."""
        return {outcome: int((self.jobs["outcome"] == outcome).sum()) for outcome in OUTCOMES}

    def batches(self) -> Batches:
        """What replay needs: which gradients make each update, in an order that does not depend on who came first."""
        uses = self.uses()
        sizes = np.bincount(uses["update"], minlength=len(self.updates))
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        columns = (uses[key].to_numpy() for key in ("version", "worker", "index", "weight", "again"))
        return Batches(offsets, *columns)

    def oldest(self) -> np.ndarray:
        """The version at which each job was started, shape (jobs,): its ``version``, if it took no other."""
        version = self.jobs["version"].to_numpy()
        if len(self.stretches):
            first = self.stretches.groupby("job")["version"].first()
            version = version.copy()
            version[first.index] = first.to_numpy()
        return version

    def delays(self) -> np.ndarray:
        """δ of every use of a gradient in an update, in the order of jobs and then of ``reuses``, shape (uses,)."""
        version = self.oldest()
        used = self.jobs["update"].to_numpy() >= 0
        again = self.reuses["update"].to_numpy(int) - version[self.reuses["job"].to_numpy(int)]
        return np.concatenate([self.jobs["update"].to_numpy()[used] - version[used], again])

    def verify(self) -> None:
        """Check what is true of every run. Raises ValueError that names the first thing that is not, and where."""
        from .verification import verify

        verify(self)
