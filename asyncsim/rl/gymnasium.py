"""Environments of Gymnasium, as they are. (Towers et al. 2024, gymnasium.farama.org)

One callback per step takes the whole batch (lanes and jobs) out of the compiled program; `episodes` steps it, in Python
and so on one core. A trajectory is a pure function of the key of its reset, which makes the seed of
``reset(seed=...)``, and of its actions. Environments for which that does not hold are refused when they are given (one
is Gymnasium 1.4's BipedalWalker-v3, whose physics remembers earlier episodes).

Time limits are kept: where Gymnasium truncates an episode it ends, and all rewards after that are 0, also where the
caller's horizon is longer. Observations are flattened by `gymnasium.spaces.flatten`, so that a discrete one is one-hot.
Observations and rewards are rounded to JAX's float at the end. An action that is not a number ends the episode, with
reward 0. Left out: rendering, ``info``, and actions that are neither discrete nor in a bounded box.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from asyncsim.base import Array

from .callback import callback
from .episodes import EPISODES, Maker, Seen, check_repeatable
from .makers import Copies, constructor, line_of, registered, told
from .spaces import Box, Discrete


class State(NamedTuple):
    """The state of an episode."""

    handle: Array  # where it is on the host: number of the batch, place in it, steps so far; uint32, shape (3,)
    observation: Array  # flat


@dataclass(frozen=True)
class Gymnasium:
    """An environment with Gymnasium's API.

    makers: a function without arguments that makes it; or one for each worker, whose spaces have to be the same.
    worker: whose it is; it may be traced.

    Raises ValueError, one line, for spaces that no policy here is for, and what cannot be reproduced by its seed.
    """

    makers: tuple[Maker, ...]
    worker: Any = 0

    calls_host = True

    def __post_init__(self):
        for worker, maker in enumerate(self.makers):
            if not _hashable(maker):
                raise ValueError(f"{told(maker)} has no hash: give a function, a class, or keywords that are not lists")
            first, spaces = _spaces(self.makers[0]), _spaces(maker)
            if (spaces.observation_size, spaces.actions) != (first.observation_size, first.actions):
                raise ValueError(
                    f"{told(maker)} of worker {worker} has {spaces.observation_size} numbers to see and "
                    f"{spaces.actions}, that of worker 0 {first.observation_size} and {first.actions}: give the same "
                    "spaces to all"
                )

    @property
    def observation_size(self) -> int:
        return _spaces(self.makers[0]).observation_size

    @property
    def actions(self) -> Discrete | Box:
        return _spaces(self.makers[0]).actions

    @property
    def code(self) -> tuple[type, ...]:
        """The classes of the environments and of their wrappers."""
        return tuple(dict.fromkeys(kind for maker in self.makers for kind in _spaces(maker).code))

    def reset(self, key):
        return self.reset_if(key, True)

    def reset_if(self, key, there):
        """As `reset`; where not ``there``, no episode begins, and the state is one of an episode that is over."""
        asked = (jax.random.bits(key, (), jnp.uint32), self.worker, there)
        return self._call(self._host.reset, jnp.stack([jnp.asarray(x, jnp.uint32) for x in asked]))[0]

    def observe(self, state):
        return state.observation

    def step(self, state, action, key):
        state, found = self._call(self._host.step, jnp.atleast_1d(action), state.handle)
        return state, found[0], found[1] > 0

    def close(self, state):
        """No more steps of this episode: the host need not keep it."""
        return callback(self._host.close, [(1, np.dtype(np.uint32))], state.handle, stateful=True)[0]

    @property
    def _host(self) -> Host:
        return _host(self.makers, jnp.result_type(float))

    def _call(self, function, *args):
        """The state, and (reward, whether the episode is over)."""
        dtype = jnp.result_type(float)
        results = (3, np.dtype(np.uint32)), (self.observation_size, dtype), (2, dtype)
        handle, observation, found = callback(function, results, *args, stateful=True)
        return State(handle, observation), found


class Host:
    """The callbacks. They have JAX's float, and no state but `EPISODES`."""

    def __init__(self, makers: tuple[Maker, ...], dtype: Any):
        self.makers, self.dtype, self.spaces = makers, dtype, _spaces(makers[0])

    def reset(self, asked):
        """Begin episodes; asked: seed, worker, and whether there is one, shape (..., 3)."""
        asked = np.asarray(asked)
        seeds, workers, there = asked.reshape(-1, 3).T.tolist()
        makers = [self.makers[worker] if begins else None for worker, begins in zip(workers, there)]
        number, first = EPISODES.begin(makers, seeds)
        handles = np.stack([np.full(len(first), number), np.arange(len(first)), np.zeros(len(first), int)], axis=1)
        return self._shaped(asked, handles, [Seen(observation, 0.0, False) for observation in first])

    def step(self, actions, handles):
        """Step all episodes; actions of shape (..., k), handles as in `State`."""
        actions, rows = np.asarray(actions), np.array(handles).reshape(-1, 3)
        seen = EPISODES.step(rows.tolist(), self.spaces.to_gymnasium(actions.reshape(-1, actions.shape[-1])))
        rows[[each.observation is not None for each in seen], 2] += 1
        return self._shaped(actions, rows, seen)

    def close(self, handles):
        """Give up the batches of these episodes."""
        handles = np.asarray(handles)
        EPISODES.close({*handles[..., 0].ravel().tolist()})
        return (np.zeros((*handles.shape[:-1], 1), np.uint32),)

    def _shaped(self, like, handles, seen: Sequence[Seen]):
        """Results, with the leading axes of the batch."""
        observations = np.zeros((len(seen), self.spaces.observation_size), self.dtype)
        for row, each in zip(observations, seen):
            if each.observation is not None:
                row[:] = self.spaces.flat(each.observation)
        found = np.array([(each.reward, each.ended) for each in seen], self.dtype)
        results = handles.astype(np.uint32), observations, found
        return tuple(x.reshape(*like.shape[:-1], -1) for x in results)


