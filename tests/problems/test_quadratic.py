"""The quadratic against dense linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim.problems.quadratic import Quadratic

SHIFTS = np.random.default_rng(0).normal(size=(3, 7))
PLAIN = Quadratic(7, noise=0.5, scale=2.0)
SHIFTED = Quadratic(7, noise=0.5, scale=2.0, shifts=SHIFTS)


@pytest.fixture(params=[PLAIN, SHIFTED], ids=["same", "shifted"])
def problem(request):
    return request.param


def dense(problem):
    """c A and c b, from the definition."""
    d = problem.dimension
    A = (2 * np.eye(d) - np.eye(d, k=1) - np.eye(d, k=-1)) / 4
    return problem.scale * A, problem.scale * np.array([-1.0] + [0.0] * (d - 1)) / 4


def value(problem, x, shift):
    A, b = dense(problem)
    return b @ x - x @ A @ x / 2 + shift @ x


def mean_shift(problem):
    return np.zeros(problem.dimension) if problem.shifts is None else problem.shifts.mean(0)


def jobs(m, seed=0, worker=0):
    return jax.random.split(jax.random.key(seed), m), jnp.full(m, worker, jnp.int32)


def per_job(problem, params, keys, workers):
    """Each job's own gradient, (M, d), through calls with M = 1 and weight 1."""

    def one(key, worker):
        return problem.gradient(params, key[None], worker[None], jnp.ones(1))[0]

    return np.asarray(jax.jit(jax.vmap(one))(keys, workers))


X = np.random.default_rng(1).normal(size=7)


def test_value_and_gradient_are_those_of_the_matrix(problem):
    A, b = dense(problem)
    shift = mean_shift(problem)
    exact, norm, _ = problem.evaluate(jnp.asarray(X), jax.random.key(0))
    assert exact == pytest.approx(value(problem, X, shift)) == pytest.approx(float(problem.value(jnp.asarray(X))))
    np.testing.assert_allclose(problem.exact_gradient(jnp.asarray(X)), b - A @ X + shift, rtol=1e-12)
    assert norm == pytest.approx(np.linalg.norm(b - A @ X + shift))


@pytest.mark.parametrize("worker", [0, 2])
def test_gradients_have_the_stated_mean_and_variance(problem, worker):
    A, b = dense(problem)
    mean = b - A @ X + (0 if problem.shifts is None else SHIFTS[worker])
    m, d = 20_000, problem.dimension
    samples = per_job(problem, jnp.asarray(X), *jobs(m, worker, worker))
    error = 0.5 / np.sqrt(d * m)  # of the mean of one coordinate
    assert np.abs(samples.mean(0) - mean).max() < 4 * error
    squares = ((samples - mean) ** 2).sum(1)  # 0.25/d · chi-squared with d degrees: mean 0.25, variance 2 · 0.25²/d
    assert squares.mean() == pytest.approx(0.25, abs=4 * 0.25 * np.sqrt(2 / d / m))
    covariance = np.cov(samples.T) * d / 0.25
    np.testing.assert_allclose(covariance, np.eye(d), atol=5 * np.sqrt(2 / m))


@pytest.mark.parametrize("dimension", [1, 2, 3, 40])
@pytest.mark.parametrize("shifted", [False, True])
def test_the_optimum_has_no_gradient(dimension, shifted):
    shifts = np.random.default_rng(2).normal(size=(4, dimension)) if shifted else None
    problem = Quadratic(dimension, scale=3.0, shifts=shifts)
    best = jnp.asarray(problem.optimum())
    np.testing.assert_allclose(best, np.linalg.solve(dense(problem)[0], dense(problem)[1] + mean_shift(problem)))
    np.testing.assert_allclose(problem.exact_gradient(best), 0, atol=1e-12)
    assert problem.gap == pytest.approx(float(problem.value(best) - problem.value(problem.init(None))))
    assert problem.gap > 0
    if not shifted:  # x*_k = k/(d + 1) - 1
        np.testing.assert_allclose(best, np.arange(1, dimension + 1) / (dimension + 1) - 1)


@pytest.mark.parametrize("dimension", [1, 2, 40])
def test_smoothness_is_the_largest_eigenvalue(dimension):
    problem = Quadratic(dimension, scale=3.0)
    assert problem.smoothness == pytest.approx(np.linalg.eigvalsh(dense(problem)[0])[-1], rel=1e-12)


def test_the_start_is_that_of_the_papers():
    start = Quadratic(9).init(jax.random.key(0))
    np.testing.assert_array_equal(start, [3.0] + [0.0] * 8)


