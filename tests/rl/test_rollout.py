"""Trajectories end where they end, and the estimator is the formula."""

import jax
import jax.numpy as jnp
import numpy as np

from asyncsim import PolicyGradient
from asyncsim.rl.environments import CartPole
from asyncsim.rl.policies import MLP

PROBLEM = PolicyGradient("CartPole-v1", 60, 0.9, MLP((8,)))
PARAMS = PROBLEM.init(jax.random.key(0))
KEYS = jax.random.split(jax.random.key(1), 7)
WORKERS = jnp.zeros(7, jnp.int32)


def test_nothing_happens_after_termination():
    trajectories = PROBLEM.trajectories(PARAMS, KEYS, WORKERS)
    lengths = trajectories.alive.sum(axis=0)
    assert (lengths > 5).all() and (lengths < 60).any()
    for job, length in enumerate(lengths):
        assert trajectories.alive[:length, job].all() and not trajectories.alive[length:, job].any()
        assert (trajectories.rewards[:length, job] == 1).all() and (trajectories.rewards[length:, job] == 0).all()
        assert (trajectories.observations[length:, job] == 0).all() and (trajectories.latents[length:, job] == 0).all()


def test_gradient_is_the_formula_summed_term_by_term():
    weights = jnp.linspace(0.1, 1.0, 7)
    gradient, stats = PROBLEM.gradient(PARAMS, KEYS, WORKERS, weights)
    trajectories = PROBLEM.trajectories(PARAMS, KEYS, WORKERS)
    network, expected = PROBLEM.policy_network, np.zeros(PARAMS.size)

    @jax.jit
    @jax.grad
    def score(params, observation, latent):
        return network.log_prob(network.heads(network.layers(params), observation[None]), latent[None])[0]

    for job in range(7):
        length = int(trajectories.alive[:, job].sum())
        for t in range(length):
            to_go = sum(0.9**h * float(trajectories.rewards[h, job]) for h in range(t, length))
            term = score(PARAMS, trajectories.observations[t, job], trajectories.latents[t, job])
            expected += float(weights[job]) * to_go * np.asarray(term)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(stats.steps, trajectories.alive.sum(axis=0))
    np.testing.assert_array_equal(stats.returns, trajectories.rewards.sum(axis=0))


def test_jobs_of_weight_zero_add_nothing():
    one = jnp.zeros(7).at[3].set(0.5)
    gradient, _ = PROBLEM.gradient(PARAMS, KEYS, WORKERS, one)
    alone, _ = PROBLEM.gradient(PARAMS, KEYS[3:4], WORKERS[:1], jnp.full(1, 0.5))
    np.testing.assert_allclose(gradient, alone, rtol=1e-9, atol=1e-14)


def test_each_worker_has_its_own_environment():
    environments = [CartPole(), CartPole(force_mag=20.0), CartPole(length=2.0)]
    mixed = PolicyGradient(environments, 60, 0.9, MLP((8,)))
    key = jnp.repeat(KEYS[:1], 3)
    together = mixed.trajectories(PARAMS, key, jnp.arange(3))
    for worker, environment in enumerate(environments):
        alone = PolicyGradient(environment, 60, 0.9, MLP((8,))).trajectories(PARAMS, KEYS[:1], WORKERS[:1])
        np.testing.assert_allclose(together.observations[:, worker], alone.observations[:, 0], atol=1e-9)
    assert not np.allclose(together.observations[5, 0], together.observations[5, 1])


def test_evaluation_averages_over_the_workers_environments():
    easy, hard = CartPole(theta_threshold=3.0, x_threshold=100.0), CartPole(theta_threshold=0.06)
    values = [float(PolicyGradient(e, 60, 0.9, MLP((8,)), 400).evaluate(PARAMS, KEYS[0]).value) for e in (easy, hard)]
    mixed = PolicyGradient([easy, hard], 60, 0.9, MLP((8,)), 400).evaluate(PARAMS, KEYS[0])
    assert values[0] > 2 * values[1]
    assert abs(float(mixed.value) - np.mean(values)) < 1.5 and np.isnan(mixed.gradient_norm)
