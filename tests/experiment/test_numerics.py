"""What results depend on is set, or stands with them; and what would not fit in memory is not begun."""

from unittest.mock import patch

import jax
import matplotlib
import pytest

from asyncsim import Cluster, methods, simulate
from asyncsim.engine import memory
from asyncsim.experiment.memory import check_points, check_trajectories
from asyncsim.figures import style
from asyncsim.learning.numerics import OPTIONS, as_always
from asyncsim.problems import Quadratic, TabularMDP
from asyncsim.results.records import surroundings


def test_options_that_no_key_has_are_as_the_project_has_them(monkeypatch):
    others = {"jax_random_seed_offset": 7, "jax_disable_jit": True, "jax_numpy_dtype_promotion": "strict"}
    before = {name: getattr(jax.config, name) for name in others}
    right = jax.random.key_data(jax.random.key(3)).tolist()
    try:
        for name, value in others.items():
            jax.config.update(name, value)
        with as_always():
            assert jax.random.key_data(jax.random.key(3)).tolist() == right
            assert not jax.config.jax_disable_jit
        assert {name: getattr(jax.config, name) for name in others} == others
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    assert {*others} <= {*OPTIONS}


def test_options_that_users_choose_stand_with_results():
    assert "options" not in surroundings()
    with jax.default_matmul_precision("highest"), jax.threefry_partitionable(False):
        found = surroundings()["options"]
    assert found == {"jax_default_matmul_precision": "highest", "jax_threefry_partitionable": False}


def test_figures_do_not_depend_on_the_users_matplotlibrc():
    with style():
        right = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"lines.linewidth": 9, "font.family": "serif", "axes.facecolor": "red"}):
        with style():
            assert dict(matplotlib.rcParams) == right
        assert matplotlib.rcParams["lines.linewidth"] == 9


def test_training_that_does_not_fit_is_refused_by_what_is_to_be_lowered():
    cluster = Cluster([1.0, 1.0, 500.0])
    timeline = simulate(methods.afedpg(0.1), cluster, updates=1200)
    problem, free = Quadratic(dimension=10_000), patch.object(memory, "free_memory", return_value=2.0**27)
    with free, pytest.raises(ValueError, match=r"updates=1200 has gradients up to 1\d\d\d updates late"):
        check_points(problem, timeline, 5)
    with free:
        check_points(Quadratic(dimension=10), timeline, 5)
        check_trajectories(TabularMDP.chain(horizon=50), methods.rennala_nigt(20, 0.1), cluster, None, 5)
    long = TabularMDP.chain(horizon=1000)
    with free, pytest.raises(ValueError, match="batch_size=1000 has trajectories that take"):
        check_trajectories(long, methods.rennala_nigt(1000, 0.1), cluster, None, 5)
    with free:
        check_trajectories(long, methods.rennala_nigt(10**6, 0.1), cluster, 3.0, 5)  # it makes no update
    with free, pytest.raises(ValueError, match="local_steps=1000000 takes"):
        check_trajectories(long, methods.synchronous_local(0.1, 10**6, 0.1), cluster, None, 5)
