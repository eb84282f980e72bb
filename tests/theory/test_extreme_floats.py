"""Every finite number has an answer: against logarithms of the same formulas."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_inputs import many

from asyncsim import theory

positive = st.floats(5e-324, np.finfo(float).max)
nonnegative = st.just(0.0) | positive
wide = st.lists(positive | st.just(math.inf), min_size=1, max_size=4)
extreme = st.tuples(positive, nonnegative, positive, nonnegative, positive)  # ε, σ, L_g, L_h, Δ


def power(x, p):
    """log2 of x^p."""
    return p * math.log2(x) if x else -math.inf


def total(logarithms):
    """log2 of a sum of which logarithms are given."""
    return float(np.logaddexp2.reduce(list(logarithms)))


def logarithms(h, epsilon, kappa):
    """log2 of the computation of some rows, and of the communication of all."""
    e, n, slowest, k = math.log2(epsilon), math.log2(len(h)), math.log2(max(h)), power(kappa, 1)
    mean = total(map(math.log2, h)) - n
    rates = [total(-math.log2(x) for x in sorted(h)[:m]) for m in range(1, len(h) + 1)]

    def fastest(first, second):
        return min(total([math.log2(m) - first * e, -second * e]) - rate for m, rate in enumerate(rates, 1))

    return {
        "synchronous_pg": (slowest + total([-2 * e, -4 * e - n]), k + total([-2 * e, -4 * e - n])),
        "synchronous_nigt": (slowest - 3.5 * e - n, k - 3.5 * e),
        "rennala_pg": (fastest(2, 4), k - 2 * e),
        "afedpg": (n - rates[-1] + total([(4 * n - 7 * e) / 3, -3.5 * e - n]), k - 3 * e),
        "rennala_nigt": (fastest(2, 3.5), k - 2 * e),
        "malenia_pg": (total([slowest - 2 * e, mean - n - 4 * e]), k - 2 * e),
        "malenia_nigt": (total([slowest - 2 * e, mean - n - 3.5 * e]), k - 2 * e),
        "lower_bound": (fastest(12 / 7, 3.5), k - 12 / 7 * e),
    }


def close(found, logarithm):
    """Whether a result is what a logarithm says, 0 below the floats and ``inf`` above them."""
    if found == 0:
        return logarithm < -1073.9
    if found == math.inf:
        return logarithm > 1023.99
    return math.log2(found) == pytest.approx(logarithm, abs=1e-9 if found > 1e-300 else 1.01)


@many
@given(wide, positive, nonnegative)
def test_tables_hold_for_all_floats(h, epsilon, kappa):
    finite = max(h) < math.inf
    expected = logarithms(h, epsilon, kappa) if finite else {}
    for name, row in theory.TABLE.items():
        found = row(h, epsilon, kappa)
        assert not np.isnan([*found, found.total]).any() and min(found) >= 0, name
        assert kappa or found.communication == 0, name
        if finite:
            assert close(found.computation, expected[name][0]) and close(found.communication, expected[name][1]), name


@many
@given(wide, nonnegative, extreme)
def test_theorems_and_what_follows_hold_for_all_floats(h, kappa, numbers):
    eps, sigma, L_g, L_h, Delta = numbers
    K = total([math.log2(L_g) - 2 * math.log2(eps), power(L_h, 0.5) - 1.5 * math.log2(eps)]) + math.log2(Delta)
    assert close(theory.updates_needed(eps, L_g, L_h, Delta), K)
    for theorem in (theory.theorem_4_4, theory.theorem_5_1):
        found = theorem(h, eps, kappa, *numbers[1:])
        assert not np.isnan([*found, found.total]).any() and min(found) >= 0
        assert close(found.communication, K + power(kappa, 1))
    largest = theory.largest_batch_size(*numbers[:4])
    at_one, at_most = (theory.updates_with_batch(M, *numbers) for M in (1, 2**53))
    assert largest >= 1 and at_one >= at_most >= 1
    assert theory.greedy_time(h, kappa, 3) >= 0
    for bound in (theory.rennala_bound, theory.malenia_bound):
        assert bound(h, 3) >= 0
    crossing = theory.crossover(theory.rennala_nigt(h, eps, 1.0), theory.afedpg(h, eps, 1.0))
    assert crossing == (0 if eps <= 1 else crossing) >= 0
    assert theory.measured_crossover(h, eps, L_g, Delta) >= 0
    constants = theory.policy_constants(eps, sigma, L_h, 0.5)
    assert min(*constants, *theory.gaussian_score(sigma, eps, 2, L_h)) >= 0


@many
@given(extreme)
def test_parameters_hold_for_all_floats_or_say_that_there_are_none(numbers):
    eps, sigma, L_g, L_h, Delta = numbers
    for function, arguments in ((theory.nigt_parameters, numbers), (theory.pg_parameters, (eps, sigma, L_g, Delta))):
        try:
            found = function(*arguments)
        except ValueError as error:
            assert re.fullmatch(
                r"epsilon=\S+ asks for \w+=\S+ with these constants: give less extreme ones", str(error)
            )
            continue
        assert 0 < found.momentum <= 1 and 0 < found.step_size < math.inf
        assert min(found.batch_size, found.initial_batch_size, found.updates) >= 1
        if function is theory.nigt_parameters:
            assert theory.nigt_guarantee(found, *numbers[1:]) <= eps * (1 + 1e-9)


def test_numbers_at_the_ends():
    assert theory.afedpg([1.0, 2.0], 1e-160, 0.0).communication == 0
    assert theory.synchronous_pg([1.0], 1e-320, 1.0) == (math.inf, math.inf)
    assert theory.synchronous_pg([1.0], 1e200, 1.0).total == 0
    assert theory.rennala_nigt([1e308], 1e-2, 0.0).computation == math.inf
    assert theory.rennala_nigt([1e-300], 1e-100, 1e-250) == pytest.approx((1e50, 1e-50))  # with ε^-3.5 = 1e350
    assert theory.malenia_pg([1e308] * 3, 1e10).computation == pytest.approx(1e288)
    assert theory.nigt_parameters(1e200, 1, 1, 0, 1).updates == 1
    assert theory.pg_parameters(1e200, 1, 1, 1).updates == 1
    assert theory.gradients_per_update([0.01, 1e-320]) == pytest.approx([1000, math.inf])
    extreme = theory.best_batch_size([1.0, 2.0], [0.0, 1e308], 1.0, 0.1, 1.0, 1.0, 1e308)  # Δ overflows T(M)
    assert extreme.tolist() == theory.best_batch_size([1.0, 2.0], [0.0, 1e308], 1.0, 0.1, 1.0, 1.0, 1e200).tolist()
