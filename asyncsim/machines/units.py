"""Units of work: lanes of one method that are equally far, trained for some seconds on another machine.

A unit goes out with its lanes' curves as far as the shelf has them. What its machine would keep on a shelf comes back,
and this process alone writes it there. So the store has one writer, a unit that is lost is sent again from where it
began, and a run that was killed goes on as any other. A lane does not depend on where it is trained, bit for bit.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, product
from threading import Event, Lock
from time import monotonic, sleep
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import cloudpickle
import jax
import jax.numpy as jnp

from ..base import Method, Problem
from ..learning.checkpoints import Shelf
from ..learning.identity import OPTIONS as IN_KEYS
from ..learning.identity import curve_settings, lane_key
from ..learning.lanes import Lane, lanes_of_a_program
from ..learning.numerics import OPTIONS as ALWAYS
from ..learning.resuming import Curve, Replay, extend, pool_of
from ..timeline import Timeline

SECONDS = 10.0  # of a unit: what is lost with a machine, or with a run that is killed
RETRIES = 3  # of a unit whose machine was lost
LOOK = 0.5  # seconds between looks whether to stop
MOST_SEEN = 4  # replays that a machine remembers
OPTIONS = (  # of JAX, that machines take from here: what results depend on, and where compiled programs are kept
    *IN_KEYS,
    *ALWAYS,
    "jax_enable_compilation_cache",
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


class MachinesError(OSError):
    """What is wrong with the machines, in one line."""


class Stopped(Exception):
    """The curves are not wanted any more."""


class Pool(Protocol):
    """Machines that are ready for work."""

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """What a unit's future raises where its machine was lost, and the unit may be sent again."""

    def share(self, content: bytes) -> Any:
        """What to submit in place of bytes that many units need."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have a machine call a function."""


class Machines(Protocol):
    """Where to find some."""

    def ready(self) -> AbstractContextManager[Pool]:
        """The machines, for as long as the context lasts. Raises MachinesError where there are none."""


@dataclass(eq=False)
class Turns:
    """Threads that have machines train work one at a time, since all that they do is to wait.

    wanted: what is being trained, as a lane's key and the digest of all that its updates use: who wants the same waits.
    """

    lock: Lock = field(default_factory=Lock)
    wanted: set[tuple[str, bytes]] = field(default_factory=set)

    @contextmanager
    def released(self) -> Iterator[None]:
        """Others work meanwhile."""
        self.lock.release()
        try:
            yield
        finally:
            self.lock.acquire()

    @contextmanager
    def wanting(self, lanes: set[tuple[str, bytes]], stop: Event) -> Iterator[None]:
        """What nobody else trains meanwhile."""
        while lanes & self.wanted:
            if stop.is_set():
                raise Stopped
            with self.released():
                sleep(LOOK)
        self.wanted |= lanes
        try:
            yield
        finally:
            self.wanted -= lanes


class Kept(NamedTuple):
    """The arguments of `Shelf.keep`."""

    key: str
    about: Mapping[str, Any]
    rows: Mapping[bytes, bytes]
    digest: bytes
    checkpoint: bytes
    instead: bytes | None


class Sent(NamedTuple):
    """What the units of a replay share. digest: of the content, a pickled `Replay`. options: of JAX."""

    digest: str
    content: Any
    options: Mapping[str, Any]


def train_on(
    pool: Pool,
    timeline: Timeline,
    method: Method,
    problem: Problem,
    *,
    seeds: Sequence[int],
    step_sizes: Sequence[float],
    evaluate_every: int,
    updates: int,
    shelf: Shelf,
    progress: Callable[[int, int], None] | None = None,
    stop: Event,
    turns: Turns,
    own: Sequence[ModuleType] = (),
) -> int:
    """Have machines compute what `replay` will look for on the shelf; return how many gradients that took.

    The arguments are those of `replay`. stop: is set where the curves are not wanted any more. turns: of which the
    caller has its own, and gives it up to wait. own: modules that machines do not have, whose code is sent. Curves
    without a name cannot be kept on a shelf: `replay` trains them.

    Raises MachinesError where a unit was lost too often, or a machine would compute other bits; Stopped.
    """
    run = Replay.of(timeline, updates, method.update, problem, evaluate_every, shelf)
    if not run.settings:
        return 0
    lanes = [Lane(*pair) for pair in product(seeds, step_sizes)]
    with turns.wanting({(lane_key(run.settings, *lane), run.digests[run.end]) for lane in lanes}, stop):
        curves = [run.known(lane) for lane in lanes]
        if not units_of(curves):
            return 0
        shelf.check(writing=True)
        for module in own:
            cloudpickle.register_pickle_by_value(module)
        content = cloudpickle.dumps(replace(run, shelf=None))
        sent = Sent(hashlib.sha256(content).hexdigest(), pool.share(content), jax_options())
        return _train(pool, run, curves, sent, method.name, progress, stop, turns)


