"""Theorems 4.4 and 5.1, and the parameters that keep their promises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_inputs import brute_harmonic, clusters, constants, many, random_clusters, some

from asyncsim import theory
from asyncsim.updates import NIGT


@some
@given(clusters, constants, st.floats(0, 10))
def test_theorems_are_their_formulas(h, numbers, kappa):
    eps, sigma, L_g, L_h, Delta = numbers
    n, mean = len(h), sum(h) / len(h)
    K = L_g * Delta / eps**2 + math.sqrt(L_h) * Delta / eps**1.5
    noise = sigma**2 / eps**2 + sigma**2 * math.sqrt(L_h) * Delta / eps**3.5
    assert theory.updates_needed(eps, L_g, L_h, Delta) == pytest.approx(K)
    assert theory.theorem_4_4(h, eps, kappa, sigma, L_g, L_h, Delta) == pytest.approx(
        (brute_harmonic(h, K, noise)[0], kappa * K)
    )
    assert theory.theorem_5_1(h, eps, kappa, sigma, L_g, L_h, Delta) == pytest.approx(
        (max(h) * K + mean * noise / n, kappa * K)
    )
    twice = theory.theorem_4_4(2 * np.array(h), eps, 2 * kappa, sigma, L_g, L_h, Delta)
    assert twice.total == pytest.approx(2 * theory.theorem_4_4(h, eps, kappa, sigma, L_g, L_h, Delta).total)


def test_theorems_broadcast():
    h, epsilon = random_clusters(4, 3), np.array([0.1, 0.2, 0.3])[:, None]
    for theorem in (theory.theorem_4_4, theory.theorem_5_1):
        found = theorem(h, epsilon, 1.0, 2.0, 1.0, 0.5, 3.0)
        assert found.total.shape == (3, 4)
        assert found.total[1, 2] == theorem(h[2], 0.2, 1.0, 2.0, 1.0, 0.5, 3.0).total
    assert theory.updates_needed(epsilon, 1.0, 0.5, 3.0).shape == (3, 1)


def test_parameters_by_hand():
    """η = √(0.01·1)/1, M = 144·0.1·4/0.0001, M_init = 144·4/0.0001, both bounds on α, T = 6·2/(α·0.01)."""
    found = theory.nigt_parameters(epsilon=0.01, sigma=2.0, L_g=1.0, L_h=1.0, Delta=2.0)
    assert found.momentum == pytest.approx(0.1) and found.step_size == pytest.approx(0.1 * math.sqrt(0.01 / 24))
    assert (found.batch_size, found.initial_batch_size) == (576_000, 5_760_000)  # not one more by rounding
    assert found.updates == math.ceil(1200 / (0.1 * math.sqrt(0.01 / 24)))
    assert found.gradients == 5_760_000 + (found.updates - 1) * 576_000
    assert theory.nigt_parameters(1.0, 0.0, 1.0, 9.0, 1.0).batch_size == 1
    assert theory.nigt_parameters(1.0, 0.0, 1.0, 9.0, 1.0).momentum == 1
    still = theory.nigt_parameters(0.1, 1.0, 2.0, 0.0, 1.0)  # a quadratic
    assert (still.batch_size, still.initial_batch_size) == (1, 14_400)
    assert still.momentum == pytest.approx(0.01 / 144) and still.step_size == pytest.approx(0.1 / 6)
    assert theory.nigt_parameters(0.1, 0.0, 2.0, 0.0, 1.0).momentum == 1


@many
@given(constants)
def test_parameters_guarantee_the_accuracy_at_the_theorems_price(numbers):
    eps, sigma, L_g, L_h, Delta = numbers
    found = theory.nigt_parameters(*numbers)
    assert 0 < found.momentum <= 1
    assert theory.nigt_guarantee(found, sigma, L_g, L_h, Delta) <= eps
    K = theory.updates_needed(eps, L_g, L_h, Delta)
    if L_h:
        assert 3 * math.sqrt(24) * K <= found.updates * (1 + 1e-9) and found.updates <= 6 * math.sqrt(24) * K + 1
    single = theory.theorem_4_4([1.0], eps, 0.0, sigma, L_g, L_h, Delta).computation  # gradients
    assert found.gradients <= 144 * 60 * (single + 1)


@some
@given(constants, st.integers(0, 2**32))
def test_the_guarantee_follows_from_its_recursion(numbers, seed):
    """The bound on E‖d_t - ∇J‖, one update after another, on the variance and the bias apart."""
    eps, sigma, L_g, L_h, Delta = numbers
    rng = np.random.default_rng(seed)
    found = theory.Parameters(rng.uniform(0.05, 1), rng.integers(1, 50), rng.integers(1, 50), rng.uniform(0.01, 1), 200)
    eta, alpha = found.momentum, found.step_size
    variance, bias, total = sigma**2 / found.initial_batch_size, 0.0, 0.0
    for _ in range(found.updates):
        total += L_g * alpha / 2 + 2 * (math.sqrt(variance) + bias)
        variance = (1 - eta) ** 2 * variance + eta**2 * sigma**2 / found.batch_size
        back, ahead = alpha, (1 - eta) / eta * alpha  # how far θ_{t-1} and θ̃_t lie from θ_t
        bias = (1 - eta) * (bias + L_h * back**2 / 2) + eta * L_h * ahead**2 / 2
    mean = Delta / (alpha * found.updates) + total / found.updates
    assert mean <= theory.nigt_guarantee(found, sigma, L_g, L_h, Delta) * (1 + 1e-9)


def test_parameters_of_vanilla_policy_gradient():
    """α = 1/4, M = 144·4/0.01, T = 288/143·4·3/0.01; then 2 L_g Δ/T + σ²/M <= ε²."""
    found = theory.pg_parameters(epsilon=0.1, sigma=2.0, L_g=4.0, Delta=3.0)
    assert (found.momentum, found.step_size) == (1, 0.25)
    assert found.batch_size == found.initial_batch_size == 57_600 and found.updates == math.ceil(1200 * 288 / 143)
    assert 2 * 4 * 3 / found.updates + 4 / found.batch_size <= 0.01 * (1 + 1e-12)
    assert 2 * 4 * 3 / (found.updates - 1) + 4 / found.batch_size > 0.01  # one update less would not do
    assert theory.pg_parameters(1.0, 0.0, 1.0, 1.0).batch_size == 1


@pytest.mark.parametrize("curved", [True, False])
def test_nigt_with_these_parameters_is_as_accurate_as_promised(curved):
    """J = cos x (L_g = L_h = 1), and J = -x²/2 (L_h = 0), noisy; the average of |∇J(θ_t)| over 100 runs."""
    sigma, eps, start, rng = 0.5, 0.4, 2.5, np.random.default_rng(0)
    slope = (lambda x: -np.sin(x)) if curved else (lambda x: -x)
    Delta = 1 - math.cos(start) if curved else start**2 / 2
    found = theory.nigt_parameters(eps, sigma, 1.0, float(curved), Delta)
    update, norms = NIGT(found.step_size, found.momentum), []
    states = [update.init(np.array([start])) for _ in range(100)]
    for t in range(found.updates):
        scale = sigma / math.sqrt(found.batch_size if t else found.initial_batch_size)
        norms.append(np.mean([abs(slope(state.point[0])) for state in states]))
        noise = rng.normal(size=(100, 1))
        states = [
            update.apply(state, slope(update.query(state)) + scale * z, found.step_size, t, 0)
            for state, z in zip(states, noise)
        ]
    assert np.mean(norms) <= eps
