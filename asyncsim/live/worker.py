"""A worker of real training: a process that computes gradients at its own pace, and stops when it is told to."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from threading import Condition, Lock
from time import monotonic
from typing import Any, NamedTuple

import jax
import numpy as np

from ..learning.coupled import sampled_job

UNBEGUN = "unbegun"  # the answer of a process that was started again, and knows no problem yet


class Done(NamedTuple):
    """A job that a worker has finished. gradient: None where the worker keeps it, until the round ends."""

    gradient: np.ndarray | None
    returns: float
    steps: int
    seconds: float  # since the job came to the worker


class Worker:
    """One worker. Its methods are called from several threads: a job can be cancelled while it is at work."""

    def __init__(self, number: int):
        self._number = number
        self._news, self._turn = Condition(), Lock()  # one job at a time
        self._cancelled = -1  # jobs up to this one
        self._begun = False
        self._kept: dict[tuple[int, int], tuple[int, np.ndarray]] = {}  # jobs and gradients, by version and index

    def ready(self, content: bytes, options: Mapping[str, Any], query: np.ndarray, seed: int) -> int:
        """Have the program compiled, before time counts; return the number of the process.

        content: the pickled problem, and what its jobs measure where it is not the gradient (see `base.measure`).
        """
        for name, value in options.items():
            jax.config.update(name, value)
        with self._turn:
            self._problem, self._measures = pickle.loads(content)
            self._kept = {}
            self._gradient(query, seed, 0, 0)
            self._begun = True
        return os.getpid()

    def work(
        self, query: np.ndarray, seed: int, version: int, index: int, job: int, wait: float, keep: bool
    ) -> Done | str | None:
        """Wait for some seconds, which makes the worker slow, and compute a gradient; None if it was cancelled.

        job: counts those of the worker. It is cancelled while it waits, and before and after it computes, which is one
        compiled call. keep: do not send the gradient, but keep it for `reduce`.
        """
        begun = monotonic()
        with self._turn:
            with self._news:
                if self._news.wait_for(lambda: self._cancelled >= job, timeout=wait):
                    return None
            if not self._begun:
                return UNBEGUN
            gradient, returns, steps = self._gradient(query, seed, version, index)
        with self._news:
            if self._cancelled >= job:
                return None
            if keep:
                self._kept[version, index] = job, gradient
        return Done(None if keep else gradient, returns, steps, monotonic() - begun)

    def cancel(self, job: int) -> None:
        """Stop at this job, and at those before it."""
        with self._news:
            self._cancelled = max(self._cancelled, job)
            self._news.notify_all()

    def reduce(
        self, jobs: Sequence[tuple[int, int]], weights: Sequence[float], held: Sequence[tuple[int, int]], upto: int
    ) -> np.ndarray | str:
        """The weighted sum of kept gradients, shape (d,). held: of the jobs up to ``upto``, which are still wanted."""
        if not self._begun:
            return UNBEGUN
        with self._news:
            total = weighted_sum([self._kept[key][1] for key in jobs], weights)
            self._kept = {key: kept for key, kept in self._kept.items() if key in held or kept[0] > upto}
        return total

    def _gradient(self, query: np.ndarray, seed: int, version: int, index: int) -> tuple[np.ndarray, float, int]:
        found = sampled_job(self._problem, self._measures, query, np.uint32(seed), version, self._number, index)
        return np.asarray(found[0]), float(found[1]), int(found[2])


def weighted_sum(gradients: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """In the gradients' own precision."""
    return sum(gradient.dtype.type(weight) * gradient for gradient, weight in zip(gradients, weights))  # type: ignore[return-value]
