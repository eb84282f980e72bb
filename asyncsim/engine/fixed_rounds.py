"""Rounds of collecting rules on fixed times, in closed form.

Every round is the first one, begun later: the k-th job of worker i ends at the float b + k·h_i, with b the start of the
round. Adding b may make jobs end together, but never turns their order. So each round is full at b + t, with t the
length of the first one (`theory`), and has the first one's jobs in their order, but for those that rounding makes end
together, which go by worker. There are few different rounds, and a run is these, one after another.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from ..base import Rule, parks_after
from ..cluster import Cluster
from ..rules.malenia import full
from ..theory.rules import ROUNDS
from .log import Log


def applies(cluster: Cluster) -> bool:
    """Whether these are a collecting rule's rounds on this cluster, which has neither speeds nor outages."""
    compute: Any = cluster.compute
    if cluster.jitter or not all(isinstance(time, float) for time in compute):
        return False
    return cluster.round_communication <= 1e6 * min(compute)  # else many jobs would round to one instant in the end


def run(
    rule: Rule, cluster: Cluster, updates: int | None, until: float | None, gradients: int | None
) -> tuple[Log, float, str]:
    """What happened, when it stopped, and why; the same as of the engine, to the last bit."""
    h = np.array(cluster.compute)
    first, later = _shape(rule, h, True), _shape(rule, h, False)
    most = math.inf if updates is None else updates
    if gradients is not None:
        most = min(most, 1 + max(0, math.ceil((gradients - first.size) / later.size)))
    latest = 2 * most * (max(first.seconds, later.seconds) + cluster.round_communication)  # twice for rounding
    if until is not None:
        latest = min(latest, until)
    jobs = {shape: _jobs(shape, h, latest) for shape in {first, later}}
    over = _over(rule, cluster, h, jobs, latest)
    begin, collected, time = _clock(first, later, over, most, math.inf if until is None else until)
    end = time[-1] if until is None else until

    # The rounds that differ, and which of them each one is.
    different: list[_Round] = []
    known: dict[tuple[_Shape, bytes], int] = {}
    which = array("q")
    for shape, begins in ((first, begin[: len(collected)][:1]), (later, begin[1 : len(collected)])):
        for b, ties in zip(begins, _ties(jobs[shape], begins, latest)):
            if (shape, ties) not in known:
                known[shape, ties] = len(different)
                ordered = _in_order(jobs[shape], b)
                different.append(_round(shape, h, ordered, _finished(shape, ordered, h, latest), b, b + shape.seconds))
            which.append(known[shape, ties])
    if len(begin) > len(collected):  # the last one, which is not full
        shape = later if collected else first
        ordered = _in_order(jobs[shape], begin[-1])
        finished = int(np.searchsorted(begin[-1] + ordered.ended, end, "right"))
        which.append(len(different))
        different.append(_round(shape, h, ordered, finished, begin[-1], end))

    ending = "until" if len(time) < most else "updates"
    if gradients is not None:
        reached = 1 + int(np.searchsorted(np.cumsum([different[k].finished for k in which[: len(time)]]), gradients))
        if reached <= len(time):
            ending, end = "updates" if reached == updates else "gradients", time[reached - 1]
            begin, collected, time, which = (column[:reached] for column in (begin, collected, time, which))
    if ending != "until":
        end = time[-1]
    at_work = len(begin) > len(collected) or time[-1:] == collected[-1:]  # at the end; else the last round communicates
    return _log(different, np.asarray(which), np.asarray(begin), collected, time, at_work), float(end), ending


# ---- one round


class _Shape(NamedTuple):
    """What a rule makes of a round, as in `RoundFormulas`."""

    size: int
    parks_after: float
    seconds: float  # t
    weighs_workers: bool


def _shape(rule: Rule, h: np.ndarray, first: bool) -> _Shape:
    formulas = ROUNDS[type(rule)]
    size, seconds = formulas.size(rule, len(h), first), formulas.seconds(rule, h, first)
    return _Shape(size, parks_after(rule), seconds, formulas.weighs_workers)


class _Jobs(NamedTuple):
    """Jobs that may end in a round, in the order in which they do; each of shape (jobs,)."""

    worker: np.ndarray
    multiple: np.ndarray  # k
    ended: np.ndarray  # k·h_i


def _jobs(shape: _Shape, h: np.ndarray, end: float) -> _Jobs:
    """Those of a round that begins at 0, and what rounding may add to them later, until ``end``."""
    latest = min(shape.seconds, end) + 2 * np.spacing(end)
    count = np.minimum(np.floor(latest / h) + 1, shape.parks_after).astype(int)  # one may be too many
    worker = np.repeat(np.arange(len(h)), count)
    multiple = np.arange(1, len(worker) + 1) - np.repeat(count.cumsum() - count, count)
    jobs = _Jobs(worker, multiple, multiple * h[worker])
    order = np.argsort(jobs.ended, kind="stable")
    return _Jobs(*(column[order[: np.count_nonzero(jobs.ended <= latest)]] for column in jobs))


def _ties(jobs: _Jobs, begins: array, end: float) -> Iterator[bytes]:
    """For rounds begun at these seconds, which neighbours end together by rounding: all that their order depends on."""
    gap = np.diff(jobs.ended)
    near = np.flatnonzero((gap > 0) & (gap <= 2 * np.spacing(end)))
    if not len(near):
        return repeat(b"", len(begins))
    b = np.asarray(begins)[:, None]
    return (row.tobytes() for row in np.packbits(b + jobs.ended[near] == b + jobs.ended[near + 1], axis=1))