@dataclass(frozen=True)
class Spaces:
    """What there is to know of an environment."""

    observation_size: int
    actions: Discrete | Box
    flat: Callable[[Any], np.ndarray]  # an observation, as numbers in a row
    to_gymnasium: Callable[[np.ndarray], Sequence[Any]]  # actions in rows; None for those that are no numbers
    code: tuple[type, ...]  # the classes of the environment and of its wrappers


def make(id: str, **keywords: Any) -> Gymnasium:
    """The environment that Gymnasium knows by this id. Raises ValueError, one line."""
    return Gymnasium((registered(id, **keywords),))


def made_by(kind: type, **keywords: Any) -> Gymnasium:
    """The environment that this class with Gymnasium's API makes. Raises ValueError, one line."""
    return Gymnasium((constructor(kind, **keywords),))


def wrapped(given: Any) -> Any:
    """The environment for one with Gymnasium's API, or for what makes one; everything else as it is."""
    if makes_environments(given):
        return Gymnasium((given,))
    has_api = all(hasattr(given, name) for name in ("reset", "step", "action_space"))
    return Gymnasium((Copies(given),)) if has_api and not isinstance(given, type) else given


def makes_environments(given: Any) -> bool:
    """Whether it is called for environments with Gymnasium's API: it is callable, and none of ours."""
    return callable(given) and not hasattr(given, "observe")


def side_by_side(environments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Workers' environments, of one class: those of Gymnasium's then differ in a number only. Raises ValueError."""
    if not isinstance(environments[0], Gymnasium):
        return environments
    makers = tuple(each.makers[each.worker] for each in environments)
    return tuple(Gymnasium(makers, worker) for worker in range(len(makers)))


@cache
def _spaces(maker: Maker) -> Spaces:
    """Raises ValueError, one line, where it cannot be used."""
    from gymnasium import spaces

    environment = maker()
    if not all(hasattr(environment, name) for name in ("reset", "step", "observation_space", "action_space")):
        kind = type(environment)
        raise ValueError(f"{told(maker)} makes a {kind.__module__}.{kind.__qualname__}, which has not Gymnasium's API")
    space = environment.observation_space
    if not space.is_np_flattenable:
        raise ValueError(
            f"{told(maker)} has observations in {line_of(space)}: give one with a fixed number of numbers, as Box has"
        )
    size = spaces.flatdim(space)
    flat: Any = np.ravel if isinstance(space, spaces.Box) else partial(spaces.flatten, space)  # the same, but faster
    actions, to_gymnasium = _actions(maker, environment.action_space)

    def bits(observation):
        numbers = flat(observation)
        if numbers.size != size:
            raise ValueError(
                f"{told(maker)} has observations of {numbers.size} numbers, its observation_space of {size}"
            )
        return numbers.tobytes()

    environment.close()
    try:
        check_repeatable(told(maker), maker, bits)
    except ValueError:
        raise  # told already
    except Exception as error:
        line = f"{type(error).__name__}: {line_of(error)}"
        raise ValueError(f"{told(maker)} fails when an episode is tried, {line}") from error
    return Spaces(size, actions, flat, to_gymnasium, tuple(_layers(environment)))


def _actions(maker: Maker, space: Any) -> tuple[Discrete | Box, Callable[[np.ndarray], Sequence[Any]]]:
    """Our action space for Gymnasium's, and how actions are translated."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return Discrete(int(space.n)), lambda rows: (rows[:, 0] + int(space.start)).tolist()
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise ValueError(f"{told(maker)} has actions in {line_of(space)}: give a Discrete space, or a Box of floats")
    low, high = space.low.ravel(), space.high.ravel()
    if not np.isfinite([low, high]).all():
        raise ValueError(
            f"{told(maker)} has actions in {line_of(space)}: give one with finite bounds, which a squashed policy needs"
        )

    def within(rows):
        numbers = np.clip(rows.astype(space.dtype), low, high).reshape(-1, *space.shape)
        return [action if there else None for action, there in zip(numbers, np.isfinite(rows).all(axis=1))]

    return Box.between(low.tolist(), high.tolist()), within


def _hashable(maker: Maker) -> bool:
    try:
        hash(maker)
    except TypeError:
        return False
    return True


def _layers(environment: Any) -> Iterator[type]:
    while environment is not None:
        yield type(environment)
        environment = getattr(environment, "env", None)


@cache
def _host(makers: tuple[Maker, ...], dtype: Any) -> Host:
    return Host(makers, dtype)
