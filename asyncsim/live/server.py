"""The server of real training: it shows a rule the jobs that workers finish, and does what the rule decides.

What the engine does in simulated time (`engine.events`) is done here with workers that are really there. A gradient
that was lost with its worker before its round ended is computed again: its key says all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from time import monotonic
from typing import Any

import numpy as np

from ..base import Answer, Clock, Decision, Rule, Ticket, holds, missing, starts
from ..cluster import Cluster, Outage
from ..engine.answers import RuleError, checked, raised, said_at
from ..engine.durations import Steady, Varying, durations
from ..engine.log import Recorder
from .fleet import BACK, LOST, Event, Fleet
from .learner import Learner
from .worker import Done, weighted_sum


@dataclass(slots=True, eq=False)
class Seat:
    """What the server knows of a worker, and of the job that it is at. Seconds are real ones since the run began."""

    number: int
    pace: Steady | Varying  # which says how slow it is made
    busy: bool = False
    version: int = -1
    index: int = -1
    start: float = 0.0
    computed: float = 0.0
    job: int = -1  # counts its jobs
    overtaken: bool = False  # there is a newer point: the result will be ignored
    away: bool = False
    waits: bool = False  # is to start a job when it is back
    life: int = 0  # how often it has died
    outages: list[Outage] = field(default_factory=list)


@dataclass(slots=True)
class Round:
    """Gradients that are being summed. left: how many workers' sums are not there yet."""

    rows: Sequence[int]
    start: Sequence[int]
    left: int = 0
    total: Any = 0.0


