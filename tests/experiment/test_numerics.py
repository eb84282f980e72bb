"""What results depend on is set, or stands with them; and what would not fit in memory is not begun."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import jax
import matplotlib
import pytest

import asyncsim
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


TINY = """
title = "tiny"
seeds = [0, 1]
step_sizes = [0.1, 0.4]
evaluate_every = 8
[stop]
updates = 8
[cluster]
workers = 3
compute = "sqrt"
[problem]
kind = "chain"
[methods.rennala_nigt]
batch_size = 2
"""
PROGRAM = """
import asyncsim, jax, json, sys
same = asyncsim.run("x.toml", store="kept", output="same").computed
for name, value in json.loads(sys.argv[1]).items():
    jax.config.update(name, value)
other = asyncsim.run("x.toml", store="kept")
print(json.dumps([same, other.computed, other.curves["eval_return"].tolist()]))
"""
OF_THE_PROJECT = {"RANDOM_SEED_OFFSET": "7", "DISABLE_JIT": "1", "NUMPY_DTYPE_PROMOTION": "strict"}
OF_THE_USER = {"jax_default_prng_impl": "rbg", "jax_threefry_partitionable": False}
OF_THE_USER |= {"jax_default_matmul_precision": "highest"}


def files(directory):
    return {path.name: path.read_bytes() for path in Path(directory).iterdir()}


def test_a_whole_run_is_the_same_on_another_users_machine_or_has_another_identity(tmp_path, monkeypatch):
    """Tables, pictures and settings to the last byte; or nothing that is stored is taken for the same."""
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(TINY)
    Path("rc").mkdir()
    Path("rc", "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\naxes.facecolor: red\nsavefig.dpi: 10\n")
    own = asyncsim.run("x.toml", store="kept", output="own")

    Path("kept").rename("before")
    there = {f"JAX_{name}": value for name, value in OF_THE_PROJECT.items()}
    there |= {"JAX_ENABLE_X64": "1", "MATPLOTLIBRC": os.path.abspath("rc")}  # tests compute with 64 bits
    command = [sys.executable, "-c", PROGRAM, json.dumps(OF_THE_USER)]
    done = subprocess.run(command, env=os.environ | there, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    same, other, returns = json.loads(done.stdout)
    assert same == other == own.computed  # the second time, though the store has those of the other options
    assert files("same") == files("own") and returns != own.curves["eval_return"].tolist()
