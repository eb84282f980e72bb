"""Greedy rules without an event queue: every worker computes one job after another, whatever the others do.

So the k-th gradient of a worker on fixed times arrives at k·(h_i + κ_i), and on random or recorded ones at the sum of
its first k jobs, added one after another as the engine does. All workers' arrivals are merged by time, ties by worker;
which versions they were asked at follows from this order alone.
"""

from __future__ import annotations

import math
from array import array
from typing import Any, NamedTuple

import numpy as np

from .. import theory
from ..base import Rule
from ..cluster import Cluster, stream
from ..rules import FedBuff, Greedy, Ringmaster
from .durations import Drawn
from .log import Log


def applies(rule: Rule, cluster: Cluster) -> bool:
    """Whether these are the rule's arrivals on this cluster, which has neither speeds nor outages."""
    greedy = type(rule) in (Greedy, FedBuff) or type(rule) is Ringmaster and not rule.cancel
    return greedy and not cluster.queues


def run(
    rule: Rule, cluster: Cluster, seed: int, updates: int | None, until: float | None, gradients: int | None
) -> tuple[Log, float, str]:
    """What happened, when it stopped, and why; the same as of the engine, to the last bit."""
    each = rule.batch_size if type(rule) is FedBuff else 1
    most = min(math.inf if updates is None else updates, math.inf if gradients is None else math.ceil(gradients / each))
    wanted: float = most * each
    last = math.inf if until is None else until
    while True:
        jobs, latest = _jobs(cluster, seed, wanted, last)
        merged = _Merged(jobs, latest, wanted, cluster.workers)
        made = _made(rule, merged.worker, most, cluster.workers)
        if len(made.rows) == most or len(merged.worker) < wanted:
            break
        wanted *= 2  # some were too old
    stopped = len(made.rows) == most
    arrived = int(made.rows[-1]) if stopped else len(merged.worker)
    end: Any = jobs.finish[merged.row[arrived - 1]] if stopped else until
    ending = ("updates" if most == updates else "gradients") if stopped else "until"
    return _log(jobs, merged, made, arrived, stopped, float(end), cluster.workers), float(end), ending


# ---- when jobs end


class _Jobs(NamedTuple):
    """Of all workers, one worker after another; of each, one at least that ends after all that is asked for."""

    counts: np.ndarray  # (workers,)
    computed: np.ndarray  # (jobs,)
    finish: np.ndarray


def _jobs(cluster: Cluster, seed: int, wanted: float, last: float) -> tuple[_Jobs, float]:
    """So many arrivals, or those until a last second, and the second by which they are all there."""
    sending = cluster.gradient_communication
    compute: Any = cluster.compute
    if cluster.jitter is None and all(isinstance(time, float) for time in compute):
        return _fixed(np.array(compute), np.array(sending), wanted, last)
    workers = [_Worker(cluster, seed, i, sending[i]) for i in range(cluster.workers)]
    rate = math.fsum(1 / worker.mean for worker in workers)  # 0 of infinite ones
    about = min(last, wanted / rate if rate else math.inf)
    for worker in workers:
        worker.extend(about / worker.mean)
    while True:
        ends = [worker.ends() for worker in workers]
        finish = np.concatenate([each[1] for each in ends])
        latest = last
        if len(finish) >= wanted:
            latest = min(last, np.partition(finish, int(wanted) - 1)[int(wanted) - 1])
        short = [worker for worker in workers if worker.last <= latest and worker.last < math.inf]
        if not short:
            break
        about = latest if latest < math.inf else 2 * max(worker.last for worker in short)
        for worker in short:
            worker.extend(min(worker.there * (about / worker.last - 1), 4 * worker.there))
    counts = np.array([worker.there for worker in workers])
    return _Jobs(counts, np.concatenate([each[0] for each in ends]), finish), latest


def _fixed(h: np.ndarray, sending: np.ndarray, wanted: float, last: float) -> tuple[_Jobs, float]:
    seconds = h + sending
    latest = min(last, theory.rennala_round(seconds, int(wanted)) if wanted < math.inf else math.inf)
    counts = (np.floor(latest / seconds) + 2).astype(int)  # for rounding
    worker = np.repeat(np.arange(len(h)), counts)
    finish = (np.arange(1, len(worker) + 1) - np.repeat(counts.cumsum() - counts, counts)) * seconds[worker]
    return _Jobs(counts, finish - sending[worker], finish), latest


