"""The C engine is the reference: same states and actions in; same observations, rewards and ends out.

Small and few, for MJX compiles for long on a CPU. In 64 bits, and over few steps: both engines solve for contact forces
to 1e-8, and physics amplifies what is left.
"""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim import results
from asyncsim.cli import main
from asyncsim.rl import mjx as ours
from asyncsim.rl import mujoco as reference
from asyncsim.rl.environments import make
from asyncsim.rl.mujoco import TASKS
from asyncsim.scenario import load

KEY = jax.random.key(0)
STEPS, ROBOTS = 15, 4
TINY = """
seeds = [0]
step_sizes = [0.03125]
evaluate_every = 4
[stop]
updates = 2
[cluster]
workers = 2
compute = "equal"
[problem]
environment = "HalfCheetah-v4"
horizon = 3
discount = 0.9
hidden = [8]
evaluation_episodes = 1
[methods.synchronous_nigt]
[quick]
problem.horizon = 2
"""


@pytest.fixture
def mjx():
    return pytest.importorskip("mujoco.mjx")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY)
    return tmp_path


@cache
def steps(name, engine):
    """Resets (B,), and many steps of a batch, compiled: states, actions (H, B, A), gravity (B,)."""
    environment = make(name, engine=engine)

    def step(state, action, gravity):
        state, reward, ended = replace(environment, gravity_scale=gravity).step(state, action, KEY)
        return state, (state.observation, reward, ended)

    def many(state, actions, gravity):
        return jax.lax.scan(lambda state, action: jax.vmap(step)(state, action, gravity), state, actions)

    return jax.jit(jax.vmap(environment.reset)), jax.jit(many)


def random_actions(name, rng):
    box = make(name).actions
    return rng.uniform(-box.scale, box.scale, (STEPS, ROBOTS, box.size))


@pytest.mark.parametrize("name", TASKS)
def test_tasks_read_jax_s_arrays_as_they_read_numpy_s(name):
    engine, task, rng = reference._engine(name), TASKS[name], np.random.default_rng(0)
    rows = np.zeros((50, engine.width))
    far = np.linspace(0.05, 1, 50)[:, None]
    rows[:, engine.qpos] = engine.home + far * rng.uniform(-1, 1, (50, len(engine.home)))
    rows[:, engine.qvel] = rng.uniform(-15, 15, (50, engine.nv))
    before = task.place(engine._run(rows, np.ones(50), moving=False))
    seen, pose = engine._run(rows, np.ones(50), moving=True), rows[:, engine.pose]
    actions = rng.uniform(-1, 1, (50, engine.actions.size))

    def told(before, pose, actions, seen):
        terms = task.terms(before, task.place(seen), engine.seconds, engine.bounds, pose, actions, seen)
        return task.observe(seen), task.place(seen), terms

    expected, got = told(before, pose, actions, seen), jax.jit(told)(before, pose, actions, seen)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12), got, expected)
    assert name.startswith(("HalfCheetah", "Reacher")) or 0 < expected[2][-1].sum() < 50


