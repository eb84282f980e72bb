"""What the server knows of learning: the update's state, and gradients that are there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..base import Method, Problem, adapted
from ..learning.coupled import sampled_job
from ..learning.history import evaluated_updates, lane_frame, measured
from ..learning.keys import initial_key
from ..learning.programs import evaluate
from ..timeline import Timeline
from .worker import weighted_sum

Key = tuple[int, int, int]  # worker, version and index of a job


class Learner:
    """One run's iterate, from θ_0 on. Points are kept where iterates are to be evaluated, which is done in the end."""

    def __init__(self, method: Method, problem: Problem, seed: int, step_size: float, evaluate_every: int):
        self.update, self.problem = adapted(problem, method.update), problem
        self.seed, self.step_size, self.every = np.uint32(seed), step_size, evaluate_every
        self.state = self.update.init(np.asarray(problem.init(initial_key(self.seed))))
        self.queries = {0: np.asarray(self.update.query(self.state))}  # by version; of those that are still in use
        self.measures = self.update if hasattr(self.update, "measure") else None
        self.gradients = 0  # used so far
        self.evaluated = {0: (self.state.point, self.state.direction)}  # by number of updates
        self.returns: list[tuple[float, int, int]] = []  # of each update: sums of returns and steps, and how many

    @property
    def version(self) -> int:
        """How many updates were applied."""
        return len(self.returns)

    def again(self, jobs: Sequence[Key], weights: Sequence[float]) -> np.ndarray:
        """The weighted sum of gradients that were lost with their worker: a job's key decides all that is random."""
        found = [
            sampled_job(self.problem, self.measures, self.queries[version], self.seed, version, worker, index)[0]
            for worker, version, index in jobs
        ]
        return weighted_sum([np.asarray(gradient) for gradient in found], weights)

    def apply(self, total: np.ndarray, oldest: int, stats: Sequence[tuple[float, int]]) -> None:
        """The next update. oldest: version of its jobs. stats: return and steps of those that were not used before."""
        step_size = total.dtype.type(self.step_size)
        self.state = self.update.apply(self.state, total, step_size, oldest, self.version - oldest)
        self.returns.append((sum(returns for returns, _ in stats), sum(steps for _, steps in stats), len(stats)))
        self.queries[self.version] = np.asarray(self.update.query(self.state))
        if (self.gradients + len(stats)) // self.every > self.gradients // self.every:
            self.evaluated[self.version] = self.state.point, self.state.direction
        self.gradients += len(stats)

    def forget(self, versions: set[int]) -> None:
        """Keep the queries of these versions only, and the newest."""
        self.queries = {v: query for v, query in self.queries.items() if v in versions or v == self.version}

    def history(self, name: str, timeline: Timeline) -> pd.DataFrame:
        """Rows as of `History.to_frame`, with real seconds."""
        at, rows, before = evaluated_updates(timeline, self.every), [], 0
        for update in at.tolist():
            returns, steps, jobs = np.sum(self.returns[before:update] or [(0.0, 0, 0)], axis=0)
            point, direction = self.evaluated[update]
            found, norm = evaluate(self.problem, point, direction, self.seed)
            rows.append(measured(returns / jobs if jobs else np.nan, steps, norm, found))
            before = update
        return lane_frame(name, timeline, at, int(self.seed), self.step_size, np.stack(rows))
