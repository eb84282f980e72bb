"""Constants of policies, against numerical derivatives and exact moments."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_inputs import some

from asyncsim import theory


def norm(x):
    return np.linalg.norm(x, 2) if np.ndim(x) == 2 else np.linalg.norm(x)


def log_softmax(x):
    return x - x.max() - np.log(np.exp(x - x.max()).sum())


def hessian(f, x, step=1e-3):
    """By central differences."""
    d, e = len(x), step * np.eye(len(x))
    return np.array(
        [
            [
                (f(x + e[i] + e[j]) - f(x + e[i] - e[j]) - f(x - e[i] + e[j]) + f(x - e[i] - e[j])) / (4 * step**2)
                for j in range(d)
            ]
            for i in range(d)
        ]
    )


@some
@given(st.lists(st.floats(-4, 4), min_size=2, max_size=4))
def test_softmax_scores_are_bounded(logits):
    x, actions = np.array(logits), len(logits)
    policy = np.exp(log_softmax(x))
    bound = theory.softmax_score(actions)
    scores = np.eye(actions) - policy
    assert (np.linalg.norm(scores, axis=1) < math.sqrt(2)).all()
    assert policy @ (scores**2).sum(1) <= bound.M_g**2 + 1e-12
    for a in range(actions):
        curve = hessian(lambda x, a=a: log_softmax(x)[a], x)
        assert np.allclose(curve, np.outer(policy, policy) - np.diag(policy), atol=1e-5)
        assert norm(np.outer(policy, policy) - np.diag(policy)) <= bound.M_h + 1e-12


def test_softmax_bounds_are_attained():
    uniform = np.full(5, 0.2)
    assert uniform @ ((np.eye(5) - uniform) ** 2).sum(1) == pytest.approx(theory.softmax_score(5).M_g ** 2)
    coin = np.array([0.5, 0.5, 0.0])
    assert norm(np.diag(coin) - np.outer(coin, coin)) == pytest.approx(theory.softmax_score(3).M_h)
    assert theory.softmax_score(1) == (0, 0)
    assert theory.softmax_score(np.array([1, 2])).M_h.tolist() == [0, 0.5]


@pytest.mark.parametrize("curved", [False, True])
def test_gaussian_scores_are_bounded_in_mean(curved):
    """μ = θφ with φ in R², A = 2; and μ = sin(θφ), by coordinate."""
    rng, sigma, actions = np.random.default_rng(0), 0.7, 2
    feature, theta = np.array([0.6, -1.1]), rng.normal(size=4)
    size = norm(feature)
    bound = theory.gaussian_score(size, sigma, actions, size**2 if curved else 0.0)

    def mean(theta):
        mu = theta.reshape(2, 2) @ feature
        return np.sin(mu) if curved else mu

    def log_prob(theta, u):
        return -((u - mean(theta)) ** 2).sum() / (2 * sigma**2)

    draws = mean(theta) + sigma * rng.normal(size=(2000, actions))
    e = 1e-5 * np.eye(4)
    scores = [[(log_prob(theta + d, u) - log_prob(theta - d, u)) / 2e-5 for d in e] for u in draws]
    squares = (np.array(scores) ** 2).sum(1)
    margin = 4 * squares.std() / math.sqrt(len(squares))
    assert squares.mean() <= bound.M_g**2 + margin
    assert curved or squares.mean() >= bound.M_g**2 - margin  # tight for a linear mean
    curves = [norm(hessian(lambda x, u=u: log_prob(x, u), theta)) for u in draws[:200]]
    assert np.mean(curves) <= bound.M_h * (1 + 1e-4)
    assert curved or np.allclose(curves, bound.M_h, rtol=1e-4)


def exact_moments(transitions, rewards, logits, discount, horizon):
    """J_H and E‖g_H‖² by going through all trajectories from state 0."""
    policy = np.array([np.exp(log_softmax(row)) for row in logits])
    states, actions = rewards.shape
    value = square = 0.0
    stack = [(1.0, 0, 0, 0.0, np.zeros((states, actions)), np.zeros((states, actions)))]
    while stack:
        p, t, s, total, sum_scores, g = stack.pop()
        if t == horizon:
            value, square = value + p * total, square + p * (g**2).sum()
            continue
        for a in range(actions):
            scores = sum_scores.copy()
            scores[s] += np.eye(actions)[a] - policy[s]
            r = discount**t * rewards[s, a]
            for after in range(states):
                q = p * policy[s, a] * transitions[s, a, after]
                if q:
                    stack.append((q, t + 1, after, total + r, scores, g + r * scores))
    return value, square


@pytest.mark.parametrize("discount", [0.3, 0.8])
def test_policy_constants_bound_noise_and_curvature(discount):
    rng = np.random.default_rng(3)
    found = theory.policy_constants(1.0, *theory.softmax_score(2), discount)
    assert found == pytest.approx(((0.5 + 0.5) / (1 - discount) ** 2, math.sqrt(0.5 / (1 - discount) ** 3)))
    for _ in range(3):
        transitions, rewards = rng.dirichlet([1, 1], (2, 2)), rng.uniform(-1, 1, (2, 2))
        theta = rng.normal(size=4)

        def moments(x, transitions=transitions, rewards=rewards):
            return exact_moments(transitions, rewards, x.reshape(2, 2), discount, 4)

        assert moments(theta)[1] <= found.sigma**2
        assert norm(hessian(lambda x, moments=moments: moments(x)[0], theta)) <= found.L_g


def test_the_noise_bound_is_attained_by_a_bandit():
    _, square = exact_moments(np.ones((1, 3, 1)), np.ones((1, 3)), np.zeros((1, 3)), 0.0, 1)
    assert square == pytest.approx(theory.policy_constants(1.0, *theory.softmax_score(3), 0.0).sigma ** 2)
