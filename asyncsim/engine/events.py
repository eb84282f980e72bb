"""The event queue: workers compute, gradients arrive, updates are applied. The only file that imports SimPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, cast

import simpy

from ..base import AGAIN, ALONE, Answer, Clock, Decision, Rule, Ticket, TimedRule, holds, missing, starts
from ..cluster import Cluster, Outage, stream
from .answers import RuleError, Stalled, checked, never, raised, said_at, unknown
from .durations import draws, durations
from .interrupts import take_point
from .link import Link
from .log import Coupling, Recorder
from .rounds import communication
from .server import Server
from .slots import share
from .workers import FIRST_WORKER, Worker


class Calendar(simpy.Environment):
    """SimPy's, but functions may be due, and at a second: now + (due - now) may miss due by a rounding."""

    def at(self, time: float, priority: float, call: Callable[[float], object]) -> None:
        """Call then, with the time."""
        heappush(self._queue, (time, priority, next(self._eid), call))  # type: ignore[misc]  # SimPy has events only

    def step(self) -> None:
        """Call what is due before SimPy's next event, without the time that it takes to be an event; then that one."""
        while self._queue and callable(self._queue[0][3]):
            self._now, _, _, call = heappop(self._queue)
            call(self._now)  # type: ignore[operator]
        super().step()


# What is due at one instant happens in this order: the server has made an update (`server.MADE`); an update's
# communication is over; the run stops with its last update (SimPy's own priority, 1); jobs end, by worker; outages
# begin and end, by worker; the rule is woken; the last second is over.
COMMUNICATED, LAST = 0, math.inf

new = tuple.__new__  # new(Ticket, values) is Ticket(*values), in half the time


