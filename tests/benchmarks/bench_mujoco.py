"""MuJoCo tasks against Gymnasium's SyncVectorEnv and against bare mj_step, alternating in one run.

In environment steps per second (only steps of living robots count), each the best of the rounds, because other programs
on the machine can only slow a round down:

* gymnasium: SyncVectorEnv, with the same compiled policy; it starts afresh every H steps (and by itself, at a fall).
* asyncsim: `rollout` with the policy, one compiled program per H steps, reset included.
* bare: `mj_step` (and `mj_rnePostConstraint` for Humanoid) on the very same trajectories and as many threads, with
  one MjData per robot: nothing is set, read, observed or rewarded.
* environment alone: a compiled scan over given actions; wall time (and CPU time) over that of bare.
* JAX: what a rollout's wall time holds beyond the engine's callbacks: the policy, the keys, the way in and out.

Timings on a shared machine are noisy; H is short where untrained robots fall early, so that both sides step as many.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import gymnasium
import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from asyncsim.rl import mujoco as ours
from asyncsim.rl.policies import MLP
from asyncsim.rl.rollout import rollout

HORIZONS = {"Humanoid-v4": 15, "HalfCheetah-v4": 100, "Walker2d-v4": 10, "Hopper-v4": 15, "Reacher-v4": 50}
STEPS = 12800  # about how many a measurement takes: the first of them, after other work, are slower
BATCH, ROUNDS = 64, 6


def timed(function):
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def clocked(function, seconds):
    """The same function; its wall times are added to the list."""

    def call(*args):
        start = time.perf_counter()
        result = function(*args)
        seconds.append(time.perf_counter() - start)
        return result

    return call


def measure(name, batch, rounds, monkeypatch):
    horizon, engine, inside = HORIZONS[name], ours._engine(name), []
    for function in ("reset", "step"):
        monkeypatch.setattr(engine, function, clocked(getattr(engine, function), inside))
    repeats = max(1, STEPS // (horizon * batch))
    environment = ours.MuJoCo(name)
    network = MLP().for_spaces(environment.observation_size, environment.actions)
    params = network.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), batch)

    def environments(f, *batched):
        return jax.vmap(lambda *args: f(environment, *args))(*batched)

    @jax.jit
    def compiled(params, keys):
        return rollout(environments, network, params, keys, horizon)

    @jax.jit
    def scan(state, actions):
        def step(state, actions):
            state, rewards, _ = jax.vmap(environment.step)(state, actions, keys)
            return state, (state.observation, rewards)

        return jax.lax.scan(step, state, actions)

    @jax.jit
    def act(params, observations, key):
        noise = jax.random.normal(key, (batch, environment.actions.size))
        return network.action(network.sample(network.heads(network.layers(params), observations), noise))

    trajectories = compiled(params, keys)
    alive = int(trajectories.alive.sum())
    actions = network.action(trajectories.latents)
    state = jax.jit(jax.vmap(environment.reset))(jax.vmap(lambda key: jax.random.split(key, 3)[0])(keys))
    jax.block_until_ready(scan(state, actions))

    reference = gymnasium.make_vec(name, num_envs=batch, vectorization_mode="sync")
    reference.reset(seed=0)
    np.asarray(act(params, jnp.zeros((batch, environment.observation_size)), keys[0]))

    def gymnasium_run():
        for _ in range(repeats):
            observations, _ = reference.reset()
            for t in range(horizon):
                action = np.asarray(act(params, jnp.asarray(observations, jnp.float32), keys[t % batch]))
                observations, *_ = reference.step(action)

    def our_run():
        inside.clear()
        for _ in range(repeats):
            jax.block_until_ready(compiled(params, keys))
        in_callbacks.append(sum(inside))

    def scan_run():
        for _ in range(repeats):
            jax.block_until_ready(scan(state, actions))

    data = [mujoco.MjData(engine.model) for _ in range(batch)]
    living, controls = np.asarray(trajectories.alive), np.asarray(actions, float)
    rows = np.asarray(state.bits).view(np.float64)[:, 2:]

    def bare_run(pool):
        """Returns the seconds of stepping, without those of starting."""
        total = np.zeros(2)
        for _ in range(repeats):
            for robot, row in zip(data, rows, strict=True):
                mujoco.mj_setState(engine.model, robot, row, engine.spec)
            total += timed(lambda: bare_episode(pool))
        return total

    def bare_episode(pool):
        for t in range(horizon):
            lanes = iter(np.flatnonzero(living[t]).tolist())
            for future in [pool.submit(bare_work, lanes, t) for _ in range(ours.THREADS)]:
                future.result()

    def bare_work(lanes, t):
        for i in lanes:
            data[i].ctrl[:] = controls[t, i]
            mujoco.mj_step(engine.model, data[i], engine.task.frame_skip)
            if "cfrc_ext" in engine.task.reads:
                mujoco.mj_rnePostConstraint(engine.model, data[i])

    table, in_callbacks = [], []
    with ThreadPoolExecutor(ours.THREADS) as pool:
        for _ in range(rounds):
            table.append([timed(gymnasium_run), timed(our_run), bare_run(pool), timed(scan_run)])
    wall, cpu = np.array(table)[..., 0].T, np.array(table)[..., 1].T
    jax_share = (1 - np.array(in_callbacks) / wall[1]).min()
    wall, cpu = wall.min(1), cpu.min(1)
    theirs, mine, bare = np.array([horizon * batch, alive, alive]) * repeats / wall[:3]
    return {
        "gymnasium": theirs,
        "asyncsim": mine,
        "bare": bare,
        "overhead": wall[3] / wall[2],
        "overhead_cpu": cpu[3] / cpu[2],
        "jax": jax_share,
        "busy": cpu[1] / wall[1] / ours.THREADS,
        "alive": alive / (horizon * batch),
    }


@pytest.mark.filterwarnings("ignore:.*is out of date")
@pytest.mark.parametrize("name", HORIZONS)
def bench_mujoco(row, name, monkeypatch):
    found = measure(name, BATCH, ROUNDS, monkeypatch)
    label = f"{name}, batch {BATCH}"
    row(
        f"{label}, {found['alive']:.0%} alive: rollout, and SyncVectorEnv",
        found["asyncsim"],
        found["gymnasium"],
        unit="steps/s",
        ratio=found["asyncsim"] / found["gymnasium"],
        wanted=("ratio", ">=", 2.2),
        bound="mj_step on both cores; then the callback",
    )
    row(
        f"{label}: environment alone over bare mj_step; {found['bare']:.3g} steps/s, CPU {found['overhead_cpu']:.2f}",
        found["overhead"],
        unit="(times)",
        wanted=("ours", "<=", 1.3),
        bound="states in and out of the engine, a callback per step",
    )
    row(
        f"{label}: share of the rollout's wall time outside the engine's callbacks: policy, keys, in and out",
        found["jax"],
        unit="",
        wanted=("ours", "<=", 0.1),
        bound="products of 64 rows, between callbacks",
    )
    row(
        f"{label}: share of the cores' time that the rollout takes",
        found["busy"],
        unit="",
        wanted=("ours", ">=", 0.9),
        bound="one core waits while JAX computes; other work on the machine",
    )
