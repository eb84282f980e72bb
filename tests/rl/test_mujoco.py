"""Gymnasium is the reference: same positions, velocities and actions in; same observations, rewards and ends out."""

import subprocess
import sys
from dataclasses import fields, replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, methods, replay, simulate
from asyncsim.rl.environments import MUJOCO, make
from asyncsim.rl.policies import MLP

pytest.importorskip("mujoco")
pytest.importorskip("gymnasium")

from asyncsim.rl import mujoco as ours  # noqa: E402
from asyncsim.rl.mujoco import TASKS, MuJoCo, State  # noqa: E402

KEY = jax.random.key(0)
V4 = [name for name in TASKS if name.endswith("v4")]
FALLING = ("Humanoid", "Walker2d", "Hopper")

each = pytest.mark.parametrize("name", TASKS)


def reference(name):
    """Gymnasium's environment, and a function that puts it where ours is."""
    pytest.importorskip("imageio")
    import gymnasium
    import mujoco

    env = gymnasium.make(name).unwrapped
    env.reset(seed=0)

    def place(qpos, qvel):
        mujoco.mj_resetData(env.model, env.data)
        env.set_state(qpos, qvel)
        return env._get_obs()

    return env, place


def row(state):
    """The engine's float64 rows."""
    return np.asarray(state.bits).view(np.float64)


def pose(name, state):
    engine = ours._engine(name)
    return row(state)[..., engine.qpos], row(state)[..., engine.qvel]


def at(name, qpos, qvel):
    """Our state at given positions and velocities, shapes (nq,) and (nv,), or with a batch in front."""
    start = np.concatenate([qpos, qvel, np.ones_like(qpos[..., :1])], axis=-1)
    return State(*map(jnp.asarray, ours._engine(name).reset(start)[:2]))


def random_actions(name, rng, *shape):
    box = make(name).actions
    return rng.uniform(-box.scale, box.scale, (*shape, box.size))


@cache
def resets(environment):
    """Keys (B,) -> states, compiled."""
    return jax.jit(jax.vmap(environment.reset))


@cache
def steps(environment):
    """Many steps of a batch, compiled: states, actions (H, B, A) -> last states, (observations, rewards, ends)."""

    def step(state, actions):
        state, rewards, ended = jax.vmap(environment.step, (0, 0, None))(state, actions, KEY)
        return state, (state.observation, rewards, ended)

    return jax.jit(lambda state, actions: jax.lax.scan(step, state, actions))


@each
def test_a_thousand_steps_follow_gymnasium(name):
    rng = np.random.default_rng(1)
    environment, (env, place) = make(name), reference(name)
    reset, step = jax.jit(environment.reset), jax.jit(environment.step)
    actions, ended, falls = random_actions(name, rng, 1000), True, 0
    for t, action in enumerate(actions):
        if ended:
            state = reset(jax.random.fold_in(KEY, t))
            np.testing.assert_array_equal(environment.observe(state), place(*pose(name, state)))
        state, reward, ended = step(state, action, KEY)
        observation, expected, end, _, _ = env.step(action)
        np.testing.assert_array_equal(environment.observe(state), observation)
        np.testing.assert_allclose(reward, expected, rtol=0, atol=1e-12)
        assert ended == end
        falls += end
    assert (falls > 0) == name.startswith(FALLING)


@each
def test_single_steps_from_wild_states_match_gymnasium(name):
    rng = np.random.default_rng(2)
    environment, (env, place) = make(name), reference(name)
    home = ours._engine(name).home
    qpos, qvel = home + rng.uniform(-0.9, 0.9, (100, len(home))), rng.uniform(-15, 15, (100, env.model.nv))
    if name.startswith("Humanoid"):
        qpos[:, 2] -= 0.2  # feet in the ground: large contact forces
    actions = random_actions(name, rng, 100)
    state, rewards, ended = jax.jit(jax.vmap(environment.step, (0, 0, None)))(at(name, qpos, qvel), actions, KEY)
    capped = 0
    for i in range(100):
        place(qpos[i], qvel[i])
        observation, reward, end, _, info = env.step(actions[i])
        np.testing.assert_array_equal(state.observation[i], observation)
        np.testing.assert_allclose(rewards[i], reward, rtol=1e-13, atol=1e-12)
        assert ended[i] == end
        capped += info.get("reward_contact") == -10
    if name.startswith(("Walker2d", "Hopper")):
        assert (np.abs(state.observation) == 10).any()  # velocities are clipped
    if name.startswith(FALLING):
        assert 0 < ended.sum() < 100
    assert (0 < capped < 100) == (name == "Humanoid-v5")


