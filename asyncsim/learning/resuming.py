"""Trains lanes along a timeline, from where a shelf has their curves to its end.

What all lanes share is the `Replay`; a lane's `Curve` is what is known of it so far. Lanes that are equally far are
trained side by side, as a `Group`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event
from time import monotonic
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..base import Problem, adapted
from ..timeline import Timeline
from .checkpoints import Checkpoint, Shelf, carry_of, checkpoint_of, points_to_hold, versions_in_flight, versions_needed
from .history import MEASURED, evaluated_updates, measured
from .identity import Nameless, curve_settings, lane_key, prefix_digests
from .lanes import Lane, lanes_of_a_program, together
from .programs import Carry, advance, begin, evaluate
from .scheduling import power_of_two, schedule

POOL, POOL_OF_HOST = 2, 12  # jobs of a lane with points of their own in a step; a host skips those that are not there
SECONDS = 20.0  # between checkpoints
LOOKS = 20  # at the clock, and whether to stop, between checkpoints
STEPS, RETURN = MEASURED.index("env_steps"), MEASURED.index("eval_return")
AT_FIRST = 25  # gradients of a lane, before it is known how long they take


@dataclass
class Curve:
    """A lane's curve, as far as it is known: what was measured, by update, and where training goes on."""

    lane: Lane
    key: str = ""  # on the shelf; empty: there is none, or the lane has no name
    done: int = 0  # updates
    complete: bool = False  # all is measured that is to be
    checkpoint: Checkpoint | None = None  # at ``done``; None: at the beginning
    kept: bytes | None = None  # the digest of the checkpoint that is on the shelf
    rows: dict[int, np.ndarray] = field(default_factory=dict)
    new: dict[int, np.ndarray] = field(default_factory=dict)  # of ``rows``, those that are not on the shelf yet
    point: np.ndarray | None = None  # the last iterate, if it was computed
    computed: int = 0  # gradients

    @property
    def diverged(self) -> bool:
        """Whether a return was no finite number: then it has stopped."""
        return not all(np.isfinite(row[RETURN]) for update, row in self.rows.items() if update <= self.done)

    def measured(self, evaluated: np.ndarray) -> np.ndarray:
        """The rows of these updates, as `lane_frame` takes them."""
        return np.stack([self.rows[update] for update in evaluated.tolist()])


@dataclass(frozen=True, eq=False)
class Replay:
    """A timeline that is replayed on a problem: what all lanes share."""

    timeline: Timeline
    update: Any  # with α = 1, for α is a lane's: no new program for another one
    problem: Problem
    end: int  # updates that are done
    evaluated: np.ndarray  # after how many updates
    shelf: Shelf | None
    settings: Mapping[str, Any]  # see `curve_settings`; empty where lanes have no names
    digests: Sequence[bytes]  # of what was used, by update
    last: bool = False  # every lane's last iterate is wanted

    @classmethod
    def of(
        cls,
        timeline: Timeline,
        end: int,
        update: Any,
        problem: Problem,
        evaluate_every: int,
        shelf: Shelf | None,
        last: bool = False,
    ) -> Replay:
        """The update has to be a dataclass."""
        update, settings, digests = adapted(problem, replace(update, step_size=1.0)), {}, []
        if shelf is not None:
            with suppress(Nameless):
                settings = curve_settings(problem, update, evaluate_every, (lanes_of_a_program(), pool_of(problem)))
                digests = prefix_digests(timeline)
        evaluated = evaluated_updates(timeline, evaluate_every)
        return cls(timeline, update, problem, end, evaluated[evaluated <= end], shelf, settings, digests, last)

    def known(self, lane: Lane) -> Curve:
        """A lane's curve, as far as the shelf has it."""
        if self.shelf is None or not self.settings:
            return Curve(lane)
        key = lane_key(self.settings, *lane)
        update_at = {digest: update for update, digest in enumerate(self.digests[: self.end + 1])}
        kept = self.shelf.rows(key)
        rows = {update_at[digest]: np.frombuffer(row) for digest, row in kept.items() if digest in update_at}
        if not self.last and {*self.evaluated.tolist()} <= {*rows}:
            return Curve(lane, key, self.end, True, rows=rows)
        for done in sorted((update_at[d] for d in self.shelf.checkpoints(key) if d in update_at), reverse=True):
            if not {*self.evaluated[self.evaluated <= done].tolist()} <= {*rows}:
                continue
            content = self.shelf.checkpoint(key, self.digests[done])
            checkpoint = None if content is None else Checkpoint.from_bytes(content)
            if checkpoint and np.isin(versions_needed(self.timeline, done), checkpoint.versions).all():
                return Curve(lane, key, done, False, checkpoint, self.digests[done], rows)
        return Curve(lane, key, rows=rows)

    def keep(self, curves: Sequence[Curve], carry: Carry) -> None:
        """Put on the shelf what is new of a program's lanes, which are at ``carry``."""
        if self.shelf is None or not self.settings:
            return
        done = curves[0].done
        versions = versions_in_flight(self.timeline, done)
        carry = jax.tree.map(np.asarray, carry._replace(pending=None))  # type: ignore[arg-type]  # it is computed again
        for k, curve in enumerate(curves):
            content = checkpoint_of(carry, k, versions).to_bytes()
            rows = {self.digests[update]: row.tobytes() for update, row in curve.new.items()}
            about = {**self.settings, "seed": curve.lane.seed, "step_size": curve.lane.step_size, "updates": done}
            self.shelf.keep(curve.key, about, rows, self.digests[done], content, curve.kept)
            curve.kept, curve.new = self.digests[done], {}


