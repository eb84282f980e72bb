"""The ridge: its constants are what it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim.problems import Ridge

RIDGES = [Ridge(slope=0.2), Ridge(slope=3.0, gap=0.5, curvature=2.0), Ridge(slope=0.1, gap=2.0, curvature=1e-3)]


@pytest.mark.parametrize("ridge", RIDGES)
def test_the_constants_are_the_largest_values_on_a_grid(ridge):
    start = ridge.init(jax.random.key(0))
    assert ridge.value(start) == 0 and jnp.linalg.norm(ridge.exact_gradient(start)) == pytest.approx(ridge.slope)
    reach = 3 * ridge.gap / ridge.slope
    x, y = np.linspace(-reach, reach, 2001), np.linspace(0, 2 * np.pi, 2001)
    # J is a sum of a function of x and one of y, so its Hessian is diagonal.
    along, across = (lambda x: ridge.value(jnp.stack([x, 0.0 * x]))), (lambda y: ridge.value(jnp.stack([0.0 * y, y])))
    assert 0.98 * ridge.gap < max(map(along, x[::100])) < ridge.gap
    second, third = [], []
    for function, grid in ((along, x), (across, y)):
        twice = jax.grad(jax.grad(function))
        second.append(abs(jax.jit(jax.vmap(twice))(grid)).max())
        third.append(abs(jax.jit(jax.vmap(jax.grad(twice)))(grid)).max())
    assert max(second) == pytest.approx(ridge.L_g, rel=1e-3) and max(third) == pytest.approx(ridge.L_h, rel=1e-3)


def test_the_noise_is_unbiased_and_has_the_variance():
    ridge, point, jobs = Ridge(slope=0.5, noise=0.3), jnp.array([0.4, -1.0]), 20_000
    keys, weight = jax.random.split(jax.random.key(1), jobs), jnp.ones(1)
    gradients = jax.vmap(lambda key: ridge.gradient(point, key[None], jnp.zeros(1, int), weight)[0])(keys)
    error = np.asarray(gradients) - np.asarray(ridge.exact_gradient(point))
    assert abs(error.mean(0)).max() < 4 * 0.3 / 2**0.5 / jobs**0.5
    squares = (error**2).sum(1)
    assert squares.mean() == pytest.approx(0.09, abs=4 * squares.std() / jobs**0.5)


def test_weights_average_the_noise():
    ridge, point = Ridge(slope=0.5, noise=0.3), jnp.array([0.4, -1.0])
    keys, workers = jax.random.split(jax.random.key(1), 3), jnp.zeros(3, int)
    total, stats = ridge.gradient(point, keys, workers, jnp.array([0.5, 0.25, 0.25]))
    each = [ridge.gradient(point, key[None], workers[:1], jnp.ones(1))[0] for key in keys]
    np.testing.assert_allclose(total, 0.5 * each[0] + 0.25 * (each[1] + each[2]), rtol=1e-12)
    assert stats.returns.shape == stats.steps.shape == (3,) and (stats.steps == 0).all()
    assert ridge.evaluate(point, keys[0]).value == ridge.value(point)


@pytest.mark.parametrize("bad", [{"slope": 0.0}, {"slope": float("nan")}, {"slope": 1.0, "gap": -1.0}])
def test_bad_numbers_are_named(bad):
    key, value = list(bad.items())[-1]
    with pytest.raises(ValueError, match=rf"^{key}: {value}; needs a finite number above 0$"):
        Ridge(**bad)
    with pytest.raises(ValueError, match="noise: -1.0; needs a finite number 0 or more"):
        Ridge(1.0, noise=-1.0)
