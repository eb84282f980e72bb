"""Rounds of collecting rules on random or recorded times: each follows from the workers' next times, all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..base import Rule, parks_after
from ..cluster import Cluster, stream
from ..rules.malenia import full
from ..theory.rules import ROUNDS
from .durations import Drawn, draws
from .log import Log

PAYS = 64  # jobs of a round; the engine is as fast with fewer
MOST = 2**24  # seconds in the ring of `Ahead`, 128 MiB


def pays(rule: Rule, cluster: Cluster) -> bool:
    """Whether rounds are so large that this is faster than an event queue."""
    return max(cluster.workers, ROUNDS[type(rule)].size(rule, cluster.workers, False)) >= PAYS


def run(
    rule: Rule, cluster: Cluster, seed: int, updates: int | None, until: float | None, gradients: int | None
) -> tuple[Log, float, str] | None:
    """What happened, when it stopped, and why; the same as of the engine, to the last bit.

    None where a worker does so many more jobs in a round than the others that the engine is better at it.
    """
    n, last = cluster.workers, math.inf if until is None else until
    sizes = [ROUNDS[type(rule)].size(rule, n, first) for first in (True, False)]
    ahead, rounds, parks = Ahead(cluster, seed), _Rounds(), parks_after(rule)
    over = _over(cluster, seed, parks < math.inf)
    begin, used = 0.0, 0
    while True:
        version = len(rounds.time)
        size = sizes[version > 0]
        found = _round(ahead, begin, size, last, parks, ROUNDS[type(rule)].weighs_workers)
        if found is None:
            return None
        at_work = np.flatnonzero((found.counts < parks) & (found.since < min(found.full, last)))
        if found.full > last:
            return rounds.log(found, at_work, running=True), last, "until"
        applied = over(found)
        used += len(found.worker)
        ended = applied <= last and (version + 1 == updates or (gradients is not None and used >= gradients))
        at_once = applied <= found.full  # then those at work are so still, where the run ends with this update
        if ended:
            rounds.time.append(applied)
            ending = "updates" if version + 1 == updates else "gradients"
            return rounds.log(found, at_work, running=at_once, collected=True), applied, ending
        if applied > last:
            return rounds.log(found, at_work, running=False, collected=True), last, "until"
        rounds.time.append(applied)
        rounds.add(found, at_work, collected=True)
        ahead.taken += found.counts
        ahead.taken[at_work] += 1  # what takes no time is no job, and its seconds are still to be used
        begin = applied


def _over(cluster: Cluster, seed: int, knows: bool) -> Callable[[_Round], float]:
    """When the communication of a round is over, as in `rounds`."""
    late = draws(cluster.jitter, stream(seed, cluster.workers, 2)) if cluster.jitter else None

    def over(found: _Round) -> float:
        more = sum(next(late) for _ in range(cluster.communications_per_round)) if late else 0.0
        if cluster.senders_alone:
            done = dict(zip(found.worker.tolist(), found.ended.tolist()))
            at = cluster.gathered(done, found.full, knows) + more
        else:
            at = found.full + (cluster.round_communication + more)
        return max(at, found.full)

    return over


# ---- one round


class Ahead:
    """The seconds of each worker's next jobs, in a ring."""

    def __init__(self, cluster: Cluster, seed: int):
        compute: Any = cluster.compute
        self.drawn = {i: Drawn(time, stream(seed, i)) for i, time in enumerate(compute) if not isinstance(time, float)}
        self.steady = np.array([isinstance(time, float) for time in compute])
        self.h = np.array([time if isinstance(time, float) else math.nan for time in compute])
        self.seconds = np.zeros((len(compute), 16))
        self.taken = np.zeros(len(compute), int)  # by jobs of rounds that are over
        self.there = np.where(self.steady, 2**62, 0)  # drawn

    def ends(self, workers: np.ndarray, begin: float, last: np.ndarray, done: int, width: int) -> np.ndarray | None:
        """When their next jobs of a round end, shape (workers, width); None where there is no room for so many.

        last: when those ended that are ``done``, shape (workers,).
        """
        while self.seconds.shape[1] < done + width:
            if self.seconds.size > MOST:
                return None
            self._widen()
        short = workers[self.there[workers] - self.taken[workers] < done + width]
        if (
            len(short) and self.seconds.shape[1] < 256 and self.seconds.size < MOST
        ):  # then draws come in larger portions
            self._widen()
        for worker in short.tolist():
            self._draw(worker)
        room = self.seconds.shape[1]
        places = (self.taken[workers, None] + np.arange(done, done + width)) % room
        places += workers[:, None] * room
        seconds = self.seconds.ravel().take(places)
        seconds[:, 0] += last
        ended = np.cumsum(seconds, axis=1, out=seconds)
        steady = self.steady[workers]
        if steady.any():  # as `Steady` has it, a product and not a sum
            ended[steady] = begin + np.arange(done + 1.0, done + width + 1) * self.h[workers[steady], None]
        return ended

    def _draw(self, worker: int) -> None:
        room = self.seconds.shape[1]
        there, upto = int(self.there[worker]), int(self.taken[worker]) + room
        drawn, place = self.drawn[worker].take(upto - there), there % room
        self.seconds[worker, place : place + len(drawn)] = drawn[: room - place]
        self.seconds[worker, : max(place + len(drawn) - room, 0)] = drawn[room - place :]
        self.there[worker] = upto

    def _widen(self) -> None:
        n, room = self.seconds.shape
        turned = self.seconds[np.arange(n)[:, None], (self.taken[:, None] + np.arange(room)) % room]
        self.seconds = np.concatenate([turned, np.zeros((n, room))], axis=1)
        self.there = np.where(self.steady, self.there, self.there - self.taken)
        self.taken = np.zeros(n, int)