def _in_order(jobs: _Jobs, begin: float) -> _Jobs:
    """As they end in a round that begins then: what ends together goes by worker."""
    time = begin + jobs.ended
    same = time[1:] == time[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    order = np.arange(len(time))
    order[tied] = tied[np.lexsort((jobs.multiple[tied], jobs.worker[tied], time[tied]))]
    return _Jobs(*(column[order] for column in jobs))


def _finished(shape: _Shape, jobs: _Jobs, h: np.ndarray, end: float) -> int:
    """How many jobs make the round full."""
    if not shape.weighs_workers:
        return shape.size
    low = int(np.count_nonzero(jobs.ended < shape.seconds - 2 * np.spacing(end)))
    high = len(jobs.ended)
    while low < high:
        middle = (low + high) // 2
        if full(np.bincount(jobs.worker[:middle], minlength=len(h)).tolist(), shape.size):
            high = middle
        else:
            low = middle + 1
    return high


class _Round(NamedTuple):
    """The rows of a round: who finished, in this order, and who was at work then, by worker."""

    finished: int
    worker: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # instead of the method of tuples
    begun: np.ndarray  # seconds after the round's start
    ended: np.ndarray
    weight: np.ndarray


def _round(shape: _Shape, h: np.ndarray, jobs: _Jobs, finished: int, begin: float, stop: float) -> _Round:
    """Of a round that begins then, and is full, or is left, at ``stop``."""
    worker, index = jobs.worker[:finished], jobs.multiple[:finished] - 1
    counts = np.bincount(worker, minlength=len(h))
    since = counts * np.where(counts > 0, h, 0.0)  # not 0 · ∞
    others = np.flatnonzero((counts < shape.parks_after) & (begin + since < stop))  # a job that took no time is no job
    weight = 1 / (len(h) * counts[worker]) if shape.weighs_workers else np.full(finished, 1 / shape.size)
    worker, index = np.concatenate([worker, others]), np.concatenate([index, counts[others]])
    begun = index * np.where(index > 0, h[worker], 0.0)  # not 0 · ∞
    ended = np.concatenate([jobs.ended[:finished], np.full(len(others), shape.seconds)])
    return _Round(finished, worker, index, begun, ended, np.concatenate([weight, np.zeros(len(others))]))


# ---- one round after another


def _clock(
    first: _Shape, later: _Shape, over: Callable[[_Shape, float], float], most: float, until: float
) -> tuple[array, array, array]:
    """When rounds begin, are full, and are applied; the last one begun need not be full, nor the last full applied."""
    begin, collected, time = array("d", [0.0]), array("d"), array("d")
    now, shape = 0.0, first
    while now + shape.seconds <= until:
        collected.append(now + shape.seconds)
        now = over(shape, now)
        if now > until:
            break
        time.append(now)
        if len(time) == most:
            break
        begin.append(now)
        shape = later
    return begin, collected, time


def _over(
    rule: Rule, cluster: Cluster, h: np.ndarray, jobs: dict[_Shape, _Jobs], latest: float
) -> Callable[[_Shape, float], float]:
    """When the communication is over of a round that has this shape and begins then, as in `rounds`."""
    if not cluster.senders_alone:
        pause = cluster.round_communication
        return lambda shape, begin: begin + shape.seconds + pause
    knows = parks_after(rule) < math.inf
    last: dict[tuple[_Shape, bytes], list[tuple[int, float]]] = {}  # job of each worker, in seconds of the round

    def over(shape: _Shape, begin: float) -> float:
        key = shape, next(_ties(jobs[shape], array("d", [begin]), latest))
        if key not in last:
            ordered = _in_order(jobs[shape], begin)
            finished = _finished(shape, ordered, h, latest)
            used = zip(ordered.worker[:finished].tolist(), ordered.ended[:finished].tolist())
            last[key] = list(dict(used).items())
        done = {worker: begin + ended for worker, ended in last[key]}
        return cluster.gathered(done, begin + shape.seconds, knows)

    return over


def _log(
    different: list[_Round], which: np.ndarray, begin: np.ndarray, collected: array, time: array, at_work: bool
) -> Log:
    finished, lengths = (np.array(sizes) for sizes in zip(*((kind.finished, len(kind.worker)) for kind in different)))
    columns = {key: np.concatenate([getattr(kind, key) for kind in different]) for key in _Round._fields[1:]}
    first, length = (lengths.cumsum() - lengths)[which], lengths[which]
    begins = length.cumsum() - length  # rows of the log
    source = np.arange(length.sum())  # a round's rows are all over again
    source -= np.repeat(begins - first, length)
    done = np.concatenate([np.arange(len(kind.worker)) < kind.finished for kind in different])[source]

    finish, start = columns["ended"][source], np.repeat(begin, length)
    finish += start  # in place: there may be very many
    start += columns["begun"][source]
    used = np.flatnonzero(done[: (begins + length)[len(collected) - 1] if collected else 0])
    cancelled, running = np.flatnonzero(~done), np.zeros(0, int)
    if at_work:
        last = cancelled >= begins[-1]
        cancelled, running = cancelled[~last], cancelled[last]
        finish[running] = math.nan
    return Log(
        worker=columns["worker"][source],
        version=np.repeat(np.arange(len(which)), length),
        index=columns["index"][source],
        start=start,
        computed=finish,  # a round's gradients are sent together
        finish=finish,
        cancelled=cancelled,
        running=running,
        rows=(begins + finished[which])[: len(collected)],
        time=time,
        sizes=finished[which][: len(collected)],
        used=used,
        weights=columns["weight"][source[used]],
    )
