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

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from asyncsim.base import Array, nearest

from .callback import callback
from .episodes import EPISODES, Maker, Seen, check_repeatable
from .spaces import Box, Discrete

PREFIX = "gymnasium/"


class State(NamedTuple):
    """The state of an episode."""

    handle: Array  # where it is on the host: number of the batch, place in it, steps so far; uint32, shape (3,)
    observation: Array  # flat


@dataclass(frozen=True)
class Registered:
    """Makes the environment that Gymnasium knows by this id, with these keywords of ``gymnasium.make``.

    entry, specification: what was registered; with another registration it is another one.
    """

    id: str
    keywords: tuple[tuple[str, Any], ...]
    entry: Any = field(repr=False)
    specification: str = field(repr=False)

    def __call__(self) -> Any:
        """A new one. Raises ValueError, one line, where there can be none."""
        import gymnasium

        with _told_in_one_line(self):
            return gymnasium.make(self.id, disable_env_checker=True, **dict(self.keywords))


@dataclass(frozen=True)
class Constructor:
    """Makes environments of a class, with these keywords."""

    kind: type
    keywords: tuple[tuple[str, Any], ...] = ()

    def __call__(self) -> Any:
        """A new one."""
        return self.kind(**dict(self.keywords))


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
                raise ValueError(
                    f"{_told(maker)} has no hash: give a function, a class, or keywords that are not lists"
                )
            first, spaces = _spaces(self.makers[0]), _spaces(maker)
            if (spaces.observation_size, spaces.actions) != (first.observation_size, first.actions):
                raise ValueError(
                    f"{_told(maker)} of worker {worker} has {spaces.observation_size} numbers to see and "
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
    import gymnasium

    if id not in gymnasium.registry:
        hint = nearest(PREFIX + id, [PREFIX + known for known in gymnasium.registry])
        raise ValueError(f"environment={PREFIX + id!r} is unknown: {hint}")
    spec = gymnasium.spec(id)
    maker = Registered(id, tuple(sorted(keywords.items())), spec.entry_point, f"{spec}")
    _check_keywords(PREFIX + id, _signature(maker), keywords, "max_episode_steps")
    return Gymnasium((maker,))


def made_by(kind: type, **keywords: Any) -> Gymnasium:
    """The environment that this class with Gymnasium's API makes. Raises ValueError, one line."""
    _check_keywords(kind.__name__, inspect.signature(kind), keywords)
    return Gymnasium((Constructor(kind, tuple(sorted(keywords.items()))),))


def makes_environments(given: Any) -> bool:
    """Whether it is called for environments with Gymnasium's API: it is callable, and none of ours."""
    return callable(given) and not hasattr(given, "observe")


def side_by_side(environments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Workers' environments, of one class: those of Gymnasium's then differ in a number only. Raises ValueError."""
    if not isinstance(environments[0], Gymnasium):
        return environments
    makers = tuple(each.makers[each.worker] for each in environments)
    return tuple(Gymnasium(makers, worker) for worker in range(len(makers)))


def _told(maker: Maker) -> str:
    """How errors call what a function makes."""
    made = maker.kind if isinstance(maker, Constructor) else maker
    name = PREFIX + made.id if isinstance(made, Registered) else getattr(made, "__qualname__", made)
    return f"environment={name!r}"


def _line(thing: Any) -> str:
    return " ".join(f"{thing}".split())


def _signature(maker: Registered) -> inspect.Signature:
    """Of the class, or the function, that makes the environment."""
    from gymnasium.envs.registration import load_env_creator

    with _told_in_one_line(maker):
        return inspect.signature(load_env_creator(maker.entry) if isinstance(maker.entry, str) else maker.entry)


def _check_keywords(name: str, signature: inspect.Signature, keywords: Mapping[str, Any], *more: str) -> None:
    """Raises ValueError for a keyword that is not there. more: those that there are besides."""
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values()):
        return
    known = [*(key for key in signature.parameters if key != "render_mode"), *more]
    for key in keywords:
        if key not in known:
            hint = nearest(key, known) if known else "it has none"
            raise ValueError(f"environment field {key!r} is unknown for {name}: {hint}")


@contextmanager
def _told_in_one_line(maker: Registered) -> Iterator[None]:
    """Errors of Gymnasium, as ValueErrors that say which environment it was."""
    from gymnasium.error import DependencyNotInstalled

    try:
        yield
    except Exception as error:
        line = _line(error)
        if not isinstance(error, DependencyNotInstalled | ImportError):
            raise ValueError(f"{_told(maker)} cannot be made: {line}") from error
        if f"{maker.entry}".startswith("gymnasium.envs.box2d"):
            line = "pip install 'asyncsim[box2d]'"
        raise ValueError(f"{_told(maker)} needs a package that is not there: {line}") from None


@cache
def _spaces(maker: Maker) -> Spaces:
    """Raises ValueError, one line, where it cannot be used."""
    from gymnasium import spaces

    environment = maker()
    if not all(hasattr(environment, name) for name in ("reset", "step", "observation_space", "action_space")):
        kind = type(environment)
        raise ValueError(f"{_told(maker)} makes a {kind.__module__}.{kind.__qualname__}, which has not Gymnasium's API")
    space = environment.observation_space
    if not space.is_np_flattenable:
        raise ValueError(
            f"{_told(maker)} has observations in {_line(space)}: give one with a fixed number of numbers, as Box has"
        )
    size = spaces.flatdim(space)
    flat: Any = np.ravel if isinstance(space, spaces.Box) else partial(spaces.flatten, space)  # the same, but faster
    actions, to_gymnasium = _actions(maker, environment.action_space)

    def bits(observation):
        numbers = flat(observation)
        if numbers.size != size:
            raise ValueError(
                f"{_told(maker)} has observations of {numbers.size} numbers, its observation_space of {size}"
            )
        return numbers.tobytes()

    environment.close()
    try:
        check_repeatable(_told(maker), maker, bits)
    except ValueError:
        raise  # told already
    except Exception as error:
        line = f"{type(error).__name__}: {_line(error)}"
        raise ValueError(f"{_told(maker)} fails when an episode is tried, {line}") from error
    return Spaces(size, actions, flat, to_gymnasium, tuple(_layers(environment)))


def _actions(maker: Maker, space: Any) -> tuple[Discrete | Box, Callable[[np.ndarray], Sequence[Any]]]:
    """Our action space for Gymnasium's, and how actions are translated."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return Discrete(int(space.n)), lambda rows: (rows[:, 0] + int(space.start)).tolist()
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise ValueError(f"{_told(maker)} has actions in {_line(space)}: give a Discrete space, or a Box of floats")
    low, high = space.low.ravel(), space.high.ravel()
    if not np.isfinite([low, high]).all():
        raise ValueError(
            f"{_told(maker)} has actions in {_line(space)}: give one with finite bounds, which a squashed policy needs"
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