class _Worker:
    """One worker's jobs, as many as were asked for."""

    def __init__(self, cluster: Cluster, seed: int, number: int, sending: float):
        time: Any = cluster.compute[number]
        steady = isinstance(time, float)
        self.work: Any = time if steady else Drawn(time, stream(seed, number))
        self.late = Drawn(cluster.jitter, stream(seed, number, 2)) if cluster.jitter else None
        self.sending, self.trips = sending, cluster.communications_per_gradient
        self.multiples = steady and self.late is None  # see `Steady`
        self.mean = (time if steady else time.mean) + sending
        self.there, self.last = 0, 0.0
        self._ends: list[tuple[np.ndarray, np.ndarray]] = []

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """When gradients are computed, and when they arrive; each of shape (jobs,)."""
        if len(self._ends) > 1:
            computed, finish = zip(*self._ends)
            self._ends = [(np.concatenate(computed), np.concatenate(finish))]
        return self._ends[0]

    def extend(self, about: float) -> None:
        """So many jobs more, and some, in case that they are shorter."""
        count = 16 if not about < math.inf else int(about + 2 * math.sqrt(about)) + 8
        if self.multiples:
            finish = np.arange(self.there + 1.0, self.there + count + 1) * (self.work + self.sending)
            computed = finish - self.sending
        elif self.late is None and not self.sending:
            added = np.append(self.last, self._works(count))
            computed = finish = np.cumsum(added, out=added)[1:]
        else:
            added = np.empty(2 * count + 1)  # as the engine adds them: computing, sending, computing, ...
            added[0], added[1::2], added[2::2] = self.last, self._works(count), self.sending
            if self.late is not None:
                added[2::2] += self.late.take(count * self.trips).reshape(count, self.trips).sum(axis=1)
            np.cumsum(added, out=added)
            computed, finish = added[1::2], added[2::2]
        self._ends.append((computed, finish))
        self.there, self.last = self.there + count, float(finish[-1])

    def _works(self, count: int) -> Any:
        return self.work.take(count) if isinstance(self.work, Drawn) else self.work


# ---- what the server sees


class _Merged:
    """Arrivals in the order in which the server sees them."""

    def __init__(self, jobs: _Jobs, latest: float, wanted: float, workers: int):
        of = np.repeat(np.arange(workers), jobs.counts)
        early = np.flatnonzero(jobs.finish <= latest)
        self.row = early[np.argsort(jobs.finish[early], kind="stable")]  # in the jobs
        if wanted < math.inf:
            self.row = self.row[: int(wanted)]
        self.worker = of[self.row]


class _Made(NamedTuple):
    """Updates that a rule makes of arrivals."""

    rows: np.ndarray  # for each: how many jobs had arrived when it was made
    version: np.ndarray  # after each arrival
    each: int  # gradients in one


def _made(rule: Rule, worker: np.ndarray, most: float, workers: int) -> _Made:
    """worker: of each arrival."""
    arrived = np.arange(1, len(worker) + 1)
    if type(rule) is FedBuff:
        version = arrived // rule.batch_size
        return _Made(arrived[rule.batch_size - 1 :: rule.batch_size], version, rule.batch_size)
    if type(rule) is not Ringmaster:
        return _Made(arrived, arrived, 1)
    asked, newest = [0] * workers, 0
    after, rows = array("q"), array("q")
    for number, who in enumerate(worker.tolist(), start=1):
        if newest - asked[who] < rule.max_delay:
            newest += 1
            rows.append(number)
        asked[who] = newest
        after.append(newest)
        if newest == most:
            break
    return _Made(np.array(rows), np.array(after), 1)


def _log(jobs: _Jobs, merged: _Merged, made: _Made, arrived: int, stopped: bool, end: float, n: int) -> Log:
    """The first arrivals, and who was at work at the end. stopped: by the last of them, whose worker is not."""
    worker, row = merged.worker[:arrived], merged.row[:arrived]
    first = jobs.counts.cumsum() - jobs.counts
    start = np.append(0.0, jobs.finish[:-1])
    start[first] = 0.0
    others = np.delete(np.arange(n), worker[-1]) if stopped else np.arange(n)
    others = others[start[(first + np.bincount(worker, minlength=n))[others]] < end]  # a job without time is no job
    workers = np.concatenate([worker, others])
    rows = np.concatenate([row, (first + np.bincount(worker, minlength=n))[others]])

    # A worker's next job is asked for at the version that its last one left; jobs at one version are counted.
    place = np.zeros(len(start), int)
    place[rows] = np.arange(1, len(rows) + 1)
    by_worker = place[place > 0] - 1  # sorted, for rows are
    same = workers[by_worker[1:]] == workers[by_worker[:-1]]
    asked = np.zeros(len(workers), int)
    asked[by_worker[1:][same]] = made.version[by_worker[:-1][same]]
    again = np.append(False, same & (np.diff(asked[by_worker]) == 0))
    place = np.arange(len(workers))
    index = np.empty(len(workers), int)
    index[by_worker] = place - np.maximum.accumulate(np.where(again, 0, place))

    computed, finish = jobs.computed[rows], jobs.finish[rows]
    open_jobs = slice(arrived, None)
    finish[open_jobs] = math.nan
    computed[open_jobs] = np.where(computed[open_jobs] <= end, computed[open_jobs], math.nan)
    full = made.rows[made.rows <= arrived]
    used = full - 1 if made.each == 1 else np.arange(len(full) * made.each)
    return Log(
        worker=workers,
        version=asked,
        index=index,
        start=start[rows],
        computed=computed,
        finish=finish,
        cancelled=np.zeros(0, int),
        running=np.arange(arrived, len(workers)),
        rows=full,
        time=np.zeros(0),
        sizes=np.full(len(full), made.each),
        used=used,
        weights=np.full(len(used), 1 / made.each),
    )