def test_returns_are_the_values_of_the_workers():
    workers = jnp.array([0, 2, 1], jnp.int32)
    _, stats = SHIFTED.gradient(jnp.asarray(X), jobs(3)[0], workers, jnp.ones(3))
    np.testing.assert_allclose(stats.returns, [value(SHIFTED, X, SHIFTS[i]) for i in workers])
    assert stats.steps.dtype == jnp.int32 and (stats.steps == 0).all()
    _, stats = PLAIN.gradient(jnp.asarray(X), *jobs(3), jnp.ones(3))
    np.testing.assert_allclose(stats.returns, 3 * [value(PLAIN, X, np.zeros(7))])
    assert (PLAIN.workers, SHIFTED.workers) == (None, 3)


def test_evaluation_knows_the_values_of_the_workers():
    evaluated = SHIFTED.evaluate(jnp.asarray(X), jax.random.key(0))
    np.testing.assert_allclose(evaluated.own_values, [value(SHIFTED, X, shift) for shift in SHIFTS])
    np.testing.assert_allclose(evaluated.value, np.mean(evaluated.own_values))
    assert PLAIN.evaluate(jnp.asarray(X), jax.random.key(0)).own_values == ()


def test_gradients_add_up_with_their_weights(problem):
    keys, workers = jobs(2)[0], jnp.array([0, 2], jnp.int32)
    single = per_job(problem, jnp.asarray(X), keys, workers)
    both = problem.gradient(jnp.asarray(X), keys, workers, jnp.array([0.5, 0.5]))[0]
    np.testing.assert_allclose(both, single.mean(0), rtol=1e-12)


def test_weight_zero_contributes_nothing(problem):
    keys, workers, weights = jobs(3)[0], jnp.array([1, 0, 2], jnp.int32), jnp.array([1.0, 0.0, 0.0])
    padded = problem.gradient(jnp.asarray(X), keys, workers, weights)[0]
    other = problem.gradient(jnp.asarray(X), keys.at[1:].set(jobs(2, 9)[0]), workers, weights)[0]
    np.testing.assert_array_equal(padded, other)
    assert (problem.gradient(jnp.asarray(X), keys, workers, jnp.zeros(3))[0] == 0).all()


def test_the_same_keys_give_the_same_gradient(problem):
    first, again = (problem.gradient(jnp.asarray(X), *jobs(4), jnp.ones(4)) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert (first[0] != problem.gradient(jnp.asarray(X), *jobs(4, 1), jnp.ones(4))[0]).any()


def test_repr_is_short():
    assert repr(SHIFTED) == "Quadratic(dimension=7, noise=0.5, scale=2.0, workers=3)"


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (dict(dimension=0), "dimension: 0; needs a whole number, 1 or more"),
        (dict(dimension=2.5), "dimension: 2.5; needs a whole number, 1 or more"),
        (dict(noise=-1.0), "noise: -1.0; needs a finite number, 0 or more"),
        (dict(noise=float("nan")), "noise: nan; needs a finite number, 0 or more"),
        (dict(scale=0.0), "scale: 0.0; needs a finite number above 0"),
        (dict(shifts=np.zeros(4)), "shifts: shape (4,); needs (n, 4), one row per worker"),
        (dict(shifts=np.zeros((2, 3))), "shifts: shape (2, 3); needs (n, 4), one row per worker"),
        (dict(shifts=np.full((2, 4), np.nan)), "shifts: nan; needs finite numbers"),
    ],
)
def test_errors_are_one_line(wrong, line):
    with pytest.raises(ValueError) as error:
        Quadratic(**dict(dimension=4) | wrong)
    assert str(error.value) == line


def test_32_bits_stay_32_bits():
    with jax.enable_x64(False):
        params = SHIFTED.init(jax.random.key(0))
        gradient, stats = SHIFTED.gradient(params, *jobs(2), jnp.ones(2))
        assert {x.dtype for x in (params, gradient, stats.returns, SHIFTED.value(params))} == {jnp.dtype("float32")}


def test_two_with_the_same_numbers_are_equal():
    one, same = Quadratic(2, shifts=[[1.0, 2.0]]), Quadratic(2, shifts=[[1.0, 2.0]])
    assert one == same and hash(one) == hash(same)
    assert len({one, same, Quadratic(2), Quadratic(2, 1.0), Quadratic(2, shifts=[[1.0, 3.0]])}) == 4
