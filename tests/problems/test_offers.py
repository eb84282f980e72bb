"""What problems offer besides gradients, against exact gradients, exact Hessians and formulas written out."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, Quadratic, TabularMDP, methods, replay, simulate
from asyncsim.problems import Ridge
from asyncsim.problems.offers import HESSIAN
from asyncsim.rl.environments import CartPole, Pendulum
from asyncsim.rl.policies import MLP

GARNET = TabularMDP.garnet(states=5, actions=3, seed=1, horizon=12)
OWN_REWARDS = TabularMDP.garnet(states=5, actions=3, seed=1, horizon=12, workers=2)
WORLDS = PolicyGradient([CartPole(), CartPole(force_mag=20.0)], 15, 0.9, MLP((4,)))
PENDULUM = PolicyGradient(Pendulum(), 5, 0.9, MLP((4,)))
SHIFTED = Quadratic(6, noise=1.0, shifts=np.arange(12.0).reshape(2, 6))
OFFERS = {
    "two_gradients": dict(clip=1.5),
    "hessian_product": {},
    "local_steps": dict(count=3, step_size=0.1),
}


def jobs(m, seed=0):
    return jax.random.split(jax.random.key(seed), m), jnp.arange(m, dtype=jnp.int32) % 2


def two_points(problem, seed=0, scale=0.3):
    """A point and another one nearby."""
    here, there = jax.random.split(jax.random.key(seed))
    start = problem.init(jax.random.key(0))
    here, away = (jax.random.normal(key, start.shape) for key in (here, there))
    return jnp.stack([start + here, start + here + scale * away])


@cache
def compiled(problem, name):
    return jax.jit(partial(getattr(problem, name), **OFFERS[name]))


def called(problem, name, *arguments):
    """The vectors that a problem's offer returns, shape (k, d), and its stats."""
    *vectors, stats = compiled(problem, name)(*arguments)
    return np.array(vectors), stats


def errors_of_mean(samples, truth):
    """|mean - truth| in standard errors, per coordinate."""
    samples = np.asarray(samples)
    return np.abs(samples.mean(0) - truth) / (samples.std(0, ddof=1) / np.sqrt(len(samples)))


def per_job(problem, name, points, m=20_000, **options):
    """Vectors that many jobs with weight 1 have alone, the last axes (m, d)."""

    def one(key, worker):
        return getattr(problem, name)(points, key[None], worker[None], jnp.ones(1), **options)[:-1]

    return jax.jit(jax.vmap(one))(*jobs(m))


def test_importance_weights_make_the_mean_that_of_the_other_point():
    points = two_points(GARNET, seed=1, scale=0.5)
    new, old = per_job(GARNET, "two_gradients", points, clip=float("inf"))
    assert errors_of_mean(new, GARNET.exact_gradient(points[0])).max() < 4
    assert errors_of_mean(old, GARNET.exact_gradient(points[1])).max() < 4
    assert errors_of_mean(old, GARNET.exact_gradient(points[0])).max() > 6  # it sees the difference
    _, clipped = per_job(GARNET, "two_gradients", points, clip=1.0)
    assert errors_of_mean(clipped, GARNET.exact_gradient(points[1])).max() > 6  # clipping has a bias


def test_a_weight_is_the_product_of_the_ratios_and_clipped():
    points, (keys, workers) = two_points(GARNET), jobs(7)
    trajectories, _ = GARNET.sampled(points[0], keys, workers, jnp.ones(7, bool))
    here, there = (np.asarray(GARNET.policy(point)).ravel() for point in points)
    weights = np.minimum((there / here)[np.asarray(trajectories.visits)].prod(axis=0), 1.5)
    assert (weights == 1.5).any() and (weights < 1.5).any()
    (new, old), _ = called(GARNET, "two_gradients", points, keys, workers, jnp.ones(7))
    np.testing.assert_allclose(old, GARNET.scored(points[1], trajectories, jnp.asarray(weights)), rtol=1e-9)
    np.testing.assert_allclose(new, GARNET.gradient(points[0], keys, workers, jnp.ones(7))[0], rtol=1e-9)


