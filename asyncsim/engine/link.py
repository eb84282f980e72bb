"""The server's link, where gradients that are sent one by one wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from .workers import Worker

if TYPE_CHECKING:
    from .events import Calendar


class Link:
    """Takes one gradient after another, first come first served."""

    def __init__(
        self,
        calendar: Calendar,
        resource: Any,  # SimPy's, of capacity 1
        network: Any,
        trips: int,  # of a gradient
        jitter: Callable[[int, int], float],  # worker, trips: seconds that are added
        received: Callable[[Worker, float], None],
    ):
        self.calendar, self.resource, self.network, self.trips = calendar, resource, network, trips
        self.jitter, self.received = jitter, received

    def enter(self, worker: Worker, now: float) -> None:
        """A gradient is computed and enters the link."""
        self.calendar.process(self.send(worker, worker.start))

    def send(self, worker: Worker, start: float) -> Generator[Any, Any, None]:
        """A gradient's way through the link."""
        for _ in range(self.trips):
            with self.resource.request() as turn:
                yield turn
                yield self.calendar.timeout(self.network.service_seconds)
        late = self.jitter(worker.number, self.trips)
        yield self.calendar.timeout(self.trips * self.network.latency + late)
        if worker.busy and worker.start == start:  # neither cancelled nor lost
            self.received(worker, self.calendar.now)
