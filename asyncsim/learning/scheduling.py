"""Which gradients of a timeline are computed side by side, and when each update is complete.

A job's point is known once the updates before its version are applied. Collecting rules have all jobs of an update at
one point, the newest: they are computed *together*. Under greedy rules every update has one job, and its successor
needs it; but the other workers' jobs were asked for long before: those whose points are known are computed *pooled*,
the earliest needed first.

In which program a gradient is computed, and so how it is rounded, depends on its update's own uses alone: not on
those before, nor on how many are to come. So a run that is stopped earlier, or resumed, has the same gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from ..timeline import Timeline
from ..timeline.record import Batches

SHORTEST = 2**14  # entries of a column: programs serve timelines of all lengths up to it
POOLED = 0  # the width of steps whose jobs have points of their own


class Plan(NamedTuple):
    """What programs read of a schedule. Columns are filled up, so that few programs serve timelines of all lengths."""

    version: np.ndarray  # (J + padding,) int32, one entry per use of a gradient, in the order of computing; and so on
    worker: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # instead of the method of tuples
    weight: np.ndarray  # float64
    again: np.ndarray  # bool: an update before used it, too
    update: np.ndarray  # that uses it
    first: np.ndarray  # (S + padding,) int32, a step's first job
    count: np.ndarray  # type: ignore[assignment]  # int32, how many jobs it has
    ready: np.ndarray  # int32, updates that are complete after it
    oldest: np.ndarray  # (T + padding,) int32, the oldest version in an update


class Schedule(NamedTuple):
    """S steps, each of which computes some gradients. widths: of each step's program, `POOLED` or how many jobs."""

    plan: Plan
    widths: np.ndarray  # (S,)
    ready: np.ndarray  # (S,), as in the plan
    ahead: int  # updates that are begun at the same time, at most

    def segments(self, row: int, mark: int) -> Iterator[tuple[int, int, int]]:
        """The steps from ``row`` on after which ``mark`` updates can be applied: (width, low, high) of each program.

        There is at least one, without any steps where so many are complete already.
        """
        last = max(row, int(np.searchsorted(self.ready, mark)) + 1)
        while True:
            at = max(min(row, last - 1), 0)
            others = np.flatnonzero(self.widths[at:last] != self.widths[at])
            high = at + int(others[0]) if len(others) else last
            yield int(self.widths[at]), row, high
            row = high
            if row == last:
                return


def width_of(jobs: int) -> int:
    """How many jobs are computed at once for so many: the next of 1 to 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100 ...

    So unequal batches, as Malenia's are, need few programs; the usual sizes have no padding.
    """
    power = 10 ** max(0, int(np.log10(jobs)) - 1)
    steps = (*range(1, 11), 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)
    return next(step * power for step in steps if step * power >= jobs)


def schedule(timeline: Timeline, begin: int, pool: int) -> Schedule:
    """In which order the gradients of the updates from ``begin`` on are computed.

    pool: how many jobs with points of their own a step computes, at most.
    """
    batches = timeline.batches()
    sizes = np.diff(batches.offsets)
    update = np.repeat(np.arange(len(sizes)), sizes)
    fresh = np.minimum.reduceat(batches.version == update, batches.offsets[:-1]) if len(sizes) else np.zeros(0, bool)
    together = fresh & (sizes > 1)
    if together[begin:].all():
        order = np.arange(batches.offsets[begin], len(update))
        first = batches.offsets[begin:-1] - batches.offsets[begin]
        count, ready, ahead = sizes[begin:], np.arange(begin, len(sizes)) + 1, 1
        pooled = np.zeros(len(count), bool)
    else:
        order, count, pooled = _in_order(batches, update, together, begin, pool)
        first = np.cumsum(count) - count
        left = np.minimum.accumulate(update[order][::-1])[::-1]  # the first update that has a use from here on
        ready = np.append(left, len(sizes))[first + count]
        begun = np.maximum.accumulate(np.maximum.reduceat(update[order], first)) + 1
        ahead = int((begun - np.append(begin, ready[:-1])).max())
    known = {size: width_of(size) for size in np.unique(count).tolist()}
    widths = np.array([POOLED if apart else known[size] for size, apart in zip(count.tolist(), pooled.tolist())], int)
    oldest = np.minimum.reduceat(batches.version, batches.offsets[:-1]) if len(sizes) else np.zeros(0)
    uses = [column[order] for column in (*batches[1:], update)]
    plan = _plan(uses, (first, count, ready), oldest, max(pool, *known.values(), 0))
    return Schedule(plan, widths, ready, ahead)


def _plan(uses: list[np.ndarray], steps: tuple[np.ndarray, ...], oldest: np.ndarray, widest: int) -> Plan:
    version, worker, index, weight, again, update = (filled(column, len(column) + widest) for column in uses)
    version, worker, index, update = (column.astype(np.int32) for column in (version, worker, index, update))
    first, count, ready, oldest = (filled(column, len(column)).astype(np.int32) for column in (*steps, oldest))
    return Plan(version, worker, index, weight, again, update, first, count, ready, oldest)


def filled(column: np.ndarray, least: int) -> np.ndarray:
    """The column with zeros at its end, up to a power of two: as many entries as ``least``, or more."""
    return np.pad(column, (0, power_of_two(max(least, SHORTEST)) - len(column)))


def power_of_two(least: int) -> int:
    """The next one."""
    return 1 << max(0, least - 1).bit_length()


def _in_order(
    batches: Batches, update: np.ndarray, together: np.ndarray, begin: int, pool: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order of computing, how many at a time, and whether these are pooled."""
    offsets, version = batches.offsets.tolist(), batches.version
    apart = ~together[update]
    asked = [use for use in np.argsort(version, kind="stable").tolist() if use >= offsets[begin] and apart[use]]
    asked_at = version.tolist()  # lists: numbers are taken one by one
    known: list[int] = []  # a heap of uses, which stand in the order in which they are needed
    order: list[int] = []
    count: list[int] = []
    pooled: list[bool] = []
    done = [False] * len(update)
    k = 0  # of `asked`
    for now in range(begin, len(together)):
        uses = range(offsets[now], offsets[now + 1])
        if together[now]:
            order.extend(uses)
            count.append(len(uses))
            pooled.append(False)
            continue
        for use in uses:
            while not done[use]:
                while k < len(asked) and asked_at[asked[k]] <= now:
                    heappush(known, asked[k])
                    k += 1
                some = [heappop(known) for _ in range(min(pool, len(known)))]
                for each in some:
                    done[each] = True
                order.extend(some)
                count.append(len(some))
                pooled.append(True)
    return np.array(order, int), np.array(count, int), np.array(pooled, bool)