@pytest.mark.parametrize("name", ["HalfCheetah-v4", "Humanoid-v5"])
def test_the_engine_keeps_64_bits_where_jax_has_32(name):
    env, place = reference(name)
    actions = random_actions(name, np.random.default_rng(3), 20, 1).astype(np.float32)
    with jax.enable_x64(False):
        environment = make(name)
        state = resets(environment)(KEY[None])
        qpos, qvel = pose(name, state)
        after, (observations, rewards, _) = steps(environment)(state, actions)
        assert observations.dtype == rewards.dtype == np.float32
    place(qpos[0], qvel[0])
    for t in range(20):
        observation, reward, *_ = env.step(actions[t, 0].astype(float))
        np.testing.assert_array_equal(observations[t, 0], observation.astype(np.float32))
        np.testing.assert_allclose(rewards[t, 0], reward, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(pose(name, after)[1][0], env.data.qvel)


@each
def test_spaces_are_gymnasium_s(name):
    environment, (env, _) = make(name), reference(name)
    assert env.observation_space.shape == (environment.observation_size,)
    assert env.action_space.shape == (environment.actions.size,)
    np.testing.assert_array_equal(env.action_space.high, np.float32(environment.actions.scale))
    np.testing.assert_array_equal(env.action_space.low, -np.float32(environment.actions.scale))
    assert replace(environment, flag=0.0).observation_size == environment.observation_size + 1


@pytest.mark.parametrize("name", V4)
def test_reset_draws_from_gymnasium_s_distribution(name):
    env, _ = reference(name)
    theirs = np.array([(env.reset(), env.state_vector())[1] for _ in range(400)])
    ours_ = np.concatenate(pose(name, resets(make(name))(jax.random.split(KEY, 4000))), axis=1)
    spread = theirs.std(0)
    np.testing.assert_array_equal(ours_.std(0) == 0, spread == 0)
    np.testing.assert_allclose(ours_.mean(0), theirs.mean(0), rtol=0, atol=6 * spread.max() / 20)
    np.testing.assert_allclose(ours_.std(0), spread, rtol=0.2)
    bounded = np.abs(theirs - theirs.mean(0)).max(0) < 2.2 * spread  # uniform, not normal
    assert bounded.sum() >= {"HalfCheetah-v4": 9, "Reacher-v4": 4}.get(name, len(spread))
    low, high = theirs.min(0) - 0.1 * spread, theirs.max(0) + 0.1 * spread
    assert ((low <= ours_) & (ours_ <= high))[:, bounded].all()
    if name == "Reacher-v4":  # in a disc: the square of the radius is uniform
        square = (ours_[:, 2:4] ** 2).sum(1) / 0.2**2
        assert square.max() < 1 and abs(square.mean() - 1 / 2) < 0.03 and abs(square.var() - 1 / 12) < 0.01
    elif name == "HalfCheetah-v4":
        kurtosis = (ours_[:, 9:] ** 4).mean(0) / (ours_[:, 9:] ** 2).mean(0) ** 2
        np.testing.assert_allclose(kurtosis, 3, atol=0.6)


@pytest.mark.parametrize(
    ("name", "wide"), [*((name, False) for name in V4), ("Humanoid-v5", True), ("HalfCheetah-v5", True)]
)
def test_a_robot_moves_the_same_in_every_slot_batch_and_number_of_threads(name, wide, monkeypatch):
    """Bit for bit, rewards included, whatever ran before."""
    rng = np.random.default_rng(4)
    with jax.enable_x64(wide):
        environment = make(name)
        actions = random_actions(name, rng, 12, 64).astype(np.float64 if wide else np.float32)
        reset, many = resets(environment), steps(environment)
        keys = jax.random.split(KEY, 64)

        def run(robots, threads):
            monkeypatch.setattr(ours, "THREADS", threads)
            return jax.tree.map(np.asarray, many(reset(keys[np.array(robots)]), actions[:, robots]))

        last, all_of_them = run(range(64), 2)
        shuffled, eight = rng.permutation(64), [7, 1, 5, 60, 61, 62, 63, 0]
        for robots, threads in (([5], 2), ([9, 5, 2], 1), (eight, 2), (shuffled, 1), (shuffled, 3)):
            end, seen = run(robots, threads)
            np.testing.assert_array_equal(end.bits, last.bits[robots])
            for got, wanted in zip(seen, all_of_them, strict=True):
                np.testing.assert_array_equal(got, wanted[:, robots])


def test_one_call_per_step_serves_all_lanes_and_ended_episodes_cost_nothing(monkeypatch):
    environment = make("Hopper-v4", gravity_scale=1.01)  # first: an engine that is new looks at one robot
    calls, stepped = [], []
    step, run = ours.Engine.step, ours.Engine._run
    monkeypatch.setattr(ours.Engine, "step", lambda self, *args: calls.append(args[0].shape) or step(self, *args))
    monkeypatch.setattr(
        ours.Engine, "_run", lambda self, rows, *a, **k: stepped.append(len(rows)) or run(self, rows, *a, **k)
    )
    horizon = 60
    problem = PolicyGradient(environment, horizon, 0.9, MLP((8,)))

    @jax.jit
    @jax.vmap
    def alive(key):  # two lanes of three jobs
        keys = jax.random.split(key, 3)
        return problem.trajectories(problem.init(key), keys, jnp.zeros(3, int)).alive

    living = np.array(alive(jax.random.split(KEY, 2)))
    counts = living.sum((0, 2))
    assert calls == [(2, 3, 4)] * (counts > 0).sum()  # the rollout stops when every episode has
    assert counts[0] == 6 and counts[-1] == 0
    assert stepped == [6, *counts[counts > 0]]  # the first is the reset


def test_an_ended_episode_stays_as_it_is():
    environment = make("Hopper-v4")
    fallen = at("Hopper-v4", np.array([[0, 0.6, 0, 0, 0, 0]]), np.zeros((1, 6)))
    state, (_, rewards, ended) = steps(environment)(fallen, np.ones((1, 1, 3)))
    assert ended.all() and (rewards > 0.5).all()
    again, (observations, rewards, ended) = steps(environment)(state, np.ones((3, 1, 3)))
    np.testing.assert_array_equal(again.bits, state.bits)
    assert ended.all() and (rewards == 0).all() and (observations == 0).all()


@pytest.mark.parametrize("name", V4)
def test_an_unstable_state_ends_the_episode_of_its_robot_alone(name):
    engine, environment = ours._engine(name), make(name)
    actions = random_actions(name, np.random.default_rng(5), 1, 8)
    state = resets(environment)(jax.random.split(KEY, 8))
    broken = row(state).copy()
    for robot, bad in ((1, np.nan), (2, np.inf), (3, 1e30)):
        broken[robot, engine.qvel.start], broken[robot + 3, engine.qpos.start + 2] = bad, bad
    after, (observations, rewards, ended) = steps(environment)(State(broken.view(np.uint32), state[1]), actions)
    _, (expected, wanted, _) = steps(environment)(state, actions)
    alone = np.array([1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(ended[0], np.isin(np.arange(8), alone))
    np.testing.assert_array_equal(rewards[0], wanted[0].at[alone].set(0))
    np.testing.assert_array_equal(observations[0], expected[0].at[alone].set(0))


def test_actions_that_are_not_numbers_are_seen_in_the_reward():
    environment = make("HalfCheetah-v4")
    state, reward, ended = jax.jit(environment.step)(environment.reset(KEY), np.full(6, np.nan), KEY)
    assert np.isnan(reward) and not ended and np.isfinite(state.observation).all()  # as in Gymnasium


@pytest.mark.skipif(sys.platform != "linux", reason="the clock is stopped on Linux alone")
def test_no_step_reads_a_clock():
    robot = make("Reacher-v4")
    robot.step(robot.reset(jax.random.key(0)), jnp.zeros(2), jax.random.key(1))
    _, data = ours._engine("Reacher-v4").spare[-1]
    assert data.time > 0 and not data.timer.duration.any()


def test_mujoco_leaves_no_log_file_and_prints_nothing(tmp_path):
    code = """
import jax, numpy as np
from asyncsim.rl.environments import make
environment = make("HalfCheetah-v4")  # its model draws a warning about deprecation
state = environment.reset(jax.random.key(0))
row = np.array(state.bits).view(np.float64)
row[5] = 1e30
state, reward, ended = environment.step(state._replace(bits=row.view(np.uint32)), np.ones(6), None)  # and this another
assert ended
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert list(tmp_path.iterdir()) == []
    assert "WARNING" not in ran.stdout + ran.stderr and "unstable" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ["Humanoid-v5", "HalfCheetah-v4", "Reacher-v4"])
def test_every_number_matters_and_may_be_traced(name):
    default = make(name, flag=0.0)
    numbers = [field.name for field in fields(MuJoCo) if field.name not in ("name", "engine")]
    table = np.array([getattr(default, key) for key in numbers])
    table = np.vstack([table, table + np.diag(np.where(table == 0, 2.0, 0.5 * table))])  # row i + 1: number i differs
    action = random_actions(name, np.random.default_rng(6))

    @jax.jit
    def experience(values):
        variant = replace(default, **dict(zip(numbers, values, strict=True)))
        first = variant.reset(KEY)
        state, reward, ended = variant.step(first, action, KEY)
        return variant.observe(first), variant.observe(state), reward, ended

    together = jax.vmap(experience)(table)
    for i, values in enumerate(table):
        for got, wanted in zip(together, experience(values), strict=True):
            np.testing.assert_allclose(got[i], wanted, rtol=1e-12, atol=1e-12)
    plain = jax.jit(lambda: make(name).step(make(name).reset(KEY), action, KEY))()
    np.testing.assert_allclose(together[1][0], np.append(plain[0].observation, 0.0), rtol=1e-12)
    np.testing.assert_allclose(together[2][0], plain[1], rtol=1e-12)
    same = {key for i, key in enumerate(numbers, 1) if all(np.array_equal(x[0], x[i]) for x in together)}
    assert same == ({"gravity_scale"} if name == "Reacher-v4" else set())  # Reacher moves in a plane


def test_two_worlds():
    """Worker 0 sees (s, 0), worker 1 sees (-s, 1). (notebooks/science.md, Experiments)"""
    worlds = [make("Humanoid-v4", flag=0.0), make("Humanoid-v4", sign=-1.0, flag=1.0)]
    problem = PolicyGradient(worlds, 3, 0.9, MLP((8,)))
    observations = jax.jit(problem.trajectories)(problem.init(KEY), jnp.stack([KEY, KEY]), jnp.arange(2)).observations
    assert observations.shape == (3, 2, 377)
    np.testing.assert_array_equal(observations[0, 1, :-1], -observations[0, 0, :-1])
    np.testing.assert_array_equal(observations[:, :, -1], [[0, 1]] * 3)


def test_running_backwards_pays_with_a_negative_weight():
    forwards, backwards = make("HalfCheetah-v4"), make("HalfCheetah-v4", forward_reward_weight=-1.0)
    state, action = forwards.reset(KEY), jnp.full(6, 0.5)
    _, gain, _ = forwards.step(state, action, KEY)
    _, loss, _ = backwards.step(state, action, KEY)
    np.testing.assert_allclose(gain + loss, -2 * 0.1 * 6 * 0.25, rtol=1e-12)


def test_things_fall_faster_under_more_gravity():
    def height(gravity_scale):
        environment = make("Walker2d-v4", gravity_scale=gravity_scale)
        state = at("Walker2d-v4", np.array([[0, 1.4, 0, 0, 0, 0, 0, 0, 0.0]]), np.zeros((1, 9)))
        return pose("Walker2d-v4", steps(environment)(state, np.zeros((5, 1, 6)))[0])[0][0, 1]

    fallen = 1.4 - np.array([height(0.0), height(1.0), height(2.0)])
    np.testing.assert_allclose(fallen[0], 0, atol=1e-9)
    np.testing.assert_allclose(fallen[2] / fallen[1], 2, rtol=0.01)


@pytest.mark.parametrize("wide", [False, True])
@each
def test_a_step_keeps_shapes_and_the_default_float(name, wide):
    with jax.enable_x64(wide):
        environment = make(name)
        state = jax.eval_shape(environment.reset, KEY)
        after, reward, ended = jax.eval_shape(environment.step, state, jnp.zeros(environment.actions.size), KEY)
        observation = jax.eval_shape(environment.observe, state)
        number = jnp.result_type(float)
    assert after == state and state.bits.dtype == np.uint32
    assert (reward.shape, reward.dtype) == ((), number) and (ended.shape, ended.dtype) == ((), bool)
    assert (observation.shape, observation.dtype) == ((environment.observation_size,), number)


def test_rennala_nigt_with_a_batch_of_n_is_synchronous_nigt_on_half_cheetah():
    """Bit for bit, with equal times and a free network. (notebooks/science.md, Experiments)"""
    cluster = Cluster([1.0] * 4)
    problem = PolicyGradient("HalfCheetah-v4", 20, 0.99, evaluation_episodes=4)
    first, second = (
        replay(simulate(method, cluster, updates=20), method, problem, seeds=[0, 1], evaluate_every=40)
        for method in (methods.rennala_nigt(4, 2**-5), methods.synchronous_nigt(2**-5))
    )
    np.testing.assert_array_equal(first.params, second.params)
    start = np.array([problem.init(jax.random.key(seed)) for seed in (0, 1)])
    assert np.isfinite(first.params).all() and np.linalg.norm(first.params[:, 0] - start, axis=1).min() > 0.1
    columns = ["time", "gradients", "env_steps", "train_return", "eval_return"]
    np.testing.assert_array_equal(first.to_frame()[columns], second.to_frame()[columns])


def test_make_knows_the_names_and_fields():
    assert set(MUJOCO) == set(TASKS)
    assert make("Humanoid-v4", sign=-1.0, flag=1.0) == MuJoCo("Humanoid-v4", sign=-1.0, flag=1.0)
    assert make("Hopper-v5").healthy_reward == 1.0 and make("Hopper-v5", healthy_reward=2.0).healthy_reward == 2.0


@pytest.mark.parametrize(
    ("name", "constants", "line"),
    [
        ("Humanoid-v3", {}, "environment='Humanoid-v3' is unknown: did you mean 'Humanoid-v5'?"),
        (
            "Humanoid-v4",
            {"healthy": 1.0},
            "environment field 'healthy' is unknown for Humanoid-v4: did you mean 'healthy_reward'?",
        ),
    ],
)
def test_make_says_in_one_line_what_would_do(name, constants, line):
    with pytest.raises(ValueError) as error:
        make(name, **constants)
    assert str(error.value) == line


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(ours, "_engine", ours._engine.__wrapped__)  # nothing kept from before
    with monkeypatch.context() as patch, pytest.raises(ValueError) as error:
        patch.setitem(sys.modules, "mujoco", None)
        make("Reacher-v4")
    assert str(error.value) == "MuJoCo's tasks need the package mujoco: pip install mujoco==4.0.0"
    assert error.value.__cause__ is None and error.value.__suppress_context__
    monkeypatch.setattr(ours, "find_spec", lambda name: None)
    with pytest.raises(ValueError) as error:
        make("Reacher-v4")
    assert str(error.value) == "MuJoCo's tasks need Gymnasium's models: pip install gymnasium==1.4.0"
