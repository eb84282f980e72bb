"""The rows of the two tables against their formulas, and their order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_inputs import brute_harmonic, clusters, random_clusters, some

from asyncsim import theory
from asyncsim.cluster import equal


def rows(h, eps, kappa):
    """The rows of Tables 1 and 2, number by number."""
    n, slowest, mean = len(h), max(h), sum(h) / len(h)
    harmonic = n / sum(1 / h_i for h_i in h)
    return {
        "synchronous_pg": (slowest * (eps**-2 + 1 / (n * eps**4)), kappa * (eps**-2 + 1 / (n * eps**4))),
        "synchronous_nigt": (slowest / (n * eps**3.5), kappa * eps**-3.5),
        "rennala_pg": (brute_harmonic(h, eps**-2, eps**-4)[0], kappa * eps**-2),
        "afedpg": (harmonic * (n ** (4 / 3) * eps ** (-7 / 3) + 1 / (n * eps**3.5)), kappa * eps**-3),
        "rennala_nigt": (brute_harmonic(h, eps**-2, eps**-3.5)[0], kappa * eps**-2),
        "malenia_pg": (slowest * eps**-2 + mean / (n * eps**4), kappa * eps**-2),
        "malenia_nigt": (slowest * eps**-2 + mean / (n * eps**3.5), kappa * eps**-2),
        "lower_bound": (brute_harmonic(h, eps ** (-12 / 7), eps**-3.5)[0], kappa * eps ** (-12 / 7)),
    }


@some
@given(clusters, st.floats(1e-3, 1), st.floats(0, 10))
def test_tables_are_their_formulas(h, epsilon, kappa):
    expected = rows(h, epsilon, kappa)
    assert list(theory.TABLE) == list(expected)
    for name, row in theory.TABLE.items():
        found = row(h, epsilon, kappa)
        assert found == pytest.approx(expected[name], rel=1e-12), name
        assert found.total == found.computation + found.communication
        assert row(h, epsilon) == (found.computation, 0)


def test_tables_broadcast():
    h, epsilon, kappa = random_clusters(4, 3), np.array([0.1, 0.2])[:, None], np.array([0.0, 1.0])[:, None, None]
    for row in theory.TABLE.values():
        total = row(h, epsilon, kappa).total
        assert total.shape == (2, 2, 4)
        alone = [row(h[3], 0.1, 1.0).total, row(h[2], 0.2).total]  # NumPy's powers of an array may round differently
        assert [total[1, 0, 3], total[0, 1, 2]] == pytest.approx(alone, rel=1e-14)


@some
@given(clusters, st.floats(1e-3, 1))
def test_tables_have_the_order_that_the_paper_claims(h, epsilon):
    time = {name: row(h, epsilon, 1.0) for name, row in theory.TABLE.items()}
    for better, worse in (
        ("lower_bound", "rennala_nigt"),
        ("rennala_nigt", "rennala_pg"),
        ("rennala_nigt", "afedpg"),
        ("rennala_nigt", "malenia_nigt"),
        ("malenia_nigt", "malenia_pg"),
        ("malenia_pg", "synchronous_pg"),
    ):
        assert (np.array(time[better]) <= np.array(time[worse]) * (1 + 1e-12)).all(), (better, worse)


def test_tables_against_a_straggler():
    """Rennala forgets it, AFedPG's harmonic mean does up to n/(n-1), Synchronous and Malenia wait."""
    h = np.ones((3, 10))
    h[:, -1] = [1e3, 1e6, np.inf]
    assert np.allclose(theory.rennala_nigt(h, 0.1).computation, theory.rennala_nigt(equal(9), 0.1).computation)
    assert theory.afedpg(h, 0.1).computation[2] < 1.2 * theory.afedpg(equal(10), 0.1).computation
    for row in (theory.synchronous_pg, theory.synchronous_nigt, theory.malenia_pg, theory.malenia_nigt):
        seconds = row(h, 0.1).computation
        assert seconds[1] == pytest.approx(1e3 * seconds[0], rel=0.1) and seconds[2] == np.inf
    assert theory.rennala_nigt([math.inf], 0.1).computation == math.inf


def test_afedpgs_communication_is_the_least_over_the_number_of_workers():
    """κ ε^-3 of Table 1: with h = 0 the time is κ (n^(4/3) ε^(-7/3) + 1/(n ε^3.5))."""
    epsilon, n = 1e-3, np.geomspace(1, 1e4, 100_001)
    seconds = n ** (4 / 3) * epsilon ** (-7 / 3) + 1 / (n * epsilon**3.5)
    assert n[seconds.argmin()] == pytest.approx(0.75 ** (3 / 7) * epsilon**-0.5, rel=1e-3)
    assert seconds.min() == pytest.approx(1.98 * theory.afedpg([1.0], epsilon, 1.0).communication, rel=1e-3)