class Server:
    """A rule at work on a fleet.

    cluster: its compute times, times ``scale``, are the real seconds by which jobs are made longer, and at the
    beginning of an outage the worker is killed. Rules that know the time are told simulated seconds. say: called with a
    line whenever somebody dies or comes back.
    """

    def __init__(
        self,
        rule: Rule,
        cluster: Cluster,
        fleet: Fleet,
        learner: Learner,
        *,
        cluster_seed: int = 0,
        stale: str = "cancel",
        scale: float = 1.0,
        say: Callable[[str], None] = lambda line: None,
    ):
        self.rule, self.fleet, self.learner, self.scale, self.stale, self.say = rule, fleet, learner, scale, stale, say
        self.by_round, n = rule.communication == "round", cluster.workers
        paces = durations(cluster, False, cluster_seed)
        self.seats = [Seat(i, pace, job=fleet.jobs - 1) for i, pace in enumerate(paces)]
        self.outages, self.count = cluster.outages, 0
        self.log, self.held = Recorder(), rule.empty(n)
        self.moment = 0.0  # when what is handled began to be: a rule's clock stands still while it is asked
        self.clock = Clock(0, range(n), [-1] * n, lambda: self.moment / scale)
        self.rounds: list[Round] = []  # the one that is being summed, if any
        self.alarms: list[tuple[float, int, Callable[[], None]]] = []  # real seconds, their order, and what to call
        self.gone: list[int] = []  # workers that will not come back
        self.done: dict[int, tuple[int, Done]] = {}  # by row: in which of its worker's lives, and what it sent
        self.used: set[int] = set()
        self.queries: dict[int, Any] = {}  # by version, as they are sent

    def now(self) -> float:
        """Real seconds since the run began."""
        return monotonic() - self.began

    def go(self, updates: int | None, until: float | None, gradients: int | None) -> tuple[float, str]:
        """Run until the first of these; return when it stopped, and why. until: real seconds."""
        self.began = monotonic()
        for number, outages in self.outages:
            for outage in outages:
                self.at(outage.down * self.scale, partial(self.fleet.kill, number, outage.up == math.inf))
        for number in starts(self.rule, len(self.seats)):
            self.begin(self.seats[number], self.now())
        ending = ""
        while not ending:
            due = min([math.inf if until is None else until, *(alarm[0] for alarm in self.alarms[:1])])
            event = self.fleet.next(None if due == math.inf else max(0.0, due - self.now()))
            while self.alarms and self.alarms[0][0] <= self.now():
                self.moment = self.now()
                heappop(self.alarms)[2]()
            if event is not None:
                self.moment = self.now()
                self.handle(event)
            if updates is not None and self.clock.version >= updates:
                ending = "updates"
            elif gradients is not None and len(self.used) >= gradients:
                ending = "gradients"
            elif until is not None and self.now() >= until:
                ending = "until"
            elif until is None and not self.rounds and missing(self.rule, self.held, self.gone, self.clock):
                ending = "stalled"
        end = self.now()
        for seat in self.seats:
            if seat.busy:
                self.fleet.tell(seat.number, "cancel", seat.job)
                seat.computed = math.nan
                self.log.running.append(self.log.end(seat, math.nan))
        self.fleet.jobs = 1 + max(seat.job for seat in self.seats)
        return end, ending

    def at(self, second: float, call: Callable[[], None]) -> None:
        """Call then, in real seconds."""
        self.count += 1
        heappush(self.alarms, (second, self.count, call))

    def handle(self, event: Event) -> None:
        """Something has come from a worker."""
        seat = self.seats[event.worker]
        if event.what == BACK:
            self.come_back(seat)
        elif event.what == LOST:
            if event.life == seat.life:
                self.go_away(seat)
            if event.answers is not None:
                event.answers(None)
        elif event.answers is not None:
            event.answers(event.reply)

    # ---- jobs

    def begin(self, seat: Seat, now: float) -> None:
        """Send the newest point to a worker."""
        if seat.away:
            seat.waits = True
            return
        version = self.clock.version
        seat.index = seat.index + 1 if seat.version == version else 0
        seat.version, seat.busy, seat.waits, seat.start = version, True, False, now
        seat.job, seat.computed = seat.job + 1, math.nan
        self.clock.asked[seat.number] = version  # type: ignore[index]  # which rules only read
        simulated = now / self.scale
        wait = (seat.pace.begin(simulated)[0] - simulated) * self.scale
        if wait < math.inf:  # of others, nothing comes
            if version not in self.queries:
                self.queries = {version: self.fleet.put(self.learner.queries[version])}
            job = (self.learner.seed, version, seat.index, seat.job, wait, self.by_round)
            answers = partial(self.arrive, seat, seat.job, seat.life)
            self.fleet.ask(seat.number, seat.life, "work", self.queries[version], *job, answers=answers)

    def cancel(self, seat: Seat, now: float) -> None:
        """A worker's job ends without a gradient."""
        self.fleet.tell(seat.number, "cancel", seat.job)
        seat.busy, seat.computed = False, now
        if seat.start < now:
            self.log.cancelled.append(self.log.end(seat, now))
            seat.pace.cancel()
        else:  # as in simulated time, a job that takes no time is no job
            seat.index -= 1
            seat.pace.take_back()

    def arrive(self, seat: Seat, job: int, life: int, done: Done | None) -> None:
        """A job is finished, if it is the one that the worker is at."""
        if done is None or not seat.busy or seat.job != job:
            return
        now = self.now()
        seat.busy, seat.computed = False, min(seat.start + done.seconds, now)
        row = self.log.end(seat, now)
        if seat.overtaken:
            seat.overtaken = False
            if not self.rounds:
                self.begin(seat, now)
            return
        self.done[row] = life, done
        ticket = Ticket(seat.number, row, seat.version)
        try:
            self.held, decision = self.rule.receive(self.held, ticket, self.clock)
        except Exception as error:
            raise raised(error, self.rule, ticket) from error
        answer = decision.decision(ticket) if isinstance(decision, Answer) else decision
        self.decide(checked(answer, self.rule, ticket, row + 1, self.clock), now)

    # ---- what the rule decides

    def wake(self) -> None:
        """The rule is asked at a second that it has chosen."""
        rule: Any = self.rule
        now = self.now()
        self.held, decision = rule.woken(self.held, self.clock)
        if decision.use:
            self.log.wake(now)
        self.decide(decision, now)

    def decide(self, decision: Decision, now: float) -> None:
        """What the rule wants is done."""
        if decision.wake is not None:
            self.at(decision.wake * self.scale, self.wake)
        if decision.use and self.rounds:
            wrong = "use has jobs, and the update before is still being summed: hold them until clock.version says so"
            raise RuleError(said_at(self.rule, now, wrong))
        if decision.use:
            self.collect(decision, now)
        else:
            self.restart(decision.start, now)

    def restart(self, numbers: Sequence[int], now: float, begin: bool = True) -> None:
        """These start at the newest point. begin: otherwise it is still to come, and they only end what they are at."""
        for number in numbers:
            seat = self.seats[number]
            if seat.busy and self.stale != "cancel":
                seat.overtaken = True
                continue
            if seat.busy:
                self.cancel(seat, now)
            if begin:
                self.begin(seat, now)

    def collect(self, decision: Decision, now: float) -> None:
        """An update's gradients are all there, at the server, or summed at the workers that have computed them."""
        rows, weights = list(decision.use), decision.weights
        each = [float(weights)] * len(rows) if isinstance(weights, int | float) else [float(w) for w in weights]
        self.log.collect(rows, each)
        current = Round(rows, decision.start)
        if not self.by_round:
            gradients: list[Any] = [self.done[row][1].gradient for row in rows]
            current.total = weighted_sum(gradients, each)
            return self.apply(current)
        self.rounds.append(current)
        self.restart(decision.start, now, begin=False)
        kept = [self.log.job(row) for row in self.held_rows()]
        for seat in self.seats:
            own = [(row, w) for row, w in zip(rows, each) if self.log.job(row)[0] == seat.number]
            there = [(row, w) for row, w in own if self.done[row][0] == seat.life and not seat.away]
            lost = [pair for pair in own if pair not in there]
            if lost:
                self.add(current, self.again(lost))
            if there:
                current.left += 1
                jobs = [self.log.job(row)[1:] for row, _ in there]
                held = [job[1:] for job in kept if job[0] == seat.number]
                answers = partial(self.summed, current, there)
                told = jobs, [w for _, w in there], held, seat.job - seat.busy
                self.fleet.ask(seat.number, seat.life, "reduce", *told, answers=answers)
        if not current.left:
            self.finish(current)

    def again(self, lost: Sequence[tuple[int, float]]) -> np.ndarray:
        """The weighted sum of gradients that are lost, given as rows with weights."""
        return self.learner.again([self.log.job(row) for row, _ in lost], [weight for _, weight in lost])

    def add(self, current: Round, some: np.ndarray) -> None:
        """Add to a round's sum."""
        current.total = current.total + some

    def summed(self, current: Round, there: Sequence[tuple[int, float]], total: np.ndarray | None) -> None:
        """A worker's sum is there, or lost with it."""
        self.add(current, self.again(there) if total is None else total)
        current.left -= 1
        if not current.left:
            self.finish(current)

    def finish(self, current: Round) -> None:
        """All of a round is summed."""
        self.rounds.remove(current)
        self.apply(current)

    def apply(self, current: Round) -> None:
        """The next update, from where the workers start again."""
        jobs = [self.log.job(row) for row in current.rows]
        new = [row for row in current.rows if row not in self.used]
        stats = [(self.done[row][1].returns, self.done[row][1].steps) for row in new]
        self.used.update(new)
        self.learner.apply(np.asarray(current.total), min(version for _, version, _ in jobs), stats)
        now = self.now()
        self.clock.version, self.clock.began = self.clock.version + 1, now / self.scale
        if self.by_round:
            self.log.time.append(now)
        held = {*self.held_rows()}
        self.done = {row: found for row, found in self.done.items() if row in held}
        busy = {seat.version for seat in self.seats if seat.busy}
        self.learner.forget(busy | {self.log.job(row)[1] for row in self.done})
        self.restart(current.start, now)

    def held_rows(self) -> list[int]:
        """Jobs that a later update may still use."""
        return [row for row in holds(self.rule, self.held, self.log.count) if row in self.done]

    # ---- workers that die and come back

    def go_away(self, seat: Seat) -> None:
        """A worker has died, and with it its job, and the gradients that it kept."""
        now = self.now()
        seat.away, seat.life = True, seat.life + 1
        up = next((o.up for o in self.planned(seat) if o.down * self.scale <= now < o.up * self.scale), 0.0)
        seat.outages.append(Outage(now))
        if seat.busy:
            self.cancel(seat, now)
            seat.overtaken, seat.waits = False, True
        line = f"worker {seat.number} died after {now:.1f} s"
        away = [each.number for each in self.seats if each.away]
        if who := missing(self.rule, self.held, away, self.clock):
            line += f"; {type(self.rule).__name__} waits for worker {', '.join(map(str, who))}"
        self.say(line)
        if up == math.inf:
            self.gone.append(seat.number)
        else:
            self.at(up * self.scale, partial(self.fleet.await_return, seat.number, seat.life))

    def planned(self, seat: Seat) -> Sequence[Outage]:
        """Outages that the cluster is to have, in simulated seconds."""
        return dict(self.outages).get(seat.number, ())

    def come_back(self, seat: Seat) -> None:
        """It was started again."""
        now = self.now()
        seat.away = False
        seat.outages[-1] = Outage(seat.outages[-1].down, now)
        self.say(f"worker {seat.number} is back after {now:.1f} s")
        if seat.waits and not self.rounds:
            self.begin(seat, now)
