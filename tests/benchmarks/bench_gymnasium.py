"""LunarLander-v3 against Gymnasium's own SyncVectorEnv, with as many environments and the same compiled policy.

* gymnasium: SyncVectorEnv, which begins afresh every H steps, and by itself where an episode ends.
* asyncsim: `rollout`, one compiled program per H steps, with a callback to the host at each; only steps of episodes
  that go on count.

H is short, because untrained landers fall early.
"""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from asyncsim import PolicyGradient
from asyncsim.rl.episodes import OPEN

NAME, BATCH, HORIZON = "LunarLander-v3", 64, 60


def bench_gymnasium(against):
    problem = PolicyGradient(f"gymnasium/{NAME}", HORIZON, 0.99)
    network, params = problem.policy_network, problem.init(jax.random.key(0))
    keys, workers = jax.random.split(jax.random.key(1), BATCH), jnp.zeros(BATCH, int)
    compiled = jax.jit(problem.trajectories)
    reference = gymnasium.make_vec(NAME, num_envs=BATCH, vectorization_mode="sync")

    @jax.jit
    def act(params, observations, key):
        heads = network.heads(network.layers(params), observations)
        return network.action(network.sample(heads, network.noise(key, BATCH)))

    def gymnasium_run():
        observations, _ = reference.reset(seed=0)
        for t in range(HORIZON):
            observations, *_ = reference.step(np.asarray(act(params, jnp.asarray(observations), keys[t])))

    def our_run():
        return int(compiled(params, keys, workers).alive.sum())

    steps = [our_run() for _ in range(OPEN + 1)][-1]  # and environments are made for all batches that are open
    against(
        f"{NAME}, batch {BATCH}, {steps / (BATCH * HORIZON):.0%} alive: rollout, and SyncVectorEnv",
        our_run,
        gymnasium_run,
        count=(steps, BATCH * HORIZON),
        unit="steps/s",
        wanted=("ratio", ">=", 0.8),
        bound="the environments, in Python on one core",
        rounds=15,
    )
