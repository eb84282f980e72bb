"""What makes environments with Gymnasium's API: its registry, a class, or an environment that is copied.

All but copies of an object are values, so that one compiled program serves two that make the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from asyncsim.base import nearest

from .episodes import Maker

PREFIX = "gymnasium/"


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

        with _told_in_oneline_of(self):
            return gymnasium.make(self.id, disable_env_checker=True, **dict(self.keywords))


@dataclass(frozen=True)
class Constructor:
    """Makes environments of a class, with these keywords."""

    kind: type
    keywords: tuple[tuple[str, Any], ...] = ()

    def __call__(self) -> Any:
        """A new one."""
        return self.kind(**dict(self.keywords))


@dataclass(frozen=True, eq=False)
class Copies:
    """Makes copies of an environment."""

    environment: Any

    def __call__(self) -> Any:
        """A new one. Raises ValueError, one line, where it cannot be copied."""
        try:
            return deepcopy(self.environment)
        except Exception as error:
            line = f"{told(self)} cannot be copied: {line_of(error)}: give a function that makes one"
            raise ValueError(line) from error


def registered(id: str, **keywords: Any) -> Registered:
    """What makes the environment that Gymnasium knows by this id. Raises ValueError, one line."""
    import gymnasium

    if id not in gymnasium.registry:
        hint = nearest(PREFIX + id, [PREFIX + known for known in gymnasium.registry])
        raise ValueError(f"environment={PREFIX + id!r} is unknown: {hint}")
    spec = gymnasium.spec(id)
    maker = Registered(id, tuple(sorted(keywords.items())), spec.entry_point, f"{spec}")
    _check_keywords(PREFIX + id, _signature(maker), keywords, "max_episode_steps")
    return maker


def constructor(kind: type, **keywords: Any) -> Constructor:
    """What makes environments of this class. Raises ValueError, one line."""
    _check_keywords(kind.__name__, inspect.signature(kind), keywords)
    return Constructor(kind, tuple(sorted(keywords.items())))


def told(maker: Maker) -> str:
    """How errors call what a function makes."""
    made = maker.kind if isinstance(maker, Constructor) else maker
    made = type(made.environment) if isinstance(made, Copies) else made
    name = PREFIX + made.id if isinstance(made, Registered) else getattr(made, "__qualname__", made)
    return f"environment={name!r}"


def line_of(thing: Any) -> str:
    """As one line."""
    return " ".join(f"{thing}".split())


def _signature(maker: Registered) -> inspect.Signature:
    """Of the class, or the function, that makes the environment."""
    from gymnasium.envs.registration import load_env_creator

    with _told_in_oneline_of(maker):
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
def _told_in_oneline_of(maker: Registered) -> Iterator[None]:
    """Errors of Gymnasium, as ValueErrors that say which environment it was."""
    from gymnasium.error import DependencyNotInstalled

    try:
        yield
    except Exception as error:
        line = line_of(error)
        if not isinstance(error, DependencyNotInstalled | ImportError):
            raise ValueError(f"{told(maker)} cannot be made: {line}") from error
        if f"{maker.entry}".startswith("gymnasium.envs.box2d"):
            line = "pip install 'asyncsim[box2d]'"
        raise ValueError(f"{told(maker)} needs a package that is not there: {line}") from None
