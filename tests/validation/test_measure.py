"""What is measured of problems and runs, against values known otherwise."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from asyncsim import Cluster, Quadratic, TabularMDP, methods, replay, simulate
from asyncsim.problems import Ridge
from asyncsim.validation import measurement as measure
from asyncsim.validation.exponents import COIN, COIN_CONSTANTS

GARNET = TabularMDP.garnet(states=3, actions=2, branching=2, discount=0.8, horizon=3, seed=1)


def trajectories(problem, params):
    """(probability, g_H) of every trajectory, one by one."""
    policy = np.asarray(problem.policy(params))
    P, r, gamma = problem.transitions, problem.rewards, problem.discount
    pairs = list(itertools.product(range(problem.states), range(problem.actions)))
    for path in itertools.product(pairs, repeat=problem.horizon):
        probability = problem.initial[path[0][0]]
        for (s, a), (following, _) in zip(path, path[1:]):
            probability *= P[s, a, following]
        gradient, to_go = np.zeros((problem.states, problem.actions)), 0.0
        for step in reversed(range(problem.horizon)):
            s, a = path[step]
            probability *= policy[s, a]
            to_go += gamma**step * r[s, a]
            gradient[s, a] += to_go
            gradient[s] -= to_go * policy[s]
        yield probability, gradient.ravel()


def test_the_noise_of_a_table_against_every_trajectory():
    point = measure.ascent(GARNET, 1.0, 4)[-1]
    probability, gradient = map(np.array, zip(*trajectories(GARNET, point)))
    assert probability.sum() == pytest.approx(1)
    exact = probability @ gradient
    np.testing.assert_allclose(exact, GARNET.exact_gradient(point), atol=1e-12)
    variance = probability @ ((gradient - exact) ** 2).sum(1)
    noise = measure.noise_level(GARNET, point, 20_000)
    assert noise.mean == pytest.approx(variance, abs=4 * noise.error) and noise.error < 0.02 * variance


def test_the_gap_of_a_table_against_every_policy():
    """With three steps, over all policies that may change with time."""
    best = -np.inf
    for actions in itertools.product(itertools.product(range(2), repeat=3), repeat=3):
        value = np.zeros(3)
        for action in actions:
            here = np.arange(3), np.array(action)
            value = GARNET.rewards[here] + GARNET.discount * GARNET.transitions[here] @ value
        best = max(best, GARNET.initial @ value)
    assert measure.tabular_gap(GARNET) == pytest.approx(best - float(GARNET.value(jnp.zeros(6))), rel=1e-12)
    own = TabularMDP.garnet(states=3, actions=2, branching=2, discount=0.8, horizon=3, workers=4)
    mean = TabularMDP(own.transitions, own.rewards.mean(0), own.initial, 0.8, 3)
    assert measure.tabular_gap(own) == pytest.approx(measure.tabular_gap(mean), rel=1e-12)
    with pytest.raises(ValueError, match="tabular_gap: each worker has its own transitions"):
        measure.tabular_gap(TabularMDP(np.ones((2, 1, 2, 1)), [[0.0, 1.0]], [1.0]))


def test_the_coins_constants_are_exact():
    """Measured at many points, they come from below."""
    points = jnp.stack([jnp.array([u, -u]) / 2**0.5 for u in np.linspace(-3, 3, 61)])
    measured = measure.tabular_constants(COIN, points, jobs=2000)
    assert measured.Delta == COIN_CONSTANTS.Delta == measure.tabular_gap(COIN)
    assert 0.99 * COIN_CONSTANTS.L_g < measured.L_g <= COIN_CONSTANTS.L_g * (1 + 1e-9)
    assert 0.99 * COIN_CONSTANTS.L_h < measured.L_h <= COIN_CONSTANTS.L_h * (1 + 1e-5)
    assert measured.sigma == pytest.approx(COIN_CONSTANTS.sigma, rel=0.1)  # the largest of 61 is biased upwards
    frame = measured.to_frame()
    assert frame["constant"].tolist() == ["Delta", "sigma", "L_g", "L_h"] and frame["standard_error"][1] > 0
    assert measured.arguments() == {key: getattr(measured, key) for key in ("sigma", "L_g", "L_h", "Delta")}


def test_every_workers_noise_counts():
    rewards = np.stack([0 * COIN.rewards, 3 * COIN.rewards])
    own = TabularMDP(COIN.transitions, rewards, COIN.initial, COIN.discount, COIN.horizon)
    points = jnp.array([[0.5, -0.5]])
    one = TabularMDP(COIN.transitions, rewards[1], COIN.initial, COIN.discount, COIN.horizon)
    measured, alone = (measure.tabular_constants(each, points, jobs=4000) for each in (own, one))
    assert measured.sigma == pytest.approx(alone.sigma, abs=4 * (measured.sigma_error + alone.sigma_error))
    assert measured.L_g == pytest.approx(alone.L_g / 2)  # of the mean of both


@pytest.mark.parametrize("problem", [Quadratic(dimension=7, noise=0.2), Quadratic(dimension=1, scale=3.0)])
def test_the_quadratics_constants(problem):
    known = measure.quadratic_constants(problem)
    hessian = np.asarray(jax.hessian(problem.value)(problem.init(jax.random.key(0))))
    assert known.L_g == pytest.approx(abs(np.linalg.eigvalsh(hessian)).max(), rel=1e-12)
    assert (known.L_h, known.sigma, known.Delta) == (0, problem.noise, problem.gap)


def test_the_ridges_constants():
    ridge = Ridge(slope=0.3, gap=2.0, noise=0.1)
    assert measure.ridge_constants(ridge).arguments() == {"sigma": 0.1, "L_g": 1.0, "L_h": 1.0, "Delta": 2.0}


def test_the_path_of_steepest_ascent():
    points = np.asarray(measure.ascent(GARNET, 2.0, 50))
    assert points.shape == (51, 6) and (points[0] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(np.diff(points, axis=0), axis=1), 0.04, rtol=1e-9)
    values = jax.vmap(GARNET.value)(points)
    assert (jnp.diff(values) > 0).all()


# ---- time to ε


def curve(seed, norms, updates=None):
    updates = range(len(norms)) if updates is None else updates
    rows = [
        {"seed": seed, "step_size": 0.5, "update": t, "time": 2.0 * t, "gradients": 3 * t, "gradient_norm": norm}
        for t, norm in zip(updates, norms)
    ]
    return pd.DataFrame(rows)


def test_first_hit_and_average():
    frame = pd.concat([curve(0, [4, 2, 0, 2, 0]), curve(1, [4, 4, 4, 4, 4])])
    first, second = measure.time_to(frame, 2.0).to_dict("records")
    assert first == {"seed": 0, "step_size": 0.5, "update": 1, "time": 2.0, "gradients": 3}
    assert second["seed"] == 1 and np.isnan([second[key] for key in ("update", "time", "gradients")]).all()
    # The averages of θ_0 .. θ_{t-1}: 4 before the first update, then 4, 3, 2, 2.
    assert measure.time_to(frame, 2.0, average=True)["update"].iloc[0] == 3
    assert measure.time_to(frame, 4.0, average=True)["update"].tolist() == [0, 0]


def test_an_evaluated_norm_stands_until_the_next():
    assert measure.time_to(curve(0, [4, 1, 0], [0, 2, 10]), 1.6, average=True)["update"].tolist() == [10]  # (8 + 8)/10


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan")])
def test_bad_accuracies_are_refused(epsilon):
    with pytest.raises(ValueError, match=f"epsilon={epsilon} is no accuracy: give a number > 0"):
        measure.time_to(curve(0, [1.0]), epsilon)


def test_a_run_reaches_the_accuracy_when_its_curve_says():
    method = methods.rennala_nigt(batch_size=5, step_size=0.2)
    timeline = simulate(method, Cluster([1.0, 2.0], 0.5), updates=40)
    frame = replay(timeline, method, GARNET, seeds=[0, 1], evaluate_every=5).to_frame()
    for row in measure.time_to(frame, 0.1).itertuples():
        norm, update = frame[frame["seed"] == row.seed]["gradient_norm"].to_numpy(), int(row.update)
        assert norm[update] <= 0.1 < norm[:update].min()
        assert row.time == timeline.updates["time"][update - 1] and row.gradients == 5 * update


def test_intervals_are_students():
    values = [1.0, 2.0, 4.0, 8.0]
    mean, low, high = measure.student(values)
    expected = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert mean == 3.75 and (low, high) == pytest.approx(expected)
    assert measure.student([2.0]) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("logarithmic", [True, False])
def test_slopes_are_least_squares(logarithmic):
    x, y = np.array([1.0, 2.0, 5.0, 9.0]), np.array([3.0, 2.0, 1.0, 0.2])
    fit = measure.slope(x, y, logarithmic)
    expected = stats.linregress(*((np.log(x), np.log(y)) if logarithmic else (x, y)))
    assert (fit.value, fit.error) == pytest.approx((expected.slope, expected.stderr))
    assert fit.high - fit.value == pytest.approx(stats.t.ppf(0.975, 2) * expected.stderr)
    line = expected.intercept + expected.slope * (np.log(x) if logarithmic else x)
    np.testing.assert_allclose(fit.line, np.exp(line) if logarithmic else line)
    assert measure.slope(x, 5 * x**-2).value == pytest.approx(-2, abs=1e-12)
