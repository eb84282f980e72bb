"""The key of a lane: it changes with whatever a curve depends on, and with nothing else, in every process."""

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from enum import IntEnum

import jax
import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, Quadratic, TabularMDP, methods, replay, simulate
from asyncsim.base import Method
from asyncsim.cluster import sqrt
from asyncsim.learning import identity
from asyncsim.learning.identity import Nameless, curve_settings, lane_key, prefix_digests
from asyncsim.rl.environments import make
from asyncsim.rl.policies import MLP
from asyncsim.rules import Rennala
from asyncsim.store import Store
from asyncsim.updates import NIGT, AFedPG, Optax, VanillaPG

TABLE = TabularMDP.garnet(states=4, actions=2, horizon=5)
CARTPOLE = PolicyGradient("CartPole-v1", 10, 0.9, MLP((4,)), evaluation_episodes=2)
ROOM = (5, 2)


def key(problem=TABLE, update=None, evaluate_every=10, room=ROOM, seed=0, step_size=0.1):
    """As a replay makes it, which sets the update's own step size to 1."""
    update = replace(update or NIGT(0.1, 0.1), step_size=1.0)
    return lane_key(curve_settings(problem, update, evaluate_every, room), seed, step_size)


def test_what_a_curve_depends_on_is_in_its_key():
    environment = CARTPOLE.environment
    others = {
        "problem": key(CARTPOLE),
        "field of the problem": key(replace(CARTPOLE, horizon=11)),
        "discount, in the last bit": key(replace(CARTPOLE, discount=np.nextafter(0.9, 1))),
        "field of the environment": key(replace(CARTPOLE, environment=replace(environment, gravity=10.0))),
        "environments of workers": key(replace(CARTPOLE, environment=[environment] * 2)),
        "another environment": key(replace(CARTPOLE, environment=make("Acrobot-v1"))),
        "policy's size": key(replace(CARTPOLE, policy=MLP((5,)))),
        "policy's depth": key(replace(CARTPOLE, policy=MLP((4, 4)))),
        "episodes": key(replace(CARTPOLE, evaluation_episodes=3)),
        "reward of a table": key(TabularMDP(TABLE.transitions, TABLE.rewards + 1e-15, TABLE.initial, 0.9, 5)),
        "workers of a table": key(TabularMDP.garnet(states=4, actions=2, horizon=5, workers=2)),
        "objective": key(Quadratic(5)),
        "update": key(update=VanillaPG(0.1)),
        "field of the update": key(update=NIGT(0.1, 0.2)),
        "switch of the update": key(update=NIGT(0.1, 0.1, lookahead=False)),
        "class of the update": key(update=AFedPG(0.1, 0.1)),
        "seed": key(seed=1),
        "step size": key(step_size=np.nextafter(0.1, 1)),
        "how often": key(evaluate_every=11),
        "room": key(room=(25, 2)),
    }
    with jax.enable_x64(False):
        others["width of floats"] = key()
    with jax.default_matmul_precision("highest"):
        others["precision of products"] = key()
    with jax.threefry_partitionable(not jax.config.jax_threefry_partitionable):
        others["random numbers"] = key()
    with jax.default_prng_impl("rbg"):
        others["generator"] = key()
    every = [key(), *others.values()]
    assert len({*every}) == len(every), [name for name, other in others.items() if every.count(other) > 1]


def test_what_a_curve_does_not_depend_on_is_not():
    assert key(update=NIGT(0.1, 0.1)) == key(update=NIGT(0.7, 0.1))  # the lane has a step size of its own
    assert key(seed=np.uint32(3), step_size=np.float64(0.5)) == key(seed=3, step_size=0.5)
    again = TabularMDP.garnet(states=4, actions=2, horizon=5)
    assert again is not TABLE and key(again) == key()
    assert key(PolicyGradient("CartPole-v1", 10, 0.9, MLP((4,)), evaluation_episodes=2)) == key(CARTPOLE)
    again.policy(np.zeros(8))  # and what is computed once and remembered
    hash(again), again._steps, again._starts
    assert key(again) == key()


def test_packages_and_programs_are_in_the_key(monkeypatch):
    before = key()
    with monkeypatch.context() as patch:
        patch.setattr(identity, "version", lambda package: "0.0")
        assert key() != before
    with monkeypatch.context() as patch:
        patch.setattr(identity, "_package_source", lambda: "another")
        assert key() != before
    with monkeypatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
        assert key() != before
    assert key() == before


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "Acrobot-v1", "Humanoid-v4", "Reacher-v4"])
def test_environments_have_names(name):
    assert key(PolicyGradient(name, 10, 0.9)) == key(PolicyGradient(make(name), 10, 0.9))


# ---- code

