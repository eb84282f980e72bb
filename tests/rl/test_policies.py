import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from asyncsim.rl.environments import Box, Discrete
from asyncsim.rl.policies import MLP

OBSERVATIONS = jax.random.normal(jax.random.key(1), (5, 3))


@pytest.mark.parametrize(
    "policy, actions, size",
    [
        (MLP((8, 4)), Discrete(3), 3 * 8 + 8 + 8 * 4 + 4 + 4 * 3 + 3),
        (MLP((8,)), Box(2, 1.0), 3 * 8 + 8 + 8 * 4 + 4),
        (MLP((8,), shared=False), Box(2, 1.0), 2 * (3 * 8 + 8 + 8 * 2 + 2)),
        (MLP(()), Discrete(2), 3 * 2 + 2),
    ],
)
def test_parameters_are_one_flat_vector(policy, actions, size):
    network = policy.for_spaces(3, actions)
    params = network.init(jax.random.key(0))
    assert params.shape == (size,) == (network.size,)
    assert not np.array_equal(params, network.init(jax.random.key(1)))


def test_softmax_samples_follow_their_probabilities():
    network = MLP((8,)).for_spaces(3, Discrete(4))
    layers = network.layers(3 * network.init(jax.random.key(0)))
    heads = network.heads(layers, jnp.repeat(OBSERVATIONS[:1], 20_000, axis=0))
    samples = network.sample(heads, network.noise(jax.random.key(2), 20_000))
    probabilities = jax.nn.softmax(heads[0])
    observed = np.bincount(samples, minlength=4) / 20_000
    assert (np.abs(observed - probabilities) < 4 * np.sqrt(probabilities * (1 - probabilities) / 20_000)).all()
    log_probs = network.log_prob(heads, samples)
    np.testing.assert_allclose(log_probs, jnp.log(probabilities)[samples], rtol=1e-9)


def test_gaussian_is_squashed_to_the_action_scale_and_scored_before_it():
    network = MLP((8,)).for_spaces(3, Box(2, 1.5))
    mean, deviation = heads = network.heads(network.layers(network.init(jax.random.key(0))), OBSERVATIONS)
    assert (deviation > 0).all()
    noise = network.noise(jax.random.key(2), 5)
    latent = network.sample(heads, noise)
    np.testing.assert_allclose(latent, mean + deviation * noise)
    np.testing.assert_allclose(network.action(latent), 1.5 * np.tanh(latent))
    np.testing.assert_allclose(network.log_prob(heads, latent), norm.logpdf(latent, mean, deviation).sum(-1))


def test_tanh_correction_makes_it_a_density_of_the_action():
    """The density of a/c = tanh(u) integrates to 1 over (-1, 1)."""
    network = MLP((8,), tanh_correction=True).for_spaces(3, Box(1, 1.0))
    squashed = jnp.linspace(-1, 1, 200_002)[1:-1]
    observations = jnp.repeat(OBSERVATIONS[:1], len(squashed), axis=0)
    heads = network.heads(network.layers(network.init(jax.random.key(0))), observations)
    density = jnp.exp(network.log_prob(heads, jnp.arctanh(squashed)[:, None]))
    assert float(density.mean() * 2) == pytest.approx(1, abs=1e-3)


def test_score_has_mean_zero():
    network = MLP((4,)).for_spaces(3, Box(1, 1.0))
    params = network.init(jax.random.key(0))

    def score(noise):
        heads = network.heads(network.layers(params), OBSERVATIONS[:1])
        latent = jax.lax.stop_gradient(network.sample(heads, noise[None]))

        def log_prob(params):
            return network.log_prob(network.heads(network.layers(params), OBSERVATIONS[:1]), latent)[0]

        return jax.grad(log_prob)(params)

    scores = jax.vmap(score)(network.noise(jax.random.key(3), 20_000))
    errors = scores.std(axis=0) / np.sqrt(20_000)
    assert (np.abs(scores.mean(axis=0)) <= 4 * errors + 1e-12).all()
