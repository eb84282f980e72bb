"""A Ray cluster: one that is there, or one that is begun on this machine. All that is imported of Ray is here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings

from .units import MachinesError

INSTALL = "Ray is not installed: pip install 'asyncsim[ray]'"


def imported() -> Any:
    """Ray. Raises MachinesError where it is not installed."""
    try:
        import ray
    except ImportError:
        raise MachinesError(INSTALL) from None
    return ray


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Ray, connected; a connection that was there already stays. Raises MachinesError.

    address: as of `ray.init`; None: what RAY_ADDRESS says, or else a cluster that is begun on this machine, and ends
        with the context: not, as Ray has it, the one that was begun last on this machine, which may be somebody else's.
    """
    ray = imported()
    if ray.is_initialized():
        yield ray
        return
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    try:
        with catch_warnings(action="ignore", category=RuntimeWarning):  # JAX's about forks, which here run Ray at once
            ray.init(address=address or os.environ.get("RAY_ADDRESS") or "local", **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise MachinesError(f"address={address!r}: {' '.join(f'{error}'.split())}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


@dataclass(frozen=True)
class OnRay:
    """The machines of a Ray cluster. address: as of `ray.init`; None: RAY_ADDRESS, or this machine alone.

    Each unit takes one of its processors. asyncsim has to be installed on all machines, in the same versions.
    """

    address: str | None = None

    @contextmanager
    def ready(self) -> Iterator[RayPool]:
        """Raises MachinesError where Ray is not installed, or nothing answers at the address."""
        with connected(self.address) as ray:
            pool = RayPool(ray)
            try:
                yield pool
            finally:
                pool.close()


class RayPool:
    """Ray's tasks as futures."""

    def __init__(self, ray: Any):
        from ray import exceptions

        self._ray = ray
        self._running: dict[Future[Any], Any] = {}  # tasks
        self.lost = (
            exceptions.WorkerCrashedError,
            exceptions.NodeDiedError,
            exceptions.ObjectLostError,
            exceptions.OutOfMemoryError,
            exceptions.LocalRayletDiedError,
        )
        self._task = ray.remote(num_cpus=1, max_retries=0)(_call)

    def share(self, content: bytes) -> Any:
        return self._ray.put(content)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        task = self._task.remote(function, *arguments)
        future = task.future()
        self._running[future] = task
        future.add_done_callback(lambda done: self._running.pop(done, None))
        return future

    def close(self) -> None:
        """End what still runs."""
        for task in list(self._running.values()):
            self._ray.cancel(task, force=True)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