SOURCE = '''
"""A module."""
from dataclasses import dataclass
import helping

# a comment
@dataclass(frozen=True)
class Mine:
    """A class."""
    slope: float = 1.0
    workers = None

    def gradient(self, params, keys, workers, weights):
        """A docstring, and a comment."""  # which change nothing
        return helping.scaled(self.slope * params)
'''
HELPING = "def scaled(x):\n    return 2 * x\n"


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The class of a module with this source, and with this source of another that it imports."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(source=SOURCE, helping=HELPING):
        for name, text in (("helping", helping), ("mine_of_a_user", source)):
            (tmp_path / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("mine_of_a_user").Mine

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield load
    for name in ("helping", "mine_of_a_user"):
        sys.modules.pop(name, None)


def test_the_code_of_a_users_class_is_in_the_key(written):
    before = key(written()(1.0))
    assert key(written()(1.0)) == before != key(written()(2.0))
    assert key(written(SOURCE.replace("self.slope * params", "self.slope + params"))(1.0)) != before
    for words in ("a comment", "A class.", "A module.", "A docstring, and a comment.", "which change nothing"):
        assert words in SOURCE and key(written(SOURCE.replace(words, "other words"))(1.0)) == before
    assert key(written(SOURCE.replace("\n    slope", "\n\n\n    slope"))(1.0)) == before


def test_the_code_that_a_users_class_calls_is_in_the_key(written):
    before = key(written()(1.0))
    assert key(written(helping=HELPING.replace("2", "3"))(1.0)) != before
    assert key(written(helping=HELPING + "# the end\n")(1.0)) == before
    source = SOURCE.replace("import helping", "from helping import scaled").replace("helping.scaled", "scaled")
    before = key(written(source)(1.0))
    assert key(written(source, HELPING.replace("2", "3"))(1.0)) != before


def test_comments_and_docstrings_are_no_code():
    digest = identity._digest_of_code
    assert digest('def f():\n    """Words."""\n    return 1') == digest('def f():  # more\n    "Others."\n    return 1')
    assert digest("def f():\n    return 1") != digest("def f():\n    return 2")
    assert digest("x = 1") != digest("x = 2") and digest("x = 1.0") != digest("x = 1")
    assert digest("def f():\n    'a'\n    return 'a'") != digest("def f():\n    'a'\n    return 'b'")
    assert digest("f(lambda: 1)") != digest("f(lambda: 2)")  # whose body is no list


def test_packages_without_a_file_of_their_own_are_the_users_too(written, tmp_path):
    (tmp_path / "folder").mkdir()
    source = SOURCE.replace("import helping", "from folder import deep").replace("helping.scaled", "deep.scaled")

    def keys(text):
        (tmp_path / "folder" / "deep.py").write_text("from .deeper import scaled\n")
        (tmp_path / "folder" / "deeper.py").write_text(text)
        return key(written(source)(1.0))

    assert keys(HELPING) != keys(HELPING.replace("2", "3"))


def test_installed_packages_are_known_by_their_versions():
    imported = identity._imported("import numpy.linalg, sys, os\nfrom jax import numpy\nfrom . import a", "b.c")
    assert imported == ["numpy.linalg", "sys", "os", "jax", "jax.numpy", "b.c", "b.c.a"]
    for name in (*imported, "asyncsim.learning", "", "not_there.at_all"):
        assert identity._own_module(name) is None
    assert identity._own_module("test_identity")[1].startswith('"""The key of a lane')


# ---- what has no name


@dataclass(frozen=True)
class Holder:
    """Of anything."""

    held: object
    step_size: float = 1.0


class Few(IntEnum):
    ONE = 1


def test_what_is_not_the_same_elsewhere_has_no_name():
    class Local:
        pass

    objects = np.array([None, len], object)
    for held in (len, lambda x: x, Local(), {1, 2}, object(), Local, objects, TABLE.policy, jax.random.key(0), Few.ONE):
        with pytest.raises(Nameless, match="has no name|is not at hand"):
            key(Holder(held))
    assert key(Holder((1, "a", None))) != key(Holder([1, "a", None])) != key(Holder((1, "a", True)))
    assert key(Holder(1)) != key(Holder(1.0)) != key(Holder("1")) and key(Holder(True)) != key(Holder(1))


def test_a_class_that_is_made_by_a_function_has_no_name():
    """It has the same code as another that closes over other numbers."""

    def made(slope):
        @dataclass(frozen=True)
        class Made:
            power: int = 2

            def gradient(self, params):
                return slope * params

        return Made()

    with pytest.raises(Nameless):
        key(made(1.0))


class Hidden(TabularMDP):
    """It has a number that is no field."""

    def __init__(self, number):
        super().__init__(TABLE.transitions, TABLE.rewards, TABLE.initial)
        object.__setattr__(self, "number", number)


def test_what_is_no_field_is_not_passed_over():
    try:
        keys = [key(Hidden(1)), key(Hidden(2)), key(Hidden(1))]
    except Nameless:
        return
    assert keys[0] == keys[2] != keys[1]


def test_what_has_no_name_is_trained_anew_each_time(tmp_path):
    optax = pytest.importorskip("optax")
    method = Method("adam", Rennala(2), Optax(0.1, optax.scale_by_adam()))
    timeline = simulate(method, Cluster(sqrt(2), 0.5), updates=4)
    for _ in range(2):
        found = replay(timeline, method, TABLE, seeds=[0], evaluate_every=4, shelf=Store(tmp_path))
        assert found.computed == 8
    assert not len(Store(tmp_path).lanes())


def test_what_is_in_the_key_is_what_is_computed_with():
    """Programs run in threads, which do not inherit what a context sets."""
    method = methods.rennala_nigt(2, 0.1)
    timeline = simulate(method, Cluster(sqrt(2), 0.5), updates=2)

    def point():
        jax.clear_caches()
        return replay(timeline, method, TABLE, seeds=[0], evaluate_every=2).params

    before = point()
    with jax.default_prng_impl("rbg"):
        assert not np.array_equal(point(), before)
    with jax.enable_x64(False):
        assert point().dtype == np.float32
    assert np.array_equal(point(), before)


# ---- other processes

ANOTHER = """
import jax
jax.config.update("jax_enable_x64", True)
import sys
sys.path.insert(0, {folder!r})
from test_identity import CARTPOLE, TIMELINE, key, prefix_digests
from asyncsim import PolicyGradient
print(key(), key(CARTPOLE), key(PolicyGradient("Humanoid-v4", 10, 0.9)), prefix_digests(TIMELINE)[-1].hex())
"""
CLUSTER = Cluster(sqrt(3), 0.5)
TIMELINE = simulate(methods.rennala_nigt(3, 0.1), CLUSTER, updates=20)


def test_keys_are_the_same_in_every_process():
    said = []
    for seed in ("1", "2"):
        code = ANOTHER.format(folder=os.path.dirname(__file__))
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert not done.returncode, done.stderr[-2000:]
        said.append(done.stdout.split())
    here = [key(), key(CARTPOLE), key(PolicyGradient("Humanoid-v4", 10, 0.9)), prefix_digests(TIMELINE)[-1].hex()]
    assert said == [here, here]


# ---- where a run is


def changed(column, value, row=40):
    jobs = TIMELINE.jobs.copy()
    used = jobs.index[jobs["update"] >= 0][row]
    jobs[column] = jobs[column].where(jobs.index != used, jobs[column] + value)
    return replace(TIMELINE, jobs=jobs), int(jobs["update"][used])


def test_seconds_are_not_in_digests():
    slower = Cluster(tuple(2.5 * h for h in sqrt(3)), 1.25)
    other = simulate(methods.rennala_nigt(3, 0.1), slower, updates=20)
    assert not other.jobs["finish"].equals(TIMELINE.jobs["finish"])
    assert prefix_digests(other) == prefix_digests(TIMELINE)


def test_digests_are_of_what_came_before():
    digests = prefix_digests(TIMELINE)
    assert len(digests) == 21 == len({*digests}) and {len(digest) for digest in digests} == {16}
    for method in (methods.rennala_nigt(3, 0.1), methods.ringleader_pg(0.1), methods.fedbuff_pg(2, 0.1)):
        every = prefix_digests(simulate(method, CLUSTER, updates=20))
        for updates in (0, 1, 7):
            some = simulate(method, CLUSTER, updates=max(updates, 1))
            assert prefix_digests(some)[: updates + 1] == every[: updates + 1]


@pytest.mark.parametrize("column, value", [("weight", 1e-16), ("version", -1), ("worker", 1), ("index", 1)])
def test_digests_change_where_what_was_used_changes(column, value):
    other, update = changed(column, value)
    here, there = prefix_digests(TIMELINE), prefix_digests(other)
    assert there[: update + 1] == here[: update + 1] and not {*there[update + 1 :]} & {*here}


def test_one_update_of_two_gradients_is_not_two_of_one():
    digests = {
        prefix_digests(simulate(methods.rennala_nigt(size, 0.1), Cluster((1.0,), 0.0), gradients=4))[-1]
        for size in (1, 2, 4)
    }
    assert len(digests) == 3


@pytest.mark.parametrize("seeds", [np.arange(2), np.arange(2, dtype=np.uint32), range(2)])
def test_seeds_are_the_same_whatever_integers_they_are(tmp_path, seeds):
    method, problem, store = methods.afedpg(0.1), Quadratic(dimension=4, noise=0.1), Store(tmp_path)
    timeline = simulate(method, Cluster([1.0]), updates=3)
    first = replay(timeline, method, problem, seeds=seeds, evaluate_every=1, shelf=store)
    again = replay(timeline, method, problem, seeds=[0, 1], evaluate_every=1, shelf=store)
    assert (first.computed, again.computed) == (6, 0) and first.seeds == again.seeds == (0, 1)
    assert first.to_frame().equals(again.to_frame())