@pytest.mark.slow
@pytest.mark.parametrize("name", ["HalfCheetah-v4", "Hopper-v5", "Reacher-v5"])
def test_robots_move_as_on_the_c_engine(name, mjx):
    keys, gravity = jax.random.split(KEY, ROBOTS), jnp.linspace(0.5, 1.5, ROBOTS)
    actions = random_actions(name, np.random.default_rng(1))
    ran = []
    for engine in ("mujoco", "mjx"):
        reset, many = steps(name, engine)
        first = reset(keys)
        ran.append((first.observation, *many(first, actions, gravity)[1]))
    (first, observations, rewards, ended), got = ran
    going = np.cumsum(ended, axis=0) <= 1  # up to the step that ends the episode
    np.testing.assert_allclose(got[0], first, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(got[3][going], ended[going])
    for actual, expected in ((got[1], observations), (got[2], rewards)):
        np.testing.assert_allclose(actual[going], expected[going], rtol=1e-7, atol=1e-7)
    assert (going.sum(0) > 8).all()


@pytest.mark.slow
def test_what_is_no_number_ends_its_own_episode_or_is_seen_in_the_reward(mjx):
    name = "HalfCheetah-v4"
    actions, gravity = random_actions(name, np.random.default_rng(1)), jnp.linspace(0.5, 1.5, ROBOTS)
    actions[0, 3] = np.nan
    reset, many = steps(name, "mjx")
    state = reset(jax.random.split(KEY, ROBOTS))
    broken = state._replace(qvel=state.qvel.at[1, 0].set(np.nan), qpos=state.qpos.at[2, 2].set(1e30))
    _, (observations, rewards, ended) = many(broken, actions, gravity)
    np.testing.assert_array_equal(ended[0], [False, True, True, False])
    assert (observations[0, 1:3] == 0).all() and (rewards[0, 1:3] == 0).all()
    assert np.isnan(rewards[0, 3]) and np.isfinite(observations[:, 3]).all()  # as on the C engine
    actions[0, 3] = 0
    np.testing.assert_allclose(many(state, actions, gravity)[1][0][:, [0, 3]], observations[:, [0, 3]], atol=1e-9)


@pytest.mark.slow
def test_humanoid_feels_the_ground_as_on_the_c_engine(mjx):
    """With Newton's method on both, and Euler's, which compiles in a quarter of the time."""
    physics = reference.Engine(TASKS["Humanoid-v5"])
    physics.model.opt.solver = physics.mujoco.mjtSolver.mjSOL_NEWTON
    physics.model.opt.integrator = physics.mujoco.mjtIntegrator.mjINT_EULER
    physics.spare.clear()  # copies of the model as it was
    rng = np.random.default_rng(2)
    start = np.append(physics.home, rng.uniform(-0.1, 0.1, physics.nv))
    start[2] -= 0.16  # feet in the ground
    action = rng.uniform(-0.4, 0.4, physics.actions.size)
    state, expected = physics.advance(physics.begin(start, 1.0), action, 1.0)
    accelerated = ours.Engine(physics)
    after, terms = jax.jit(lambda start: accelerated.advance(accelerated.begin(start, 1.0), action, 1.0))(start)
    np.testing.assert_allclose(after.observation, state.observation, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(terms, expected, rtol=1e-5)
    assert expected[3] > 1e-3 and after.observation.dtype == np.float64


def test_humanoid_has_newton_s_method_on_mjx_alone(mjx):
    physics = reference._engine("Humanoid-v4")
    assert physics.model.opt.solver == physics.mujoco.mjtSolver.mjSOL_PGS
    assert ours.Engine(physics).model.opt.solver == physics.mujoco.mjtSolver.mjSOL_NEWTON
    assert physics.model.opt.solver == physics.mujoco.mjtSolver.mjSOL_PGS  # the C engine's is as it was


@pytest.mark.parametrize("wide", [False, True])
def test_a_step_keeps_shapes_and_the_default_float(wide, mjx):
    with jax.enable_x64(wide):
        environment = make("HalfCheetah-v4", engine="mjx", flag=1.0)
        state = jax.eval_shape(environment.reset, KEY)
        after, reward, ended = jax.eval_shape(environment.step, state, jnp.zeros(environment.actions.size), KEY)
        observation = jax.eval_shape(environment.observe, state)
        number = jnp.result_type(float)
    assert after == state and state.qpos.dtype == number
    assert (reward.shape, reward.dtype) == ((), number) and (ended.shape, ended.dtype) == ((), bool)
    assert (observation.shape, observation.dtype) == ((environment.observation_size,), number)


@pytest.mark.slow
def test_the_same_file_runs_on_either_engine(here, mjx, capsys):
    for arguments, place, engine in (
        (("--engine", "mjx"), "results/tiny-engine=mjx", "mjx"),
        ((), "results/tiny", "mujoco"),
    ):
        assert main(["run", "tiny.toml", *arguments]) == 0, capsys.readouterr().err
        settings = results.load_settings(place)
        assert settings["scenario"]["problem"]["engine"] == engine and "mujoco-mjx" in settings["versions"]
    curves = [results.load_curves(place) for place in ("results/tiny", "results/tiny-engine=mjx")]
    np.testing.assert_allclose(curves[1]["eval_return"], curves[0]["eval_return"], atol=1e-4)
    assert "Failed" not in capsys.readouterr().out  # MJX prints when it is imported


def test_the_engine_is_the_file_s_or_the_one_that_is_asked_for(here, mjx):
    assert load("tiny.toml").problem().environment.engine == "mujoco"
    assert load("tiny.toml", "quick", {"problem.engine": "mjx"}).problem().environment.engine == "mjx"
    Path("tiny.toml").write_text(TINY.replace("horizon = 3", 'engine = "mjx"\nhorizon = 3'))
    assert load("tiny.toml").problem().environment.engine == "mjx"
    assert load("tiny.toml", changes={"problem.engine": "mujoco"}).problem().environment.engine == "mujoco"
    assert results.place("experiments/a/tiny.toml", "quick", "engine=mjx") == Path("results/a/tiny-quick-engine=mjx")


def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(here, capsys, monkeypatch):
    def complaint(*arguments):
        assert main(["run", "tiny.toml", "--engine", *arguments]) == 2
        assert [path.name for path in here.iterdir()] == ["tiny.toml"]
        return capsys.readouterr().err

    (here / "experiments").symlink_to(here)
    assert main(["reproduce", "tiny", "--preset", "paper", "--engine", "brax"]) == 2
    assert capsys.readouterr().err == "asyncsim: experiments/tiny.toml: problem.engine='brax': give 'mujoco' or 'mjx'\n"
    (here / "experiments").unlink()
    assert complaint("brax") == "asyncsim: tiny.toml: problem.engine='brax': give 'mujoco' or 'mjx'\n"
    monkeypatch.setattr(ours, "engine", ours.engine.__wrapped__)  # nothing kept from before
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "mujoco.mjx", None)
        patch.delattr("mujoco.mjx", raising=False)
        assert complaint("mjx") == (
            "asyncsim: tiny.toml: problem.engine='mjx' needs the package mujoco-mjx: pip install 'asyncsim[gpu]'\n"
        )
    Path("tiny.toml").write_text(TINY.replace("HalfCheetah-v4", "CartPole-v1"))
    assert complaint("mjx") == (
        "asyncsim: tiny.toml: problem.engine='mjx' is for MuJoCo's tasks, and CartPole-v1 is none, "
        "but runs on accelerators as it is: leave engine out\n"
    )
    with pytest.raises(ValueError, match="^engine='brax' is unknown: give 'mujoco' or 'mjx'$"):
        make("Hopper-v4", engine="brax")