class _Round(NamedTuple):
    """Who finished, in this order, until the round was full or the run over."""

    full: float  # when; infinite, or after the end, where it is not
    worker: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # instead of the method of tuples
    begun: np.ndarray
    ended: np.ndarray
    counts: np.ndarray  # jobs of each worker
    since: np.ndarray  # when each worker's last one ended, or the round began
    weights: np.ndarray


def _round(ahead: Ahead, begin: float, size: int, until: float, parks: float, weighs_workers: bool) -> _Round | None:
    n = len(ahead.h)
    workers, last, done = np.arange(n), np.full(n, begin), 0
    width = int(min(parks, math.ceil(size / n) + 1))
    parts: list[tuple[np.ndarray, ...]] = []
    while len(workers):
        ended = ahead.ends(workers, begin, last, done, width)
        if ended is None:
            return None
        begun = np.concatenate([last[:, None], ended[:, :-1]], axis=1)
        index = np.broadcast_to(np.arange(done, done + width), ended.shape)
        parts.append(tuple(each.ravel() for each in (np.repeat(workers, width), index, begun, ended)))
        columns = [np.concatenate(each) for each in zip(*parts)] if len(parts) > 1 else parts[0]
        if weighs_workers:
            order = _in_order(columns, np.arange(len(columns[0])))
            number = _all_count(columns[0][order], columns[1][order], size, n)
            when = columns[3][order[number - 1]] if number else math.inf
        else:
            when = np.partition(columns[3], size - 1)[size - 1] if len(columns[3]) >= size else math.inf
        done += width
        more = (ended[:, -1] <= min(when, until)) & (ended[:, -1] < math.inf) & (done < parks)
        workers, last, width = workers[more], ended[more, -1], 2 * width
    if not weighs_workers:
        order, number = _in_order(columns, np.flatnonzero(columns[3] <= min(when, until))), size
    order = order[:number] if when <= until else order[: np.searchsorted(columns[3][order], until, "right")]
    worker, index, begun, ended = (column[order] for column in columns)
    counts, since = np.bincount(worker, minlength=n), np.full(n, begin)
    since[worker] = ended  # the last one's
    weights = 1 / (n * counts[worker]) if weighs_workers else np.full(len(worker), 1 / size)
    return _Round(float(when), worker, index, begun, ended, counts, since, weights)


def _in_order(columns: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """These rows of jobs as they end; what ends together goes by worker."""
    return rows[np.lexsort((columns[0][rows], columns[3][rows]))]


def _all_count(worker: np.ndarray, index: np.ndarray, size: int, n: int) -> int:
    """With how many of these jobs, in this order, Malenia's condition holds; 0 where it does not."""
    multiple = index + 1.0
    absent = n - np.cumsum(index == 0)
    with np.errstate(divide="ignore"):
        inverse_sum = np.cumsum(np.where(index == 0, 1.0, -1.0 / (multiple * (multiple - 1))))
    about = np.flatnonzero((absent == 0) & (n * n >= size * inverse_sum * (1 - 1e-9)))  # as `Malenia` has it
    if not len(about):
        return 0
    least = int(about[0]) + 1
    counts = np.bincount(worker[:least], minlength=n).tolist()
    for number in range(least, len(worker) + 1):
        if full(counts, size):
            return number
        if number < len(worker):
            counts[worker[number]] += 1
    return 0


# ---- one round after another


class _Rounds:
    """The rows of all rounds so far."""

    def __init__(self):
        self.columns: list[tuple[np.ndarray, ...]] = []  # worker, index, start, finish
        self.weights: list[np.ndarray] = []
        self.finished: list[int] = []  # of each round in `columns`
        self.collected, self.time = 0, []

    def add(self, found: _Round, at_work: np.ndarray, collected: bool) -> None:
        """A round, and who was at work when it was full or the run over."""
        begun, ended = found.since[at_work], np.full(len(at_work), found.full)
        mine = zip((*found[1:5],), (at_work, found.counts[at_work], begun, ended))
        self.columns.append(tuple(np.concatenate(pair) for pair in mine))
        self.finished.append(len(found.worker))
        if collected:
            self.weights.append(found.weights)
            self.collected += 1

    def log(self, found: _Round, at_work: np.ndarray, running: bool, collected: bool = False) -> Log:
        """All, with the last round. running: those at work are so still."""
        self.add(found, at_work, collected)
        worker, index, start, finish = (np.concatenate(column) for column in zip(*self.columns))
        lengths, finished = np.array([len(each[0]) for each in self.columns]), np.array(self.finished)
        begins = lengths.cumsum() - lengths
        done = np.arange(len(worker)) - np.repeat(begins, lengths) < np.repeat(finished, lengths)
        stopped = np.flatnonzero(~done)
        still = len(at_work) * running
        if still:
            finish[-still:] = math.nan
        until = (begins + lengths)[self.collected - 1] if self.collected else 0
        return Log(
            worker=worker,
            version=np.repeat(np.arange(len(lengths)), lengths),
            index=index,
            start=start,
            computed=finish,  # a round's gradients are sent together
            finish=finish,
            cancelled=stopped[: len(stopped) - still],
            running=stopped[len(stopped) - still :],
            rows=(begins + finished)[: self.collected],
            time=np.array(self.time),
            sizes=finished[: self.collected],
            used=np.flatnonzero(done[:until]),
            weights=np.concatenate([np.zeros(0), *self.weights]),
        )
