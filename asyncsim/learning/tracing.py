"""Whether JAX can trace code from elsewhere, and whether it has the right shapes: told before anything is compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import ShapeDtypeStruct

from ..base import measure
from ..problems import PolicyGradient
from ..rl.spaces import Discrete
from .keys import initial_key


def check_update(update: Any, problem: Any) -> None:
    """Raises ValueError, in one line, unless the update's three functions fit together and the problem's parameters."""
    name = type(update).__name__
    if "step_size" not in ([field.name for field in fields(update)] if is_dataclass(update) else ()):
        raise ValueError(f"{name} is no dataclass with a field step_size: give @dataclass(frozen=True) and step_size")
    _check_hashable(name, update)
    params = jax.eval_shape(lambda: problem.init(initial_key(0)))
    number, count = jax.eval_shape(lambda: jnp.zeros(())), ShapeDtypeStruct((), jnp.int32)
    state = _traced(f"{name}.init", update.init, params)
    for key in ("point", "direction"):
        if not hasattr(state, key):
            raise ValueError(f"{name}.init returned {_shapes(state)}: give a state with {key}, {_shapes(params)}")
        _check_shape(f"{name}.init: {key}", getattr(state, key), params)
    sent = _traced(f"{name}.query", update.query, state)
    if hasattr(update, "measure"):  # which takes what is sent, whatever that is
        job = (jax.random.key(0)[None], jnp.zeros(1, jnp.int32), jax.eval_shape(lambda: jnp.zeros(1)))
        answer = _traced(f"{name}.measure", measure(update, problem), sent, *job)
        if not (isinstance(answer, tuple) and len(answer) == 2):
            raise ValueError(f"{name}.measure returned {_shapes(answer)}: give ({_shapes(params)}, JobStats)")
        _check_shape(f"{name}.measure", answer[0], params)
    else:
        _check_shape(f"{name}.query", sent, params)
    after = _traced(f"{name}.apply", update.apply, state, params, number, count, count)
    _check_same(f"{name}.apply", after, state)


def check_environment(problem: PolicyGradient) -> None:
    """Raises ValueError, in one line, unless the environment of a problem fulfils `rl.spaces.Environment`."""
    every: Any = problem.environment
    environment = every[0] if problem.workers else every
    name, key = type(environment).__name__, jax.random.key(0)
    _check_hashable(name, environment)
    discrete = isinstance(environment.actions, Discrete)
    number = jax.eval_shape(lambda: jnp.zeros(()))
    action = ShapeDtypeStruct((), jnp.int32)
    if not discrete:
        action = ShapeDtypeStruct((environment.actions.size,), number.dtype)
    state = _traced(f"{name}.reset", environment.reset, key)
    seen = ShapeDtypeStruct((environment.observation_size,), number.dtype)
    _check_shape(f"{name}.observe", _traced(f"{name}.observe", environment.observe, state), seen)
    answer = _traced(f"{name}.step", environment.step, state, action, key)
    if not (isinstance(answer, tuple) and len(answer) == 3):
        raise ValueError(f"{name}.step returned {_shapes(answer)}: give (state, reward, whether the episode has ended)")
    after, reward, ended = answer
    _check_same(f"{name}.step: the state", after, state)
    _check_shape(f"{name}.step: the reward", reward, number)
    _check_same(f"{name}.step: whether the episode has ended", ended, ShapeDtypeStruct((), jnp.bool_))
    # Fields that differ between workers are traced, too.
    params, weights = jax.eval_shape(lambda: problem.init(initial_key(0))), jax.eval_shape(lambda: jnp.zeros(1))
    _traced(f"{name}, in a trajectory", problem.gradient, params, key[None], jnp.zeros(1, jnp.int32), weights)


def _traced(what: str, function: Callable, *arguments: Any) -> Any:
    """The shapes of what a function returns. Raises ValueError from what it raises."""
    try:
        return jax.eval_shape(function, *arguments)
    except Exception as error:
        said = f"{type(error).__name__}: {f'{error}'.partition(chr(10))[0]}"
        given = ", ".join(_shapes(argument) for argument in arguments)
        raise ValueError(f"{what} of {given} raised {said}: give what jax.numpy can trace") from error


def _check_shape(what: str, came: Any, wanted: ShapeDtypeStruct) -> None:
    if getattr(came, "shape", None) != wanted.shape:
        raise ValueError(f"{what} returned {_shapes(came)}: give {_shapes(wanted)}")


def _check_same(what: str, came: Any, wanted: Any) -> None:
    """Raises ValueError unless trees of arrays have the same parts, with the same shapes and types."""

    def kinds(tree):
        return jax.tree.structure(tree), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]

    if kinds(came) != kinds(wanted):
        raise ValueError(f"{what} returned {_shapes(came)}: give {_shapes(wanted)}")


def _check_hashable(name: str, component: Any) -> None:
    """Raises ValueError where JAX could not tell whether it has a program of this component."""
    try:
        hash(component)
    except TypeError as error:
        raise ValueError(f"{name}: {error}: give @dataclass(frozen=True), and numbers or tuples as fields") from error


def _shapes(tree: Any) -> str:
    """As JAX writes them: ``float32[8]``, and in the names of a state."""
    return f"{jax.tree.map(lambda leaf: f'{leaf.dtype}{list(leaf.shape)}', tree)}".replace("'", "")
