"""Slots of one machine: workers that compute side by side, the slower the more of them are busy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .durations import Varying

if TYPE_CHECKING:
    from .events import Run
    from .workers import Worker


def share(run: Run) -> None:
    """Workers are slots, as many of one machine as the cluster's ``slot_speeds`` has speeds."""
    speeds = run.cluster.slot_speeds
    for first in range(0, len(run.workers), len(speeds)):
        machine = Machine(speeds)
        for worker in run.workers[first : first + len(speeds)]:
            assert isinstance(worker.durations, Varying)
            worker.durations = slot = Slot(worker.durations, machine, worker, run)
            worker.done, slot.done = slot.finish, worker.done


@dataclass(eq=False)
class Machine:
    """All its busy slots go at one speed, which is that of their number. A slot is busy until its gradient is there."""

    speeds: Sequence[float]  # while 1, 2, ... slots are busy
    busy: list[Slot] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Of every busy slot."""
        return self.speeds[len(self.busy) - 1] if self.busy else 1.0

    def join(self, slot: Slot, now: float) -> None:
        """A slot begins a job."""
        before = self.speed
        self.busy.append(slot)
        slot.since, slot.computed = now, now + slot.left / self.speed
        self.change(before, now)

    def leave(self, slot: Slot, now: float) -> None:
        """A slot's job is over."""
        before = self.speed
        self.busy.remove(slot)
        self.change(before, now)

    def change(self, before: float, now: float) -> None:
        """Another number of slots is busy: those in the middle of a job end it at another second."""
        if self.speed == before:
            return
        for slot in self.busy:
            if slot.since < now < slot.computed:
                slot.left = max(slot.left - before * (now - slot.since), 0.0)
                slot.since = now
            if slot.computed > now:
                slot.postpone(now + slot.left / self.speed)


@dataclass(eq=False)
class Slot:
    """When one worker's next job ends, as of `durations`, where that depends on who else is busy."""

    alone: Varying  # how long its jobs take at full speed
    machine: Machine
    worker: Worker
    run: Run
    left: float = 0.0  # seconds of its job at full speed
    since: float = 0.0
    computed: float = math.inf
    sending: float = 0.0  # seconds
    done: Callable[[Worker, float], None] = field(init=False)

    def begin(self, now: float) -> tuple[float, float]:
        """The seconds at which a job that starts now is computed, and ends, if nobody comes or goes."""
        computed, due = self.alone.begin(now)
        self.left, self.sending = self.alone.work * self.alone.steps, due - computed
        self.machine.join(self, now)
        return self.computed, self.computed + self.sending

    def postpone(self, computed: float) -> None:
        """Its job is computed at another second, sooner or later."""
        worker, self.computed = self.worker, computed
        worker.computed, worker.due = computed, computed + self.sending
        if worker.due < worker.alarm_time:  # otherwise `Worker.ring` sets it again
            worker.alarm_time = worker.due
            self.run.calendar.at(worker.due, worker.priority, worker.alarm)

    def finish(self, worker: Worker, now: float) -> None:
        """The job is over."""
        self.machine.leave(self, now)
        self.done(worker, now)

    def take_steps(self, steps: int) -> None:
        """As of the others."""
        self.alone.take_steps(steps)

    def cancel(self) -> None:
        """The job, if there is one, is not finished."""
        if self in self.machine.busy:
            self.machine.leave(self, self.run.calendar.now)

    def take_back(self) -> None:
        """The job took no time."""
        self.cancel()
        self.alone.take_back()
