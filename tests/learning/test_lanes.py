"""A lane depends on its problem, update, uses, seed and step size, and on nothing else: bit for bit."""

import os
from functools import partial

import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, TabularMDP, methods, replay, simulate
from asyncsim.base import Method
from asyncsim.cluster import sqrt
from asyncsim.learning import resuming
from asyncsim.learning.lanes import on_all_cores
from asyncsim.learning.programs import advance
from asyncsim.rl.policies import MLP
from asyncsim.rules import Rennala, Ringleader
from asyncsim.store import Store
from asyncsim.updates import Optax

PROBLEMS = {
    "CartPole": PolicyGradient("CartPole-v1", 30, 0.99, MLP((16,)), evaluation_episodes=4),
    "Pendulum": PolicyGradient("Pendulum-v1", 10, 0.95, MLP((16,)), evaluation_episodes=4),
    "table": TabularMDP.garnet(states=6, actions=3, horizon=20),
    "Reacher": PolicyGradient("Reacher-v4", 5, 0.99, MLP((16,)), evaluation_episodes=2),
    "Humanoid": PolicyGradient("Humanoid-v4", 5, 0.99, evaluation_episodes=2),
}
CLUSTER = Cluster(sqrt(4), 0.5)
METHODS = [methods.rennala_nigt(4, 0.02), methods.afedpg(0.02)]
SEEDS, STEPS = range(5), [0.01, 0.02, 0.03, 0.04, 0.05]


def curves(problem, method, seeds, step_sizes, updates=12, cluster=CLUSTER, **options):
    timeline = simulate(method, cluster, updates=updates)
    return replay(timeline, method, problem, seeds=seeds, step_sizes=step_sizes, evaluate_every=4, **options)


def assert_same(some, every):
    """Of the lanes and updates that both have, everything is equal."""
    keys = ["seed", "step_size", "update"]
    both = every.to_frame().merge(some.to_frame()[keys], on=keys)
    assert len(both) == len(some.to_frame()) and both.equals(some.to_frame())


@pytest.mark.optimized
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("name", PROBLEMS)
def test_lanes_are_in_no_company(name, method, tmp_path):
    """1 to 25 lanes, wherever the run stops, and whether or not it is resumed."""
    # With three workers buffers have one length wherever the run stops, and fewer programs are compiled.
    cluster = CLUSTER if name in ("CartPole", "table") else Cluster(sqrt(3), 0.5)
    curves_of = partial(curves, PROBLEMS[name], method, cluster=cluster)
    every = curves_of(SEEDS, STEPS)
    for seeds, steps in [([3], [0.02]), ([4, 1], [0.05]), ([0, 2], [0.04, 0.01, 0.03]), (range(4), STEPS[1:])]:
        some = curves_of(seeds, steps)
        assert_same(some, every)
        of = [list(SEEDS).index(seed) for seed in seeds], [STEPS.index(step) for step in steps]
        assert np.array_equal(some.params, every.params[np.ix_(*of)])
    assert_same(curves_of([1, 2], [0.03], updates=7), every)  # stops earlier

    store, done = Store(tmp_path), 0
    for updates in (5, 8, 12):  # the last goes on from where the second was
        some = curves_of([4], [0.02], updates, shelf=store)
        used = simulate(method, cluster, updates=updates).updates["gradients"].cumsum().tolist()
        assert some.computed == used[-1] - (used[done - 1] if done else 0)
        done = updates
        assert_same(some, every)
    assert np.array_equal(some.params[0, 0], every.params[4, 1])


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_what_is_resumed_needs_no_program_of_its_own(method, tmp_path):
    curves(PROBLEMS["table"], method, [0], [0.02], 8, shelf=Store(tmp_path))
    programs = advance._cache_size()
    curves(PROBLEMS["table"], method, [0], [0.02], 16, shelf=Store(tmp_path))
    assert 0 < advance._cache_size() == programs


@pytest.mark.parametrize(
    "method",
    [methods.fedbuff_pg(3, 0.05), methods.ringleader_pg(0.05), methods.ringmaster_nigt(3, 0.05),
     methods.delay_adaptive_pg(0.05, 4), methods.m_synchronous_nigt(2, 0.05), methods.malenia_nigt(6, 0.05, 0.1, 9),
     methods.rennala_mvr(3, 0.05)],
    ids=lambda method: method.name,
)  # fmt: skip
def test_every_method_is_resumed_where_it_was(method, tmp_path):
    problem, whole = PROBLEMS["table"], curves(PROBLEMS["table"], method, [0, 1], [0.05], 40)
    computed, every = [], []
    for updates in range(1, 41, 3):
        every.append(len(simulate(method, CLUSTER, updates=updates).uses()))
        some = curves(problem, method, [1], [0.05], updates, shelf=Store(tmp_path))
        assert_same(some, whole)
        computed.append(some.computed)
    assert 0 < sum(computed) < (sum(every) if method.rule == Ringleader() else sum(every) / 3)  # its table may be older


def test_windows_change_nothing(monkeypatch):
    """How much is computed between two looks at the clock depends on how fast the machine is."""
    method, problem = methods.fedbuff_pg(3, 0.05), PROBLEMS["table"]
    once = curves(problem, method, [0, 1], [0.05], 40)
    monkeypatch.setattr(resuming, "AT_FIRST", 1)
    monkeypatch.setattr(resuming, "SECONDS", 1e-6)
    assert curves(problem, method, [0, 1], [0.05], 40).to_frame().equals(once.to_frame())


def test_seconds_are_a_label(tmp_path):
    """Where another price of communication changes no order of arrival, nothing is trained, and only times differ."""
    method, problem, store = methods.afedpg(0.02), PROBLEMS["CartPole"], Store(tmp_path)
    found = []
    for kappa in (1.0, 4.0):
        cluster = Cluster(sqrt(4), tuple(kappa * h for h in sqrt(4)))
        timeline = simulate(method, cluster, updates=30)
        options = {"seeds": [0, 1], "evaluate_every": 5}
        found.append(replay(timeline, method, problem, **options, shelf=store))
        anew = replay(timeline, method, problem, **options)
        assert found[-1].to_frame().equals(anew.to_frame())
    first, second = found
    assert first.computed == 60 and second.computed == 0
    times = first.to_frame()["time"], second.to_frame()["time"]
    np.testing.assert_allclose(times[1], 2.5 * times[0])


def test_one_seed_more_trains_one_seed(tmp_path):
    method, problem, store = methods.rennala_nigt(4, 0.02), PROBLEMS["table"], Store(tmp_path)
    computed = [curves(problem, method, seeds, STEPS[:2], shelf=store).computed for seeds in ([0, 1], [0, 1, 2], [2])]
    assert computed == [4 * 48, 2 * 48, 0]
    assert curves(problem, method, [1], STEPS[:3], shelf=store).computed == 48  # one step size more


def test_what_has_no_name_is_trained_anew(tmp_path):
    optax = pytest.importorskip("optax")
    method = Method("adam", Rennala(4), Optax(0.02, optax.scale_by_adam()))
    for _ in range(2):
        assert curves(PROBLEMS["table"], method, [0], [0.02], shelf=Store(tmp_path)).computed == 48
    assert not len(Store(tmp_path).lanes())


def test_after_a_failure_no_group_is_begun():
    begun = []

    def fail(group, stop):
        begun.append(group)
        if group == 0:
            raise RuntimeError("a bug")
        assert stop.wait(60)

    with pytest.raises(RuntimeError, match="a bug"):
        on_all_cores(fail, range(1000))
    assert len(begun) <= os.cpu_count()