def _train(
    pool: Pool,
    run: Replay,
    curves: Sequence[Curve],
    sent: Sent,
    method: str,
    progress: Callable[[int, int], None] | None,
    stop: Event,
    turns: Turns,
) -> int:
    """Send units until all curves are complete."""
    shelf: Any = run.shelf  # there is one
    running = {pool.submit(train_unit, *sent, SECONDS, unit): (unit, 0) for unit in units_of(curves)}
    computed, done = 0, sum(curve.done for curve in curves)
    while running and not stop.is_set():
        if progress:
            progress(done, run.end * len(curves))
        with turns.released():
            ended = wait(running, LOOK, FIRST_COMPLETED).done
        for future in ended:
            unit, tries = running.pop(future)
            try:
                kept, gradients = future.result()
            except pool.lost as error:
                if tries == RETRIES:
                    line = f"a unit of {method} lost its machine {tries + 1} times: {_first_line(error)}"
                    raise MachinesError(
                        f"{line}: look into the machines' logs; the store has what was trained"
                    ) from error
                running[pool.submit(train_unit, *sent, SECONDS, unit)] = unit, tries + 1
                continue
            for each in kept:
                shelf.keep(*each)
            computed += gradients
            now = [run.known(curve.lane) for curve in unit]
            done += sum(curve.done for curve in now) - sum(curve.done for curve in unit)
            for further in units_of(now):
                running[pool.submit(train_unit, *sent, SECONDS, further)] = further, 0
    if running:
        raise Stopped
    return computed


def units_of(curves: Sequence[Curve]) -> list[list[Curve]]:
    """Those that are not complete, in groups of a program's lanes that are equally far."""
    left, room = sorted((curve for curve in curves if not curve.complete), key=_done), lanes_of_a_program()
    groups = [list(same) for _, same in groupby(left, key=_done)]
    return [group[k : k + room] for group in groups for k in range(0, len(group), room)]


def _done(curve: Curve) -> int:
    return curve.done


def jax_options() -> dict[str, Any]:
    """How JAX is set here, in the caller's contexts: for `jax.config.update` on another machine."""
    wide = jnp.result_type(float) == jnp.float64
    return {"jax_enable_x64": wide} | {name: getattr(jax.config, name) for name in OPTIONS if hasattr(jax.config, name)}


def _first_line(error: BaseException) -> str:
    return f"{error}".strip().partition("\n")[0] or type(error).__name__


# ---- on the machine


class Notes:
    """A shelf that is empty, and notes what is to be kept."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []

    def check(self, writing: bool = False) -> None:
        """Nothing can be wrong with it."""

    def rows(self, key: str) -> Mapping[bytes, bytes]:
        return {}

    def checkpoints(self, key: str) -> Sequence[bytes]:
        return ()

    def checkpoint(self, key: str, digest: bytes) -> bytes | None:
        return None

    def keep(self, *arguments: Any) -> None:
        self.kept.append(Kept(*arguments))


_seen: dict[str, Replay] = {}  # by digest: equal problems that are other objects might be compiled again


def train_unit(
    digest: str, content: bytes, options: Mapping[str, Any], seconds: float, curves: Sequence[Curve]
) -> tuple[list[Kept], int]:
    """Extend a unit's curves for some seconds; return what is to be kept, and how many gradients were computed."""
    for name, value in options.items():
        jax.config.update(name, value)
    if digest not in _seen:
        if len(_seen) == MOST_SEEN:
            _seen.clear()
        _seen[digest] = pickle.loads(content)
        _check_equal(_seen[digest])
    notes, stop, begun = Notes(), Event(), monotonic()

    def further(updates: int) -> None:
        if monotonic() - begun > seconds:
            stop.set()

    extend(replace(_seen[digest], shelf=notes), curves, further, stop)
    return notes.kept, sum(curve.computed for curve in curves)


def _check_equal(run: Replay) -> None:
    """Raises MachinesError where this machine would not compute the bits of the one that has sent the replay."""
    here = curve_settings(None, None, 0, (lanes_of_a_program(), pool_of(run.problem)))  # type: ignore[arg-type]
    for key in ("packages", "programs", "floats", "device", "jax_default_prng_impl"):
        if here[key] != run.settings[key]:
            raise MachinesError(
                f"another machine has {key} {here[key]!r}, this one {run.settings[key]!r}, so curves would not be "
                "equal: install the same versions, on processors of the same kind"
            )