class Run:
    """A rule at work on a cluster, from the first job to the end."""

    def __init__(self, rule: Rule, cluster: Cluster, seed: int, stale: str, coupling: Coupling | None, log: Any = None):
        """log: what happens is written to it; None: a `Recorder`."""
        n = cluster.workers
        self.interrupts = getattr(rule, "interrupt", "none") == "continue"  # jobs in the middle take every new point
        if coupling is not None and self.interrupts:
            raise ValueError(
                "interrupt='continue' changes jobs whose trajectories are sampled as they start: give 'none'"
            )
        self.rule, self.cluster, self.stale, self.coupling = rule, cluster, stale, coupling
        self.by_round = rule.communication == "round"
        self.calendar, self.log = Calendar(), log or Recorder()
        self.stop = self.calendar.event()
        self.server = Server(self, cluster.update_seconds) if cluster.update_seconds else None
        self.ready = self.server.take if self.server else self.apply
        done = self.server.receive if self.server and self.server.answers_later else self.arrive
        queues = cluster.queues and not self.by_round
        if queues:
            resource, trips = simpy.Resource(self.calendar), cluster.communications_per_gradient
            done = Link(self.calendar, resource, cluster.network, trips, self.jitter, done).enter
        found = durations(cluster, not self.by_round, seed)
        self.workers = [Worker(i, each, self.calendar, done) for i, each in enumerate(found)]
        if cluster.slot_speeds:
            share(self)
        self.gone = [i for i, h in enumerate(cluster.compute) if h == math.inf]  # will never finish a job again
        self.clock = Clock(0, range(n), [-1] * n, lambda: self.calendar.now)
        self.held = rule.empty(n)
        self.communicates = False  # an update waits until its communication is over
        self.wakes = 0  # of the rule, that are to come
        self.used: set[int] = set()  # jobs, where a number of gradients stops the run
        self.over = communication(rule, cluster, self.log)
        # Whether an update of one gradient is no more than that.
        self.applied = getattr(rule, "applied", None)
        self.plain = not (self.by_round or coupling or self.server or hasattr(rule, "woken"))
        self.new_rows = self.by_round and stale == "cancel"  # a round's jobs are counted from its start
        self.late: list[Iterator[float]] = []  # jitter: of rounds, one stream; of the link's gradients, one a worker
        if cluster.jitter and (self.by_round or queues):
            streams = [n] if self.by_round else range(n)
            self.late = [draws(cluster.jitter, stream(seed, worker, 2)) for worker in streams]

    def go(self, updates: int | None, until: float | None, gradients: int | None) -> tuple[Any, float, str]:
        """What happened, a `Log` or what another recorder gives, when it stopped, and why."""
        self.updates, self.until = updates, until
        self.gradients: Any = gradients  # a number wherever `enough` is asked
        for number, outages in self.cluster.outages:
            for outage in outages:
                self.plan(self.workers[number], outage)
        if self.gone and until is None and (who := missing(self.rule, self.held, self.gone, self.clock)):
            raise Stalled(never(self.rule, self.cluster, who, "updates" if updates else "gradients"))
        first = starts(self.rule, len(self.workers))
        if wrong := unknown("starts", first, len(self.workers), "worker"):
            raise RuleError(said_at(self.rule, 0.0, wrong))
        for number in first:
            self.begin(self.workers[number], 0.0)
        if until is not None:
            self.calendar.at(until, LAST, lambda _: self.stop.succeed("until"))
        try:
            ending: Any = self.calendar.run(until=self.stop)
        except RuntimeError:
            if self.stop.triggered or self.calendar.peek() < math.inf:
                raise
            ending = "stalled"  # nobody computes, and nothing will happen any more
        self.check_parked(ending)
        end = float(self.calendar.now)
        for worker in self.workers:
            if worker.busy and worker.start < end:
                if worker.computed > end:
                    worker.computed = math.nan
                self.log.running.append(self.log.end(worker, math.nan))
        return self.log.log(), end, ending

    # ---- jobs

    def begin(self, worker: Worker, now: float) -> None:
        """Start a job at the newest version."""
        if worker.away:
            worker.waits = True
            return
        version = self.clock.version
        if worker.version == version:
            worker.index += 1
        else:
            worker.version, worker.index = version, 0
            self.clock.asked[worker.number] = version  # type: ignore[index]  # which rules only read
            if self.new_rows:
                worker.durations.cancel()
        if self.coupling is not None:
            worker.durations.take_steps(self.coupling.steps(worker.number, version, worker.index))
        worker.busy, worker.waits, worker.start = True, False, now
        worker.computed, due = worker.durations.begin(now)
        worker.due = due
        if due < worker.alarm_time:  # otherwise `Worker.ring` sets it again
            worker.alarm_time = due
            self.calendar.at(due, worker.priority, worker.alarm)
        elif due == math.inf and not worker.outages:  # after one it starts another job, which may take less time
            self.leave(worker)  # its speed is 0 for good

    def jitter(self, number: int, communications: int) -> float:
        """Seconds that are added to the next communications."""
        return sum(next(self.late[number]) for _ in range(communications)) if self.late else 0.0

    def cancel(self, worker: Worker, now: float) -> None:
        """A worker's job ends without a gradient."""
        worker.busy = False
        if worker.start < now:
            if worker.computed > now:
                worker.computed = now
            self.log.cancelled.append(self.log.end(worker, now))
            worker.durations.cancel()
        else:  # a job that takes no time is no job: as if it had not been started
            worker.index -= 1
            worker.durations.take_back()

    # ---- what the rule decides

    def arrive(self, worker: Worker, now: float, row: int | None = None) -> None:
        """A gradient is there. row: of one that was there before, and waited for the server."""
        if row is None:
            worker.busy = False
            row = self.log.end(worker, now)
            if worker.overtaken:
                worker.overtaken = False
                if not self.communicates:
                    self.begin(worker, now)
                return
        ticket = new(Ticket, (worker.number, row, worker.version))
        try:
            self.held, decision = self.rule.receive(self.held, ticket, self.clock)
        except Exception as error:
            raise raised(error, self.rule, ticket) from error
        if decision is AGAIN:  # the answer to most tickets of collecting rules
            self.begin(worker, now)
        elif decision is ALONE and self.plain:  # and of greedy ones
            self.log.alone.append(row)
            if self.advance((row,)):
                self.begin(worker, now)
                if self.gone:
                    self.check_stalled()
        else:
            answer = decision.decision(ticket) if isinstance(decision, Answer) else decision
            self.decide(checked(answer, self.rule, ticket, row + 1, self.clock), now)

    def wake(self, now: float) -> None:
        """The rule is asked at a second that it has chosen."""
        self.wakes -= 1
        self.ask(cast(TimedRule, self.rule).woken, now)
        self.check_stalled()

    def ask(self, method: Callable[[Any, Clock], tuple[Any, Decision]], now: float) -> None:
        """The rule is asked without a ticket, by one of its methods."""
        try:
            self.held, decision = method(self.held, self.clock)
        except Exception as error:
            raise raised(error, self.rule, now) from error
        checked(decision, self.rule, now, self.log.count, self.clock)
        if decision.use:
            self.log.wake(now)
        self.decide(decision, now)

    def decide(self, decision: Decision, now: float) -> None:
        """What the rule wants is done."""
        use, weights, start, wake = decision
        if wake is not None:
            self.wakes += 1
            self.calendar.at(wake, FIRST_WORKER + 2 * len(self.workers), self.wake)
        if use and self.communicates:
            wrong = (
                "use has jobs, and the update before still communicates: hold them until clock.version says it is there"
            )
            raise RuleError(said_at(self.rule, now, wrong))
        if use:
            self.collect(use, weights, start, now)
        else:
            self.restart(start, now)

    def restart(self, numbers: Sequence[int], now: float, begin: bool = True) -> None:
        """These start at the newest point. begin: otherwise it is still to come, and they only end what they are at."""
        workers, cancel = self.workers, self.stale == "cancel"
        for number in numbers:
            worker = workers[number]
            if worker.busy:
                if not cancel:
                    worker.overtaken = True  # and starts when its job is over
                    continue
                self.cancel(worker, now)
            if begin:
                self.begin(worker, now)

    def collect(self, jobs: Sequence[int], weights: Sequence[float] | float, start: Sequence[int], now: float) -> None:
        """An update's gradients are all there; it is applied when their communication is over."""
        self.log.collect(jobs, weights)
        late = self.jitter(0, self.cluster.communications_per_round) if self.by_round else 0.0
        over = self.over(jobs, now, late)
        if over <= now:
            self.ready(jobs, start, now)
            return
        self.restart(start, now, begin=False)
        self.communicates = True
        self.calendar.at(over, COMMUNICATED, lambda later: self.ready(jobs, start, later))

    def apply(self, jobs: Sequence[int], start: Sequence[int], now: float) -> None:
        """A round's communication is over: the update is there at once, and the workers start at the new point."""
        self.communicates = False
        self.clock.began = now
        if self.by_round:
            self.log.time.append(now)
        if self.advance(jobs):
            self.restart(start, now)
            self.is_there(now)
            self.check_stalled()

    def is_there(self, now: float) -> None:
        """There is a new point: who goes on meanwhile may take it, and the rule may want something."""
        if self.interrupts:
            take_point(self, now)
        if self.applied is not None:
            self.ask(self.applied, now)

    def advance(self, jobs: Sequence[int]) -> bool:
        """To the next version, which is made of these jobs; return whether the run goes on."""
        self.clock.version = version = self.clock.version + 1
        if self.coupling is not None:
            self.coupling.update(self.log.uses(version - 1), self.alive())
        if version == self.updates:
            self.stop.succeed("updates")  # ahead of every job that ends at this same instant
        elif self.gradients is not None and self.enough(jobs):
            self.stop.succeed("gradients")
        else:
            return True
        return False

    def enough(self, jobs: Sequence[int]) -> bool:
        """Whether as many gradients were used as stop the run; one that was used before does not count again."""
        self.used.update(jobs)
        return len(self.used) >= self.gradients

    def alive(self) -> list[tuple[int, int, int]]:
        """Worker, version and index of all jobs that a later update may use."""
        rows = [*holds(self.rule, self.held, self.log.count), *(self.server.rows() if self.server else ())]
        held = [self.log.job(row) for row in rows]
        return held + [(worker.number, worker.version, worker.index) for worker in self.workers if worker.busy]

    # ---- workers that come and go

    def plan(self, worker: Worker, outage: Outage) -> None:
        """Put an outage into the calendar."""
        after_jobs = FIRST_WORKER + len(self.workers) + worker.number  # jobs that end at this instant are whole
        if outage.down > 0:
            worker.outages += 1
            self.calendar.at(outage.down, after_jobs, lambda _: self.go_away(worker, outage))
        else:
            worker.away = True
            if outage.up == math.inf and worker.number not in self.gone:
                self.gone.append(worker.number)
        if outage.up < math.inf:
            self.calendar.at(outage.up, after_jobs, lambda _: self.come_back(worker))

    def go_away(self, worker: Worker, outage: Outage) -> None:
        """An outage begins, and the worker's job is lost."""
        worker.away, worker.outages = True, worker.outages - 1
        if worker.busy:
            self.cancel(worker, self.calendar.now)
            worker.overtaken, worker.waits = False, True
        if outage.up == math.inf:
            self.leave(worker)

    def come_back(self, worker: Worker) -> None:
        """An outage is over."""
        worker.away = False
        if worker.waits and not self.communicates:
            self.begin(worker, self.calendar.now)

    def leave(self, worker: Worker) -> None:
        """This worker will never finish a job again, for one reason or for two."""
        if worker.number not in self.gone:
            self.gone.append(worker.number)
            self.check_stalled()

    @property
    def coming(self) -> bool:
        """Whether something comes that needs no worker."""
        return bool(self.communicates or self.wakes or self.server and self.server.updates)

    def check_stalled(self) -> None:
        """End the run where no update can come for want of workers."""
        if self.gone and self.until is None and not (self.stop.triggered or self.coming):
            if missing(self.rule, self.held, self.gone, self.clock):
                self.stop.succeed("stalled")

    def check_parked(self, ending: str) -> None:
        """A rule that lets nobody go on ends no run in silence. Raises Stalled."""
        idle = not self.coming and not any(worker.busy or worker.away for worker in self.workers)
        if ending in ("stalled", "until") and idle and not self.gone:
            worker, version, _ = self.log.job(self.log.count - 1)
            ticket = Ticket(worker, self.log.count - 1, version)
            raise Stalled(said_at(self.rule, ticket, "all workers are parked and no update is made: start somebody"))
