"""Processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Processes:
    """So many processes on this machine, each of which trains one unit at a time. Raises ValueError."""

    jobs: int

    def __post_init__(self):
        if isinstance(self.jobs, bool) or not isinstance(self.jobs, int) or self.jobs < 1:
            raise ValueError(f"jobs={self.jobs!r} is no number of processes: give an integer >= 1")

    @contextmanager
    def ready(self) -> Iterator[ProcessPool]:
        """The processes are begun with the first units, and end with the context, whatever they are at."""
        pool = ProcessPool(self.jobs)
        try:
            yield pool
        finally:
            pool.close()


class ProcessPool:
    """Processes that are replaced where one of them is lost."""

    lost = (BrokenProcessPool,)

    def __init__(self, jobs: int):
        self._jobs, self._lock = jobs, Lock()
        self._executor = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._jobs, get_context("spawn"))  # JAX has threads, which a fork would not have

    def share(self, content: bytes) -> bytes:
        return content

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        with self._lock:
            try:
                return self._executor.submit(function, *arguments)
            except BrokenProcessPool:
                self._executor = self._new()
                return self._executor.submit(function, *arguments)

    def close(self) -> None:
        """End all processes."""
        processes = list((self._executor._processes or {}).values())
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
