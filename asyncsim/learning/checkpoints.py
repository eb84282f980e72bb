"""Where a lane is after some updates, as bytes, and what a shelf for such bytes has to do.

A checkpoint serves every timeline that has used the same gradients so far: it has the update's state, and the points
that jobs in flight were asked at. Gradients that were computed ahead of their update are not kept: they are computed
again, with the same bits.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from ..timeline import Timeline
from .programs import Carry, Sums


class Shelf(Protocol):
    """Where curves are kept that were computed once, by a lane's key and the digest of what its updates used so far."""

    def check(self, writing: bool = False) -> None:
        """Raises OSError where nothing can be read, or, if it is to be, written."""

    def rows(self, key: str) -> Mapping[bytes, bytes]:
        """What was measured of a lane, by digest."""

    def checkpoints(self, key: str) -> Collection[bytes]:
        """The digests at which a lane can be resumed."""

    def checkpoint(self, key: str, digest: bytes) -> bytes | None:
        """A checkpoint; None where it is gone by now."""

    def keep(
        self,
        key: str,
        about: Mapping[str, Any],
        rows: Mapping[bytes, bytes],
        digest: bytes,
        checkpoint: bytes,
        instead: bytes | None,
    ) -> None:
        """Keep what is new of a lane, all or nothing, instead of the checkpoint with this other digest.

        about: what the lane is, for people.
        """


class Checkpoint(NamedTuple):
    """One lane after some updates. It can be evaluated, and go on."""

    state: tuple[np.ndarray, ...]  # leaves of the update's state
    sums: Sums
    versions: np.ndarray  # (k,) that are kept
    points: np.ndarray  # (k, ...), what was sent at each

    def to_bytes(self) -> bytes:
        """As a shelf keeps it: arrays, and no code."""
        content = io.BytesIO()
        named = {f"state_{k}": leaf for k, leaf in enumerate(self.state)}
        np.savez(content, **named, **self.sums._asdict(), versions=self.versions, points=self.points)  # type: ignore[arg-type]
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """What `to_bytes` was of."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            state = tuple(arrays[f"state_{k}"] for k in range(sum(name.startswith("state_") for name in arrays)))
            sums = Sums(*(arrays[name] for name in Sums._fields))
            return cls(state, sums, arrays["versions"], arrays["points"])


OLDEST = 1023  # updates: points that were asked at longer ago are kept only where the timeline itself uses them


def points_to_hold(timeline: Timeline) -> int:
    """How many of the newest query points a program holds: those of used jobs, and of jobs in flight at the end."""
    ages = len(timeline.updates) - timeline.jobs.loc[timeline.jobs["outcome"] == "running", "version"].to_numpy()
    return 1 + max(timeline.max_delay, int(ages[ages <= OLDEST].max(initial=0)))


def versions_in_flight(timeline: Timeline, done: int) -> np.ndarray:
    """Versions of the jobs that may make a later update, after ``done`` of them, and of the newest point.

    Of updates at one instant a run may be stopped between, before it has started the jobs that follow on them.
    """
    jobs, updates = timeline.jobs, timeline.updates["time"].to_numpy()
    now = updates[done - 1] if done else 0.0
    open_yet = ~(jobs["finish"].to_numpy() < now) | (jobs["update"].to_numpy() >= done)
    version = jobs["version"].to_numpy()
    instant = np.arange(np.searchsorted(updates[:done], now) + 1, done + 1)
    return np.unique([*version[open_yet & (version <= done)], *instant, done])


def versions_needed(timeline: Timeline, done: int) -> np.ndarray:
    """Versions that the updates from ``done`` on use, of those that are known by then."""
    batches = timeline.batches()
    version = batches.version[batches.offsets[done] :]
    return np.unique(version[version <= done])


def checkpoint_of(carry: Carry, lane: int, versions: np.ndarray) -> Checkpoint:
    """A lane of a program after some updates. versions: whose points are kept, if the program still has them."""
    points = np.asarray(carry.points[lane])
    versions = versions[versions > versions.max() - len(points)]  # the newest is that of the iterate
    state = tuple(np.asarray(leaf[lane]) for leaf in jax.tree.leaves(carry.state))
    return Checkpoint(state, Sums(*(np.asarray(x[lane]) for x in carry.sums)), versions, points[versions % len(points)])


def carry_of(checkpoints: Sequence[Checkpoint], like: Carry) -> Carry:
    """A program's lanes at these checkpoints, of which the first fills it up. like: shapes."""
    room = len(like.points)
    every = [*checkpoints, *[checkpoints[0]] * (room - len(checkpoints))]
    empty = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    for points, one in zip(empty.points, every):
        points[one.versions % len(points)] = one.points
    leaves = [np.stack(leaf) for leaf in zip(*(one.state for one in every))]
    state = jax.tree.unflatten(jax.tree.structure(like.state), leaves)
    sums = Sums(*(np.stack(each) for each in zip(*(one.sums for one in every))))
    return jax.tree.map(jax.numpy.asarray, Carry(state, empty.points, empty.pending, sums))
