"""The workers as Ray's actors, and what they say as events in one queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Timer
from typing import Any, NamedTuple

from ..machines import MachinesError
from ..machines.on_ray import connected
from .worker import UNBEGUN, Worker

THREADS = 8  # of a worker's process: one works; others are told to stop, sum, or wait for their turn
AGAIN = 0.2  # seconds until a worker that has died is asked again whether it is back
REPLIES, LOST, BACK = "replies", "lost", "back"


class Event(NamedTuple):
    """Something that a worker said, or what became of it. what: `REPLIES`, `LOST` or `BACK`."""

    what: str
    worker: int
    life: int  # in which it was asked
    answers: Callable[[Any], None] | None = None  # what to call with the reply; where it is lost, with None
    reply: Any = None


class Fleet:
    """n workers, each in a process of its own, which Ray starts again where it dies. It serves one run at a time."""

    def __init__(self, ray: Any, workers: int):
        self._ray, self._events = ray, SimpleQueue[Event]()
        self._kind = ray.remote(num_cpus=0, max_restarts=-1, max_concurrency=THREADS)(Worker)
        self._actors = [self._kind.remote(worker) for worker in range(workers)]
        self._dead: set[int] = set()  # for good
        self.jobs = 0  # numbers of jobs that earlier runs have used

    @property
    def workers(self) -> int:
        """n."""
        return len(self._actors)

    def begin(self, content: bytes, options: Mapping[str, Any], query: Any, seed: int) -> list[int]:
        """Wait until all are there, and can compute (see `Worker.ready`); return the numbers of their processes.

        Nothing that was asked before has an answer any more. Raises MachinesError where one cannot be started.
        """
        for worker in self._dead:
            self._actors[worker] = self._kind.remote(worker)
        self._dead, self._events, self._beginning = set(), SimpleQueue(), (content, options, query, seed)
        ready = [actor.ready.options(max_task_retries=-1).remote(*self._beginning) for actor in self._actors]
        try:
            return self._ray.get(ready)
        except self._ray.exceptions.RayActorError as error:
            raise MachinesError(f"a worker could not be started: {' '.join(f'{error}'.split())}") from error

    def put(self, value: Any) -> Any:
        """What to give to workers in place of a large value."""
        return self._ray.put(value)

    def ask(self, worker: int, life: int, method: str, *arguments: Any, answers: Callable[[Any], None]) -> None:
        """Call a worker's method; an event has its reply, and what to call with it. life: how often it has died."""
        events, died = self._events, self._ray.exceptions.RayActorError

        def done(future: Any) -> None:
            error = future.exception()
            reply = error or future.result()  # another error is a bug in what was called
            if isinstance(error, died) or isinstance(reply, str) and reply == UNBEGUN:  # it has died, unnoticed
                events.put(Event(LOST, worker, life, answers))
            else:
                events.put(Event(REPLIES, worker, life, answers, reply))

        getattr(self._actors[worker], method).remote(*arguments).future().add_done_callback(done)

    def tell(self, worker: int, method: str, *arguments: Any) -> None:
        """Call a worker's method, and do not wait for anything."""
        getattr(self._actors[worker], method).remote(*arguments)

    def await_return(self, worker: int, life: int) -> None:
        """An event says when the worker, which has died, is there again."""
        self._await(worker, life, self._events)

    def _await(self, worker: int, life: int, events: SimpleQueue[Event]) -> None:
        """The same, in these events; nothing where they are of a run that is over."""
        died = self._ray.exceptions.RayActorError
        if events is not self._events:
            return

        def done(future: Any) -> None:
            if future.exception() is None:
                events.put(Event(BACK, worker, life))
            elif isinstance(future.exception(), died):
                again = Timer(AGAIN, self._await, (worker, life, events))
                again.daemon = True
                again.start()

        self._actors[worker].ready.remote(*self._beginning).future().add_done_callback(done)

    def next(self, seconds: float | None) -> Event | None:
        """The next event; None where there was none for so many seconds. Raises what was raised in a worker."""
        try:
            event = self._events.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(event.reply, BaseException):
            raise event.reply
        return event

    def kill(self, worker: int, for_good: bool = False) -> None:
        """As a failure would. for_good: Ray does not start it again."""
        if for_good:
            self._dead.add(worker)
        self._ray.kill(self._actors[worker], no_restart=for_good)

    def end(self) -> None:
        """End all processes."""
        self._events = SimpleQueue()
        for actor in self._actors:
            self._ray.kill(actor)


@contextmanager
def fleet_of(workers: int, address: str | None = None) -> Iterator[Fleet]:
    """So many workers on a Ray cluster. address: as of `ray.init`; None: RAY_ADDRESS, or this machine alone.

    Raises MachinesError where Ray is not installed, or nothing answers at the address.
    """
    with connected(address) as ray:
        fleet = Fleet(ray, workers)
        try:
            yield fleet
        finally:
            fleet.end()
