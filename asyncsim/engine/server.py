"""The server's own time: an update is there some seconds after its gradients. (notebooks/science.md, Server)

The server makes one update after another, first come first served. Where it is not waited for, workers may be ahead of
it by as many updates as the rule's ``overlap`` says. Where workers send gradients one by one and wait for the answer,
as under greedy rules, what arrives while it works is shown to the rule when it is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from .workers import Worker

if TYPE_CHECKING:
    from .events import Run

MADE = -1  # the first of what is due at one instant: see `events`


class Server:
    """The server of a run whose updates take time."""

    def __init__(self, run: Run, seconds: float):
        self.run, self.seconds = run, seconds
        self.overlap = getattr(run.rule, "overlap", 0)
        self.updates: deque[Sequence[int]] = deque()  # their jobs; the first one is being made, the others wait
        self.held: Sequence[int] | None = None  # workers that start when enough updates are there
        self.arrived: deque[tuple[Worker, int]] = deque()  # gradients that wait, with their rows

    @property
    def answers_later(self) -> bool:
        """Whether a gradient that arrives while it works has to wait."""
        return not (self.run.by_round or self.overlap)

    def receive(self, worker: Worker, now: float) -> None:
        """A gradient arrives by itself."""
        if not self.updates or worker.overtaken:  # nothing to wait for, or its result will be ignored
            self.run.arrive(worker, now)
            return
        worker.busy = False
        self.arrived.append((worker, self.run.log.end(worker, now)))

    def take(self, jobs: Sequence[int], start: Sequence[int], now: float) -> None:
        """An update's gradients are all there. start: workers that start after it."""
        run = self.run
        run.log.ready.append(now)
        self.updates.append(jobs)
        if len(self.updates) == 1:
            self.work(now)
        if run.by_round:
            run.restart(start, now, begin=False)
        if len(self.updates) > self.overlap:
            run.communicates, self.held = run.by_round, start
        else:
            run.communicates = False
            run.restart(start, now)

    def work(self, now: float) -> None:
        """Begin with the next update."""
        self.run.calendar.at(now + self.seconds, MADE, self.made)

    def made(self, now: float) -> None:
        """An update is there."""
        run = self.run
        run.clock.began = now
        run.log.time.append(now)
        if not run.advance(self.updates.popleft()):
            return
        if self.updates:
            self.work(now)
        if self.held is not None and len(self.updates) <= self.overlap:
            start, self.held, run.communicates = self.held, None, False
            self.forget(start)
            run.restart(start, now)
        run.is_there(now)
        while self.arrived and not self.updates:
            worker, row = self.arrived.popleft()
            run.arrive(worker, now, row)
        run.check_stalled()

    def forget(self, workers: Collection[int]) -> None:
        """Gradients are dropped that wait here, of workers that start afresh."""
        if self.arrived and len(workers) > 1:
            self.arrived = deque(each for each in self.arrived if each[0].number not in workers)

    def rows(self) -> list[int]:
        """Jobs that are here, and not yet in an update that was made."""
        return [row for jobs in self.updates for row in jobs] + [row for _, row in self.arrived]