def pool_of(problem: Problem) -> int:
    """How many jobs with points of their own a step has room for."""
    return POOL_OF_HOST if getattr(problem, "calls_host", False) else POOL


class Group:
    """A program's lanes, which are equally far along a timeline."""

    def __init__(self, replay: Replay, curves: Sequence[Curve]):
        self.replay, self.curves, self.lanes = replay, curves, together([curve.lane for curve in curves])
        self.done, self.row = curves[0].done, 0  # updates, and of the schedule's steps, the first that is not done
        self.schedule = schedule(replay.timeline, self.done, pool_of(replay.problem))
        dtype = jnp.result_type(float)
        plan = self.schedule.plan
        self.plan = jax.tree.map(jnp.asarray, plan._replace(weight=plan.weight.astype(dtype)))
        self.carry = self._begun()
        self.going = [not curve.diverged for curve in curves]

    def _begun(self) -> Carry:
        """At θ_0, or at the checkpoints."""
        lengths = power_of_two(points_to_hold(self.replay.timeline)), power_of_two(self.schedule.ahead)
        first = partial(begin, self.replay.problem, self.replay.update, *lengths)
        checkpoints = [curve.checkpoint for curve in self.curves if curve.checkpoint is not None]
        if checkpoints:
            return carry_of(checkpoints, jax.eval_shape(first, self.lanes.seeds))
        return first(self.lanes.seeds)

    def advance(self, mark: int) -> None:
        """To where ``mark`` updates are applied."""
        replay = self.replay
        static = replay.problem, replay.update
        real = np.zeros(self.lanes.real.shape, bool)
        real[: len(self.going)] = self.going  # lanes that have diverged compute nothing any more
        lanes = self.lanes._replace(real=jnp.asarray(real))
        for width, low, high in self.schedule.segments(self.row, mark) if any(self.going) else ():
            window = low, high, self.done, mark
            carry = advance(*static, width, pool_of(replay.problem), self.carry, lanes, self.plan, window)
            self.carry, self.row, self.done = carry, high, min(mark, int(self.schedule.ready[high - 1]))
        self.done = mark
        for curve in self.curves:
            curve.done = mark
        jax.block_until_ready(self.carry)

    def evaluate(self) -> None:
        """Measure every lane where it is; there is nothing to measure of those that have stopped."""
        state, sums = self.carry.state, jax.tree.map(np.asarray, self.carry.sums)
        for k, curve in enumerate(self.curves):
            if not self.going[k]:
                nothing = np.full_like(next(iter(curve.rows.values())), np.nan)
                nothing[STEPS] = 0
                curve.rows[self.done] = curve.new[self.done] = nothing
                continue
            found, norm = evaluate(self.replay.problem, state.point[k], state.direction[k], np.uint32(curve.lane.seed))
            with np.errstate(invalid="ignore"):  # no job, no mean
                mean = sums.returns[k] / sums.jobs[k]
            curve.rows[self.done] = curve.new[self.done] = row = measured(mean, sums.steps[k], norm, found)
            self.going[k] = bool(np.isfinite(row[RETURN]))
        self.carry = self.carry._replace(sums=jax.tree.map(jnp.zeros_like, self.carry.sums))


def extend(replay: Replay, curves: Sequence[Curve], further: Callable[[int], None], stop: Event) -> None:
    """Extend the curves of a program's lanes, which are equally far, to the replay's end, or until ``stop`` is set.

    What was computed is kept. further: called with how many updates were done, of all lanes together.
    """
    group, offsets = Group(replay, curves), replay.timeline.batches().offsets
    kept, kept_at, gradients = monotonic(), group.done, AT_FIRST
    if not group.done and not stop.is_set():
        group.evaluate()
    while (done := group.done) < replay.end and not stop.is_set():
        begun, going = monotonic(), [curve for curve, goes in zip(curves, group.going) if goes]
        mark = max(done + 1, int(np.searchsorted(offsets, offsets[done] + gradients)))
        mark = min(mark, replay.end, *replay.evaluated[replay.evaluated > done][:1].tolist())
        group.advance(mark)
        if mark in replay.evaluated:
            group.evaluate()
        now = monotonic()
        pace = min(8.0, SECONDS / LOOKS / max(now - begun, 1e-6))  # clocks may be coarse
        gradients = min(max(1, int(gradients * pace)), int(offsets[-1]))
        if now - kept > SECONDS:
            replay.keep(curves, group.carry)
            kept, kept_at = monotonic(), mark
        for curve in going:
            curve.computed += int(offsets[mark] - offsets[done])
        further((mark - done) * len(curves))
    if group.done > kept_at or curves[0].new:
        replay.keep(curves, group.carry)
    for k, curve in enumerate(curves):
        curve.point = np.array(group.carry.state.point[k])
