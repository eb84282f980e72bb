"""Which gradients of a timeline can be computed side by side, and when each update is complete.

A job's point is known once the updates before its version are applied. Collecting rules have all jobs of an update at
one point. Under greedy rules every update has one job, and its successor needs it; but the other workers' jobs were
asked for long before: with n workers in flight, about as many gradients as arrive while the fastest computes one.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from ..timeline import Timeline

LOOK = 1000  # uses by which it is decided how many


class Schedule(NamedTuple):
    """J uses of gradients in S steps, for T updates; a step's jobs stand in a row.

    Only a step's own jobs are computed, but where updates of a collecting rule are unequal: then the smaller have jobs
    after their own that do not count.
    """

    version: np.ndarray  # (J + padding,) int32, and so on
    worker: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # instead of the method of tuples
    weight: np.ndarray  # float64
    again: np.ndarray  # bool: an update before used it, too
    update: np.ndarray  # that uses it
    first: np.ndarray  # (S,) int32, a step's first job
    count: np.ndarray  # type: ignore[assignment]  # (S,) int32, how many jobs it has
    ready: np.ndarray  # (S,) int32, updates that are complete after it
    oldest: np.ndarray  # (T,) int32, the oldest version in an update
    widths: tuple[int, ...]  # one or two: how many jobs are computed at once; a step has the least that is enough
    ahead: int  # updates that are begun at the same time, at most
    mixed: bool  # a step's jobs have points of their own


def schedule(timeline: Timeline, most: int) -> Schedule:
    """In which order a timeline's gradients are computed and used, the earliest needed first.

    most: jobs side by side that have points of their own, at most.
    """
    batches = timeline.batches()
    offsets, version = batches.offsets, batches.version
    sizes = np.diff(offsets)
    update = np.repeat(np.arange(len(sizes)), sizes)
    if np.array_equal(version, update):  # asked for at the newest point, as collecting rules do
        alone = len(sizes) > 1 and sizes[0] != sizes[1:].max()  # a first batch of its own size
        widths = sorted({sizes[0], sizes[1:].max()} if alone else {sizes.max(initial=1)})
        order, first, count, ready = np.arange(len(version)), offsets[:-1], sizes, np.arange(1, len(sizes) + 1)
        ahead, mixed = 1, False
    else:
        width = _width(version[:LOOK], update[:LOOK], most)
        order, count = _side_by_side(version, update, width)
        first, widths, mixed = np.cumsum(count) - count, sorted({1, width}), True
        left = np.minimum.accumulate(update[order][::-1])[::-1]  # the first update that has a use from here on
        ready = np.append(left, len(sizes))[first + count]
        begun = np.maximum.accumulate(np.maximum.reduceat(update[order], first)) + 1
        ahead = int((begun - np.append(0, ready[:-1])).max())
    columns = [column[order] for column in batches[1:]]
    columns = [np.pad(column, (0, widths[-1])) for column in (*columns, update[order])]
    integers = [column.astype(np.int32) for column in (*columns[:3], columns[5])]
    steps = (column.astype(np.int32) for column in (first, count, ready))
    oldest = np.minimum.reduceat(version, offsets[:-1]).astype(np.int32) if len(sizes) else np.zeros(0, np.int32)
    arrays = *integers[:3], *columns[3:5], integers[3], *steps, oldest
    return Schedule._make((*arrays, tuple(int(width) for width in widths), ahead, mixed))


def _width(version: np.ndarray, update: np.ndarray, most: int) -> int:
    """How many at once: as makes for the fewest steps."""
    return min(range(1, max(most, 1) + 1), key=lambda width: len(_side_by_side(version, update, width)[1]))


def _side_by_side(version: np.ndarray, update: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The order of computing, and how many at a time: ``width``, or one where fewer are known."""
    total = len(version)
    asked = np.argsort(version, kind="stable").tolist()  # becomes known in this order
    asked_at, used_at = version.tolist(), [*update.tolist(), np.inf]  # lists: numbers are taken one by one
    known: list[int] = []  # a heap of uses, which stand in the order in which they are needed
    order: list[int] = []
    count: list[int] = []
    done = [False] * total
    k = needed = 0  # of `asked`; and of all uses, the first that is not computed
    while len(order) < total:
        while k < total and asked_at[asked[k]] <= used_at[needed]:
            heappush(known, asked[k])
            k += 1
        size = width if len(known) >= width else 1
        for _ in range(size):
            use = heappop(known)
            order.append(use)
            done[use] = True
        count.append(size)
        while needed < total and done[needed]:
            needed += 1
    return np.array(order), np.array(count)