def test_weights_do_not_overflow_or_vanish():
    """Points so far apart that every product of 12 ratios is 0 or infinite in 32 bits."""
    points = jnp.stack([two_points(GARNET)[0], two_points(GARNET, scale=1e4)[1]])
    with jax.enable_x64(False):
        (new, old), _ = called(GARNET, "two_gradients", points.astype(jnp.float32), *jobs(7), jnp.ones(7, jnp.float32))
    assert new.dtype == np.float32 and np.isfinite(old).all()


@pytest.mark.parametrize("problem", [WORLDS, PENDULUM], ids=["discrete", "continuous"])
def test_policies_are_weighed_step_by_step(problem):
    points, (keys, workers) = two_points(problem), jobs(3)
    trajectories, _ = problem.sampled(points[0], keys, workers, jnp.ones(3, bool))
    network, weights = problem.policy_network, np.ones(3)

    @jax.jit
    def ratio(observation, latent):
        heads = (network.heads(network.layers(point), observation[None]) for point in points)
        here, there = (network.log_prob(each, latent[None])[0] for each in heads)
        return jnp.exp(there - here)

    for job in range(3):
        for t in range(int(trajectories.alive[:, job].sum())):
            weights[job] *= ratio(trajectories.observations[t, job], trajectories.latents[t, job])
    weights = jnp.asarray(np.minimum(weights, 1.5))
    (_, old), stats = called(problem, "two_gradients", points, keys, workers, jnp.ones(3))
    np.testing.assert_allclose(old, problem.scored(points[1], trajectories, weights), rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(stats.steps, trajectories.alive.sum(axis=0))


@pytest.mark.parametrize("scale", [1.0, 1e-6], ids=["far", "near"])
def test_the_mean_of_hessian_products_is_exact(scale):
    """Between two points it is the difference of the gradients, and where they are near the Hessian times the step."""
    points = two_points(GARNET, scale=scale)
    (products,) = per_job(GARNET, "hessian_product", points)
    step = points[0] - points[1]
    change = GARNET.exact_gradient(points[0]) - GARNET.exact_gradient(points[1])
    at_once = jax.hessian(GARNET.value)(points[0]) @ step
    assert errors_of_mean(products, change if scale == 1 else at_once).max() < 4
    if scale == 1:
        assert errors_of_mean(products, at_once).max() > 6  # the point between matters
    else:
        assert errors_of_mean(products, 0 * step).max() > 6


def test_a_hessian_product_is_the_formula():
    """∇Φ (∇log p · v) + ∇²Φ v, with whole Hessians, of one trajectory."""
    points, (keys, workers) = two_points(WORLDS), jobs(1)
    network, v = WORLDS.policy_network, points[0] - points[1]

    @jax.jit
    def expected():
        place, again = jax.random.split(jax.random.fold_in(keys[0], HESSIAN))
        between = points[1] + jax.random.uniform(place) * v
        trajectory, stats = WORLDS.sampled(between, again[None], workers, jnp.ones(1, bool))
        there, credits = trajectory.alive[:, 0], WORLDS.estimator.credits(trajectory.rewards, 0.9)[:, 0]

        def logs(params):
            heads = network.heads(network.layers(params), trajectory.observations[:, 0])
            return there * network.log_prob(heads, trajectory.latents[:, 0])

        gradient = jax.grad(lambda params: credits @ logs(params))(between)
        hessian = jax.hessian(lambda params: credits @ logs(params))(between)
        slope = jax.grad(lambda params: logs(params).sum())(between) @ v
        return slope * gradient + hessian @ v, stats

    (product,), found = called(WORLDS, "hessian_product", points, keys, workers, jnp.ones(1))
    wanted, stats = expected()
    np.testing.assert_allclose(product, wanted, rtol=1e-8, atol=1e-10)
    assert found.steps == stats.steps and found.returns == stats.returns


def test_other_trajectories_have_keys_of_their_own():
    """Splits of a key are folds of small numbers, and its own trajectory is sampled with them."""
    key = jax.random.key(3)
    split = jax.random.key_data(jax.random.split(key, 1000)).tolist()
    assert jax.random.key_data(jax.random.fold_in(key, 2)).tolist() in split
    assert jax.random.key_data(jax.random.fold_in(key, HESSIAN)).tolist() not in split


@pytest.mark.parametrize(
    "problem, name",
    [
        (OWN_REWARDS, "local_steps"),
        (WORLDS, "two_gradients"),
        (WORLDS, "hessian_product"),
        (SHIFTED, "hessian_product"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_jobs_add_up_with_their_weights(problem, name):
    """Each with its own key and worker's problem; those of weight 0 add nothing."""
    points, (keys, workers), weights = two_points(problem), jobs(4), jnp.array([0.5, 0.0, 0.3, 0.2])
    points = points[0] if name == "local_steps" else points
    whole, stats = called(problem, name, points, keys, workers, weights)
    parts = [called(problem, name, points, keys, workers, jnp.zeros(4).at[k].set(1.0)) for k in range(4)]
    np.testing.assert_allclose(whole, sum(w * part for w, (part, _) in zip(weights, parts)), rtol=1e-8, atol=1e-12)
    for k in (0, 2, 3):
        assert stats.steps[k] == parts[k][1].steps[k]
        np.testing.assert_allclose(stats.returns[k], parts[k][1].returns[k], rtol=1e-12)


def test_the_noise_of_a_quadratic_is_the_same_at_both_points():
    points, given = two_points(SHIFTED), (*jobs(4), jnp.full(4, 0.25))
    (new, old), _ = called(SHIFTED, "two_gradients", points, *given)
    exact = SHIFTED.exact_gradient(points[0]) - SHIFTED.exact_gradient(points[1])
    np.testing.assert_allclose(new - old, exact, rtol=1e-9, atol=1e-12)
    assert np.abs(new - SHIFTED.exact_gradient(points[0])).max() > 0.1
    np.testing.assert_allclose(called(SHIFTED, "hessian_product", points, *given)[0][0], exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("problem", [OWN_REWARDS, SHIFTED], ids=lambda problem: type(problem).__name__)
def test_local_steps_one_by_one(problem):
    start, (keys, workers) = two_points(problem)[0], jobs(2)
    of_job = jax.jit(problem.gradient)
    expected, returns, steps = 0.0, [], []
    for key, worker in zip(keys, workers):
        point, stats = start, []
        for k in range(3):
            gradient, one = of_job(point, jax.random.fold_in(key, k)[None], worker[None], jnp.ones(1))
            point = point + 0.1 * gradient
            stats.append(one)
        expected = expected + 0.5 * (point - start)
        returns.append(np.mean([one.returns[0] for one in stats]))
        steps.append(sum(int(one.steps[0]) for one in stats))
    (change,), stats = called(problem, "local_steps", start, keys, workers, jnp.full(2, 0.5))
    np.testing.assert_allclose(change, expected, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(stats.returns, returns, rtol=1e-12)
    assert stats.steps.tolist() == steps


@pytest.mark.parametrize(
    "method, line",
    [
        (methods.rennala_mvr(2, 0.1), "which has no method two_gradients, and MVR needs one: give a PolicyGradient"),
        (methods.rennala_harpg(2, 0.1), "which has no method hessian_product, and HARPG needs one"),
        (methods.fedbuff_local(2, 0.1, 2, 0.1), "which has no method local_steps, and LocalSteps needs one"),
    ],
    ids=lambda given: getattr(given, "name", ""),
)
def test_a_problem_that_does_not_offer_it_is_named(method, line):
    timeline = simulate(method, Cluster([1.0]), updates=2)
    with pytest.raises(ValueError) as error:
        replay(timeline, method, Ridge(1.0), seeds=[0])
    assert str(error.value).startswith("problem is a Ridge, ") and line in str(error.value)
    assert "\n" not in str(error.value)
