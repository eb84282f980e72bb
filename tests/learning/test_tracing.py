"""Whether JAX can trace updates and environments from elsewhere is told in one line, with shapes."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import pytest

from asyncsim import PolicyGradient, updates
from asyncsim.learning.tracing import check_environment, check_update
from asyncsim.problems import Quadratic
from asyncsim.rl.environments import ENVIRONMENTS, make
from asyncsim.rl.spaces import Box, Discrete

PROBLEM = Quadratic(dimension=7)
EVERY = [updates.NIGT(0.1), updates.AFedPG(0.1), updates.VanillaPG(0.1), updates.DelayAdaptivePG(0.1, 3)]
EVERY += [updates.MVR(0.1), updates.HARPG(0.1), updates.LocalSteps(0.1, 2, 0.1)]


@pytest.mark.parametrize("update", EVERY, ids=lambda update: type(update).__name__)
def test_ours_can_be_traced(update):
    check_update(update, PROBLEM)


def test_optax_can_be_traced():
    optax = pytest.importorskip("optax")
    check_update(updates.Optax(0.1, optax.scale_by_adam()), PROBLEM)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_our_environments_can_be_traced(name):
    check_environment(PolicyGradient(name, horizon=3, discount=0.9))


def test_own_fields_are_traced():
    two = [make("CartPole-v1", gravity=gravity) for gravity in (9.8, 9.9)]
    check_environment(PolicyGradient(two, horizon=3, discount=0.9))


class State(NamedTuple):
    point: Any
    direction: Any
    count: Any = 0


@dataclass(frozen=True)
class Mine:
    step_size: float
    wrong: str = ""

    def init(self, params):
        if self.wrong == "no direction":
            return {"point": params}
        return State(params, params[0] if self.wrong == "direction" else 0 * params)

    def query(self, state):
        return (state.point, state.point) if self.wrong == "query" else state.point

    def apply(self, state, gradient, step_size, version, delay):
        if self.wrong == "if" and (gradient > 0).all():
            return state
        count = state.count + 0.5 if self.wrong == "count" else state.count
        return State(state.point + step_size * gradient, gradient, count)


@dataclass(frozen=True)
class Measures(Mine):
    def measure(self, problem, sent, keys, workers, weights):
        gradient, stats = problem.gradient(sent, keys, workers, weights)
        return gradient if self.wrong == "stats" else (gradient[1:], stats)


class Unhashable(Mine):
    __hash__ = None


REALS, INTEGER = "float64[7]", "int64[]"
STATE = f"State(point={REALS}, direction={REALS}, count={INTEGER})"
AFTER = f"{STATE}, {REALS}, float64[], int32[], int32[]"


@pytest.mark.parametrize(
    "update, line",
    [
        (Mine(0.1, "no direction"), f"Mine.init returned {{point: {REALS}}}: give a state with point, {REALS}"),
        (Mine(0.1, "direction"), f"Mine.init: direction returned float64[]: give {REALS}"),
        (Measures(0.1, "stats"), f"Measures.measure returned {REALS}: give ({REALS}, JobStats)"),
        (Measures(0.1), f"Measures.measure returned float64[6]: give {REALS}"),
        (Mine(0.1, "query"), f"Mine.query returned ({REALS}, {REALS}): give {REALS}"),
        (Mine(0.1, "count"), f"Mine.apply returned {STATE.replace(INTEGER, 'float64[]')}: give {STATE}"),
        (
            Mine(0.1, "if"),
            f"Mine.apply of {AFTER} raised TracerBoolConversionError: Attempted boolean conversion of traced "
            "array with shape bool[].: give what jax.numpy can trace",
        ),
        (
            Unhashable(0.1),
            "Unhashable: unhashable type: 'Unhashable': give @dataclass(frozen=True), and numbers or tup",
        ),
        (object(), "object is no dataclass with a field step_size: give @dataclass(frozen=True) and step_size"),
    ],
)
def test_updates_that_do_not_do(update, line):
    with pytest.raises(ValueError) as error:
        check_update(update, PROBLEM)
    assert str(error.value).startswith(line) and "\n" not in str(error.value)
    assert ("raised" in line or "unhashable" in line) == (error.value.__cause__ is not None)


@dataclass(frozen=True)
class Room:
    wrong: str = ""
    size: float = 1.0
    observation_size: ClassVar[int] = 2
    actions: ClassVar[Any] = Box(3, 1.0)

    def reset(self, key):
        if self.wrong == "branch" and self.size > 1:
            return jnp.zeros(2)
        return jax.random.normal(key, (2,))

    def observe(self, state):
        return state[:1] if self.wrong == "observe" else state

    def step(self, state, action, key):
        after = state + self.size * action[:2]
        if self.wrong == "after":
            after = after[:1]
        if self.wrong == "two":
            return after, jnp.sum(action)
        reward = action if self.wrong == "reward" else jnp.sum(action)
        return after, reward, 0.0 if self.wrong == "ended" else jnp.any(after > 3)


@dataclass(frozen=True)
class Doors(Room):
    actions: ClassVar[Any] = Discrete(3)


@pytest.mark.parametrize(
    "room, line",
    [
        (Room("observe"), "Room.observe returned float64[1]: give float64[2]"),
        (Room("after"), "Room.step: the state returned float64[1]: give float64[2]"),
        (
            Room("two"),
            "Room.step returned (float64[2], float64[]): give (state, reward, whether the episode has ended)",
        ),
        (Room("reward"), "Room.step: the reward returned float64[3]: give float64[]"),
        (Room("ended"), "Room.step: whether the episode has ended returned float64[]: give bool[]"),
        (Doors(), "Doors.step of float64[2], int32[], key<fry>[] raised IndexError: Too many indices"),
    ],
)
def test_environments_that_do_not_do(room, line):
    with pytest.raises(ValueError) as error:
        check_environment(PolicyGradient(room, horizon=3, discount=0.9))
    assert str(error.value).startswith(line) and "\n" not in str(error.value)


def test_what_can_be_traced_alone_may_not_with_fields_of_its_own():
    check_environment(PolicyGradient(Room("branch"), horizon=3, discount=0.9))
    rooms = [replace(Room("branch"), size=size) for size in (1.0, 2.0)]
    with pytest.raises(ValueError, match="^Room, in a trajectory of .* raised TracerBoolConversionError: "):
        check_environment(PolicyGradient(rooms, horizon=3, discount=0.9))
