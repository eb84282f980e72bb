"""Episodes of Gymnasium's environments, on the host, while compiled programs step them in batches.

Environments are objects with a state, so they stay here. A compiled program holds a handle: the number of a batch, an
episode's place in it, and how many steps the episode has had. A step from another state than the newest one is an
error, so a call that a compiler has repeated or reordered cannot give a wrong trajectory.

Environments are used for one episode after another, by ``reset(seed=...)``; `check_repeatable` finds out whether they
may be.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from itertools import count, zip_longest
from threading import Lock
from typing import Any, NamedTuple

OPEN = 100  # batches, at most: a program that runs has one, and a core runs one program
SPARE = 2000  # environments that wait for their next episodes
CHECKED = 100  # steps of an episode that is to be repeated
Maker = Callable[[], Any]  # makes an environment with Gymnasium's API


class Seen(NamedTuple):
    """What a step brought."""

    observation: Any
    reward: float
    ended: bool


OVER = Seen(None, 0.0, True)  # of an episode that is over, or never began


@dataclass
class Batch:
    """Episodes that were begun together."""

    makers: Sequence[Maker | None]
    environments: list[Any]  # None: the episode is over, or never began
    steps: list[int]
    busy: bool = False  # being stepped


class Episodes:
    """Open batches, and environments that are free. Threads may share it.

    room: how many batches are open. Beyond that, the one that was not used for the longest time is dropped: a program
        that was interrupted does not close its own.
    """

    def __init__(self, room: int = OPEN, spare: int = SPARE):
        self.room, self.most_spare = room, spare
        self.open: OrderedDict[int, Batch] = OrderedDict()
        self.spare: OrderedDict[Maker, list[Any]] = OrderedDict()
        self._numbers, self._lock = count(1), Lock()

    def begin(self, makers: Sequence[Maker | None], seeds: Sequence[int]) -> tuple[int, list[Any]]:
        """The number of a new batch, and the first observations; None where there is no maker, and so no episode."""
        batch = Batch(makers, [None] * len(makers), [0] * len(makers))
        observations: list[Any] = [None] * len(makers)
        for k, (maker, seed) in enumerate(zip(makers, seeds)):
            if maker is not None:
                batch.environments[k] = self._free(maker)
                observations[k] = _reset(batch.environments[k], seed)
        with self._lock:
            number = next(self._numbers)
            self.open[number] = batch
            self._tidy()
        return number, observations

    def step(self, handles: Sequence[Sequence[int]], actions: Sequence[Any]) -> list[Seen]:
        """Step the episodes with these (number, place, steps so far); without an action, None, an episode ends."""
        with self._used({number for number, _, _ in handles}) as batches:
            return [
                self._step(batches[number], place, steps, action)
                for (number, place, steps), action in zip(handles, actions)
            ]

    def close(self, numbers: set[int]) -> None:
        """There will be no more steps of these batches: their environments are free for others."""
        with self._lock:
            for number in numbers & self.open.keys():
                self._drop(number)

    def _drop(self, number: int) -> None:
        batch = self.open.pop(number)
        for place in range(len(batch.environments)):
            self._give_back(batch, place)

    def _step(self, batch: Batch, place: int, steps: int, action: Any) -> Seen:
        if steps != batch.steps[place]:
            raise ValueError(
                f"an episode of a Gymnasium environment has had {batch.steps[place]} steps, and cannot go on from the "
                f"state after {steps}: step each state once"
            )
        environment = batch.environments[place]
        if environment is None:
            return OVER
        seen = OVER
        if action is not None:
            observation, reward, terminated, truncated, _ = environment.step(action)
            seen = Seen(observation, float(reward), bool(terminated or truncated))
            batch.steps[place] += 1
        if seen.ended:
            seen = deepcopy(seen)  # before another episode writes there
            with self._lock:
                self._give_back(batch, place)
        return seen

    @contextmanager
    def _used(self, numbers: set[int]) -> Iterator[dict[int, Batch]]:
        """These batches, which nobody drops meanwhile."""
        with self._lock:
            for number in numbers:
                if number not in self.open:
                    raise ValueError(
                        f"episodes of a Gymnasium environment were dropped, because {self.room} newer batches of them "
                        "were begun: run fewer programs at a time"
                    )
            batches = {number: self.open[number] for number in numbers}
            for number, batch in batches.items():
                self.open.move_to_end(number)
                batch.busy = True
        try:
            yield batches
        finally:
            for batch in batches.values():
                batch.busy = False

    def _free(self, maker: Maker) -> Any:
        with self._lock:
            if spare := self.spare.get(maker):
                return spare.pop()
        return maker()

    def _give_back(self, batch: Batch, place: int) -> None:
        maker, environment, batch.environments[place] = batch.makers[place], batch.environments[place], None
        if maker is not None and environment is not None:
            self.spare.setdefault(maker, []).append(environment)
            self.spare.move_to_end(maker)

    def _tidy(self) -> None:
        """Drop batches that there is no room for, and the environments that were free for the longest time."""
        *others, _ = self.open.items()
        idle = [number for number, batch in others if not batch.busy]
        for number in idle[: max(0, len(self.open) - self.room)]:
            self._drop(number)
        while sum(map(len, self.spare.values())) > self.most_spare:
            oldest, environments = next(iter(self.spare.items()))
            if environments:
                environments.pop().close()
            else:
                del self.spare[oldest]


EPISODES = Episodes()


def check_repeatable(name: str, make: Maker, bits: Callable[[Any], bytes]) -> None:
    """Play an episode three times: alone, and on another instance and once more on the first, beside another episode.

    name: of the environment, in errors. bits: of an observation. Raises ValueError where anything differs.
    """
    one, other, seed = make(), make(), 0
    if one is other:
        raise ValueError(f"{name} is the same object each time: give a function that makes a new one")
    before = _played(one, seed)
    for again in (_played(other, seed, beside=one), _played(one, seed, beside=other)):
        for t, (first, second) in enumerate(zip(before, again)):
            found = [(bits(seen.observation), seen.reward.hex(), seen.ended) for seen in (first, second)]
            for what, a, b in zip(("observation", "reward", "end"), *found):
                if a != b:
                    raise ValueError(
                        f"{name} is not reproducible by reset(seed={seed}): with the same actions, the {what} at step "
                        f"{t} was another one the next time; give one that draws random numbers from its np_random only"
                    )
    for environment in (one, other):
        environment.close()


def _played(environment: Any, seed: int, beside: Any = None) -> list[Seen]:
    """An episode with random actions; another environment plays one, too, step by step with it."""
    other = [] if beside is None else _episode(beside, seed + 1)
    return [seen for seen, _ in zip_longest(_episode(environment, seed), other) if seen is not None]


def _episode(environment: Any, seed: int) -> Iterator[Seen]:
    actions = deepcopy(environment.action_space)
    actions.seed(seed)
    yield Seen(deepcopy(_reset(environment, seed)), 0.0, False)
    for _ in range(CHECKED):
        observation, reward, terminated, truncated, _ = environment.step(actions.sample())
        seen = Seen(deepcopy(observation), float(reward), bool(terminated or truncated))
        yield seen
        if seen.ended:
            return


def _reset(environment: Any, seed: int) -> Any:
    environment.action_space.seed(seed)  # some draw from it
    return environment.reset(seed=seed)[0]
