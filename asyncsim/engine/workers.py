"""Somebody who computes gradients, and when its job is due."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .durations import Durations

if TYPE_CHECKING:
    from .events import Calendar

FIRST_WORKER = 2  # what is due at one instant happens by priority: see `events`


@dataclass(slots=True, eq=False)
class Worker:
    """Somebody who computes gradients, and the job that it is at: one gradient at one version."""

    number: int
    durations: Durations
    calendar: Calendar
    done: Callable[[Worker, float], None]  # called when a job is due
    busy: bool = False  # computing or sending; the next five are then of this job, else of the last one
    version: int = -1
    index: int = 0  # which job of its worker at this version
    start: float = 0.0
    computed: float = 0.0
    due: float = 0.0  # where the server's link queues gradients: when it is computed
    overtaken: bool = False  # there is a newer point: the result will be ignored
    away: bool = False
    waits: bool = False  # is to start a job when it is back
    outages: int = 0  # that are still to come
    alarm_time: float = math.inf  # infinite where it is not set
    priority: int = field(init=False)
    alarm: Callable[[float], None] = field(init=False)

    def __post_init__(self):
        self.priority, self.alarm = FIRST_WORKER + self.number, self.ring  # once, not with every job

    def ring(self, now: float) -> None:
        """The alarm goes off: a job is due.

        If not, the alarm was set for one that was cancelled. It is then set again: so the queue holds few alarms per
        worker, however many jobs are cancelled.
        """
        if self.alarm_time != now:
            return  # it has gone off already, at an earlier time that it was set to later
        self.alarm_time = math.inf
        if self.busy:
            if self.due == now:
                done = self.done  # in a variable: Python looks up the name of a call among methods first
                done(self, now)
            elif self.due < math.inf:
                self.alarm_time = self.due
                self.calendar.at(self.due, self.priority, self.alarm)
