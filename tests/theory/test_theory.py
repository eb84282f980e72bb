"""Every formula against a computation that shares nothing with it, and the exact ones against the engine."""

import inspect
import math
import re
from fractions import Fraction
from functools import partial
from heapq import heapify, heappop, heapreplace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import asyncsim
from asyncsim import Cluster, theory
from asyncsim.cluster import equal, linear, one_straggler, sqrt
from asyncsim.rules import Greedy, Malenia, Rennala, Synchronous
from asyncsim.updates import NIGT

simulate = partial(asyncsim.simulate, events=True)  # evidence for the theory, which closed forms use

# Times that tie, times that do not, and mixtures; a few workers each.
ties = st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.6, 1.0, 1.5, 2.0, 3.0, math.sqrt(2), math.sqrt(3), math.sqrt(12)])
times = ties | st.floats(0.05, 20)
clusters = st.lists(times, min_size=1, max_size=8)
batches = st.integers(1, 60)
many = settings(max_examples=200, deadline=None)
some = settings(max_examples=50, deadline=None)

# Constants of a problem: ε, σ, L_g, L_h, Δ.
curvatures = st.just(0.0) | st.floats(1e-9, 5)
constants = st.tuples(*[st.floats(0.05, 2), st.floats(0, 3), st.floats(0.1, 5), curvatures, st.floats(0.1, 10)])


def random_clusters(count, workers, seed=0):
    """Of widely different spreads, some with ties, shape (count, workers)."""
    rng = np.random.default_rng(seed)
    h = np.exp(rng.normal(size=(count, workers)) * rng.uniform(0, 3, (count, 1)))
    return np.where(rng.random((count, 1)) < 0.3, np.ceil(h), h)


def arrivals(h):
    """(k h_i, i) in their order, one after another, from a heap."""
    heap = [(h_i, i, 1) for i, h_i in enumerate(h) if h_i < math.inf]
    heapify(heap)
    while heap:
        time, i, k = heap[0]
        yield time, i
        if (k + 1) * h[i] < math.inf:
            heapreplace(heap, ((k + 1) * h[i], i, k + 1))
        else:
            heappop(heap)


def brute_round(h, full):
    """Time and jobs per worker at the first arrival that makes the round full."""
    jobs = [0] * len(h)
    for time, i in arrivals(h):
        jobs[i] += 1
        if full(jobs):
            return time, jobs


def brute_rennala(h, M):
    return brute_round(h, lambda jobs: sum(jobs) >= M)


def brute_malenia(h, M):
    return brute_round(h, lambda jobs: all(jobs) and len(jobs) ** 2 >= M * sum(Fraction(1, k) for k in jobs))


def used_jobs(timeline):
    return np.bincount(timeline.jobs["worker"][timeline.jobs["update"] == 0], minlength=timeline.cluster.workers)


# ---- Rounds, exactly


@many
@given(clusters, batches)
def test_round_times_are_the_engines_to_the_last_bit(h, M):
    cluster = Cluster(h)
    for rule, time, jobs in (
        (Synchronous(), theory.synchronous_round(h), [1] * len(h)),
        (Synchronous(3), theory.synchronous_round(h, 3), [3] * len(h)),
        (Rennala(M), theory.rennala_round(h, M), theory.rennala_jobs(h, M)),
        (Malenia(M), theory.malenia_round(h, M), theory.malenia_jobs(h, M)),
    ):
        timeline = simulate(rule, cluster, updates=1)
        assert timeline.end == time
        assert used_jobs(timeline).tolist() == list(jobs)


@many
@given(st.lists(ties, min_size=1, max_size=6), batches)
def test_round_times_where_many_jobs_tie(h, M):
    for rule, time, jobs in (
        (Rennala(M), theory.rennala_round(h, M), theory.rennala_jobs(h, M)),
        (Malenia(M), theory.malenia_round(h, M), theory.malenia_jobs(h, M)),
    ):
        timeline = simulate(rule, Cluster(h), updates=1)
        assert (timeline.end, used_jobs(timeline).tolist()) == (time, jobs.tolist())


@many
@given(clusters, batches)
def test_rounds_are_the_first_that_a_heap_finds(h, M):
    assert (theory.rennala_round(h, M), theory.rennala_jobs(h, M).tolist()) == brute_rennala(h, M)
    assert (theory.malenia_round(h, M), theory.malenia_jobs(h, M).tolist()) == brute_malenia(h, M)


@many
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 80))
def test_rounds_of_whole_times_are_those_of_the_formula_in_rationals(h, M):
    n = len(h)
    t = next(t for t in range(1, 13 * M) if sum(t // h_i for h_i in h) >= M)
    assert theory.rennala_round(h, M) == t and theory.rennala_jobs(h, M).sum() == M
    harmonic = (t for t in range(max(h), 13 * (M + 1)) if n**2 >= M * sum(Fraction(1, t // h_i) for h_i in h))
    assert theory.malenia_round(h, M) == next(harmonic)


@many
@given(st.lists(st.floats(5e-324, 1.7e308), min_size=1, max_size=5), st.integers(1, 30))
def test_rennala_rounds_hold_at_the_edges_of_floating_point(h, M):
    expected = brute_rennala(h, M)
    assert theory.rennala_round(h, M) == (expected[0] if expected else math.inf)


def test_rounds_by_hand():
    root = sqrt(10)
    assert theory.rennala_round([1, 10], [20, 30]).tolist() == [19, 28]
    assert theory.malenia_round([1, 10], [20, 30]).tolist() == [60, 90]
    assert theory.rennala_jobs([1, 10], [20, 30]).tolist() == [[19, 1], [28, 2]]
    assert theory.malenia_jobs([1, 10], [20, 30]).tolist() == [[60, 6], [90, 9]]
    assert theory.rennala_round(root, [20, 30]).tolist() == [5, 4 * math.sqrt(3)]
    assert theory.malenia_round(root, [20, 30]).tolist() == [6, 8]
    assert theory.rennala_round(sqrt(100), 50) == 6 and theory.malenia_round(sqrt(100), 50) == 10
    assert theory.malenia_jobs([1 / 30, 1 / 10, 1 / 5], 27).tolist() == [30, 10, 5]  # an equality, missed by rounding
    assert theory.malenia_jobs(equal(3), 15).tolist() == [5, 5, 5]


def test_rounds_broadcast_over_clusters_and_batches():
    h, M = random_clusters(6, 5), np.array([[1], [7], [40]])
    for function in (theory.rennala_round, theory.malenia_round):
        assert np.array_equal(function(h, M), [[function(row, m) for row in h] for m in (1, 7, 40)])
    for function in (theory.rennala_jobs, theory.malenia_jobs):
        assert np.array_equal(function(h, M), [[function(row, m) for row in h] for m in (1, 7, 40)])
    assert np.array_equal(theory.synchronous_round(h, M), M * h.max(1))


def test_rounds_of_workers_that_never_finish():
    h = [2.0, math.inf, 1.0]
    assert theory.rennala_round(h, 4) == simulate(Rennala(4), Cluster(h), updates=1).end == 3
    assert theory.rennala_jobs(h, 4).tolist() == [1, 0, 3]
    assert theory.malenia_round(h, 4) == theory.synchronous_round(h) == theory.rennala_round([math.inf], 1) == math.inf
    for function in (theory.malenia_jobs, lambda h, M: theory.rennala_jobs(h[1:2], M)):
        with pytest.raises(ValueError, match="^h has a worker with inf seconds and the round never ends: give finite"):
            function(h, 4)


def test_rounds_of_very_many_workers():
    h = np.random.default_rng(0).uniform(0.5, 1.5, 100_000)
    t, jobs = theory.rennala_round(h, 10**6), theory.rennala_jobs(h, 10**6)
    assert jobs.sum() == 10**6 and (jobs * h).max() == t and ((jobs + 1) * h > t).all()
    t, jobs = theory.malenia_round(h, 10**6), theory.malenia_jobs(h, 10**6)
    assert len(h) ** 2 >= 10**6 * (1 / jobs).sum() and (jobs * h).max() == t and ((jobs + 1) * h > t).all()
    last = (jobs * h).argmax()
    assert len(h) ** 2 < 10**6 * (1 / (jobs - (np.arange(len(h)) == last))).sum()
    assert theory.rennala_round(np.ones(10**5), 10**6) == theory.malenia_round(np.ones(10**5), 10**6) == 10


@some
@given(clusters, batches, st.floats(1, 1e6))
def test_rounds_are_monotone_and_scale(h, M, factor):
    slower = [*h[:-1], h[-1] * factor]
    for function in (theory.rennala_round, theory.malenia_round):
        assert function(h, M) <= function(slower, M) and function(h, M) <= function(h, M + 1)
        assert function(2 * np.array(h), M) == 2 * function(h, M)
    assert theory.rennala_round(h, M) <= theory.malenia_round(h, M)  # Malenia uses M gradients or more
    assert theory.malenia_jobs(h, M).sum() >= M
    if len(h) > 1:  # without a last worker at all; Synchronous grows with it
        assert theory.rennala_round([*h[:-1], math.inf], M) == theory.rennala_round(h[:-1], M)
        assert theory.rennala_round(slower, M) <= theory.rennala_round(h[:-1], M)
    assert theory.synchronous_round(slower) >= h[-1] * factor
    assert (theory.rennala_round([h[0]] * 5, 5), theory.malenia_round([h[0]] * 5, 5)) == (h[0], h[0])


# ---- Bounds on rounds


def brute_harmonic(h, updates, gradients):
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (updates + gradients/m), and its m, by the loop that it says."""
    h = sorted(h)
    return min((1 / (sum(1 / h_i for h_i in h[:m]) / m) * (updates + gradients / m), m) for m in range(1, len(h) + 1))


@many
@given(clusters, batches)
def test_bounds_are_their_formulas(h, M):
    assert theory.rennala_bound(h, M) == pytest.approx(2 * brute_harmonic(h, 1, M)[0], rel=1e-12)
    assert theory.malenia_bound(h, M) == pytest.approx(2 * (max(h) + sum(h) / len(h) * M / len(h)), rel=1e-12)


@pytest.mark.parametrize("workers", [1, 2, 5, 30])
def test_a_round_takes_a_quarter_to_a_half_of_its_bound(workers):
    h = random_clusters(2500, workers)
    M = np.ceil(np.exp(np.random.default_rng(1).uniform(0, 8, len(h))))
    for time, bound in (
        (theory.rennala_round(h, M), theory.rennala_bound(h, M)),
        (theory.malenia_round(h, M), theory.malenia_bound(h, M)),
    ):
        assert (time <= bound / 2 * (1 + 1e-9)).all() and (time >= bound / 4 * (1 - 1e-9)).all()


@some
@given(clusters, st.integers(1, 30))
def test_bounds_hold_where_stale_jobs_are_finished_first(h, M):
    for rule, bound in ((Rennala(M), theory.rennala_bound(h, M)), (Malenia(M), theory.malenia_bound(h, M))):
        timeline = simulate(rule, Cluster(h), updates=15, stale="finish")
        assert np.diff(timeline.updates["time"], prepend=0).max() <= bound * (1 + 1e-9)


@pytest.mark.parametrize(
    "rule, bound, h, ratio",
    [
        (Rennala(2), theory.rennala_bound, equal(6), 0.75),
        (Malenia(2), theory.malenia_bound, [0.15, 9.01, 0.05, 0.16, 1.56, 14.93], 0.90),
    ],
)
def test_with_stale_jobs_half_of_the_bound_is_not_enough(rule, bound, h, ratio):
    rounds = np.diff(simulate(rule, Cluster(h), updates=12, stale="finish").updates["time"], prepend=0)
    assert rounds.max() / bound(h, 2) == pytest.approx(ratio, abs=0.01)


@some
@given(st.lists(times, min_size=2, max_size=8), batches)
def test_rennalas_bound_forgets_a_worker_that_gets_ever_slower(h, M):
    bounds = theory.rennala_bound([[*h, slow] for slow in (1e3, 1e6, 1e9, math.inf)], M)
    assert (np.diff(bounds) >= 0).all() and bounds[-1] == pytest.approx(theory.rennala_bound(h, M))
    assert theory.malenia_bound([*h, 1e9], M) >= 2e9


# ---- Greedy


@many
@given(clusters, st.integers(1, 80), st.just(0.0) | times, st.booleans())
def test_greedy_arrivals_are_the_engines_to_the_last_bit(h, count, kappa, own):
    kappa = [kappa * (i + 1) for i in range(len(h))] if own else kappa
    found = theory.greedy_arrivals(h, kappa, count)
    timeline = simulate(Greedy(), Cluster(h, kappa), updates=count)
    assert found.time.tolist() == timeline.updates["time"].tolist()
    used = timeline.jobs[timeline.jobs["update"] >= 0].sort_values("update")
    assert found.worker.tolist() == used["worker"].tolist()
    heap = arrivals(np.array(h) + kappa)
    assert list(zip(found.time.tolist(), found.worker.tolist())) == [next(heap) for _ in range(count)]


@many
@given(clusters, st.integers(1, 500), st.just(0.0) | times)
def test_greedy_time_is_early_by_less_than_one_arrival_of_each(h, count, kappa):
    last = theory.greedy_arrivals(h, kappa, count).time[-1]
    early = theory.greedy_time(h, kappa, count)
    assert early * (1 - 1e-12) <= last <= theory.greedy_time(h, kappa, count + len(h)) * (1 + 1e-12)
    assert early == pytest.approx(count / sum(1 / (h_i + kappa) for h_i in h))


def test_greedy_arrivals_are_rennalas_rounds_for_every_batch():
    h = random_clusters(1, 7)[0]
    assert np.array_equal(theory.greedy_arrivals(h, 0.0, 200).time, theory.rennala_round(h, np.arange(1, 201)))
    assert theory.greedy_arrivals([1.0, math.inf], 0.5, 3).worker.tolist() == [0, 0, 0]


# ---- Tables


def rows(h, eps, kappa):
    """SPEC section 8's table, number by number."""
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
        assert total[1, 0, 3] == row(h[3], 0.1, 1.0).total and total[0, 1, 2] == row(h[2], 0.2).total


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


# ---- Theorems and parameters


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
        norms.append(np.mean([abs(slope(update.point(state)[0])) for state in states]))
        noise = rng.normal(size=(100, 1))
        states = [
            update.apply(state, slope(update.query(state)) + scale * z, found.step_size, t, 0)
            for state, z in zip(states, noise)
        ]
    assert np.mean(norms) <= eps


# ---- At the ends of floating point

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


def close(found, logarithm):
    """Whether a result is what a logarithm says, 0 below the floats and ``inf`` above them."""
    if found == 0:
        return logarithm < -1073.9
    if found == math.inf:
        return logarithm > 1023.99
    return math.log2(found) == pytest.approx(logarithm, abs=1e-9 if found > 1e-300 else 1.01)


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


# ---- Policies


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


# ---- What follows


@many
@given(clusters, st.floats(0.01, 1e4))
def test_the_workers_that_matter(h, M):
    m, ordered = int(theory.fastest_workers(h, M)), sorted(h)
    bound = [(M + k) / sum(1 / h_i for h_i in ordered[:k]) for k in range(1, len(h) + 1)]
    assert bound[m - 1] == pytest.approx(min(bound), rel=1e-12)
    assert all(h_i <= bound[m - 1] * (1 + 1e-12) for h_i in ordered[:m])
    assert all(h_i >= bound[m - 1] * (1 - 1e-12) for h_i in ordered[m:])


def test_the_workers_that_matter_in_the_tables():
    h, epsilon = linear(50), np.array([0.3, 0.1, 0.03])
    m = theory.fastest_workers(h, epsilon**-1.5)
    assert m.tolist() == [brute_harmonic(h, e**-2, e**-3.5)[1] for e in epsilon]
    assert (np.diff(m) > 0).all()  # the more accurate, the more workers
    assert theory.fastest_workers(one_straggler(10), [1, 10, 10_000]).tolist() == [9, 9, 10]


@some
@given(constants, batches)
def test_any_batch_has_enough_updates(numbers, M):
    eps, sigma, L_g, L_h, Delta = numbers
    updates = theory.updates_with_batch(M, *numbers)
    eta = min(1, M * eps**2 / (144 * sigma**2)) if sigma**2 > 0 else 1.0
    alpha = min(eps / (3 * L_g), eta * math.sqrt(eps / (24 * L_h)) if L_h else math.inf)
    assert updates == pytest.approx(math.ceil(6 * Delta / (alpha * eps)), abs=1, rel=1e-12)
    initial = theory.nigt_parameters(*numbers).initial_batch_size
    found = theory.Parameters(eta, M, initial, alpha, int(updates))
    assert theory.nigt_guarantee(found, sigma, L_g, L_h, Delta) <= eps
    largest = theory.largest_batch_size(eps, sigma, L_g, L_h)
    least = theory.updates_with_batch(2.0**50, *numbers)
    assert theory.updates_with_batch(largest, *numbers) == least
    assert theory.updates_with_batch(max(1, largest // 2), *numbers) >= least
    assert theory.updates_with_batch(theory.nigt_parameters(*numbers).batch_size, *numbers) <= (
        theory.nigt_parameters(*numbers).updates
    )


@settings(max_examples=15, deadline=None)
@given(clusters, st.tuples(st.floats(1, 2), st.floats(0, 0.7), st.floats(0.5, 2), st.floats(0, 2), st.floats(5, 50)))
def test_the_best_batch_is_the_best_of_all(h, numbers):
    kappas = [0.0, 0.5, 10.0]
    every = range(1, int(theory.largest_batch_size(*numbers[:4])) + 6)
    updates = [float(theory.updates_with_batch(M, *numbers)) for M in every]
    times = {
        None: [time for (time, _), _ in zip(arrivals(h), every)],
        theory.malenia_round: [theory.malenia_round(h, M) for M in every],
    }
    for round_time, seconds in times.items():
        found = theory.best_batch_size(h, kappas, *numbers, round_time)
        for kappa, M in zip(kappas, found):
            total = [T * (kappa + t) for T, t in zip(updates, seconds)]
            assert M == 1 + total.index(min(total))
        assert (np.diff(found) >= 0).all()  # dearer communication, larger batches


def test_the_best_batch_of_equal_workers_wastes_no_job():
    assert theory.best_batch_size(equal(100), 0.0, 0.1, 1.0, 1.0, 0.5, 1e4) % 100 == 0


def test_the_tables_cross_where_they_say():
    h, epsilon = sqrt(10), np.array([0.3, 0.1, 0.01])
    slower = theory.synchronous_pg(h, epsilon, 1.0)
    rennala, greedy = theory.rennala_nigt(h, epsilon, 1.0), theory.afedpg(h, epsilon, 1.0)
    assert (theory.crossover(rennala, greedy) == 0).all()  # it is never behind
    kappa = theory.crossover(slower, greedy)
    for k, e in zip(kappa, epsilon):
        if np.isfinite(k) and k > 0:
            assert theory.synchronous_pg(h, e, k).total == pytest.approx(theory.afedpg(h, e, k).total)
    line = theory.Complexity
    assert theory.crossover(line(5.0, 1.0), line(1.0, 3.0)) == 2
    assert theory.crossover(line(5.0, 3.0), line(1.0, 1.0)) == math.inf
    assert theory.crossover(line(1.0, 3.0), line(5.0, 1.0)) == 0


@many
@given(clusters, st.integers(1, 200), st.floats(0.1, 50), st.integers(1, 5000))
def test_measured_crossover_is_the_first_zero(h, updates, round_time, greedy_updates):
    found = theory.measured_crossover(h, updates, round_time, greedy_updates)

    def ahead(kappa):  # how far the collecting method is
        return float(theory.greedy_time(h, kappa, greedy_updates)) - updates * (round_time + kappa)

    tolerance = 1e-9 * (greedy_updates * max(h) + updates * round_time)
    grid = np.geomspace(1e-3, 1e6, 400)
    if found == math.inf:
        assert max(map(ahead, [0.0, *grid])) <= tolerance
        return
    assert all(ahead(kappa) <= tolerance for kappa in [0.0, *grid] if kappa < found)
    assert ahead(found) >= -tolerance * (1 + found)
    if found:
        assert ahead(found) <= tolerance * (1 + found)


def test_measured_crossover_of_equal_workers_is_in_closed_form():
    """2000 (1 + κ)/10 = 50 (5 + κ) at κ = 1/3; half as many updates never are too many."""
    assert theory.measured_crossover(equal(10), 50, 5.0, 2000) == pytest.approx(1 / 3)
    assert theory.measured_crossover(equal(10), 50, 5.0, 500) == math.inf
    assert theory.measured_crossover(equal(10), 50, 1.0, 2000) == 0
    assert theory.measured_crossover([math.inf], 50, 1.0, 2000) == 0  # greedy never ends
    both = theory.measured_crossover([1.0, 100.0], 100, 3.0, 150)  # ahead from here on, and behind again later
    assert theory.greedy_time([1.0, 100.0], 1.1 * both, 150) > 100 * (3.0 + 1.1 * both)
    assert theory.greedy_time([1.0, 100.0], 1e4, 150) < 100 * (3.0 + 1e4)


@pytest.mark.parametrize("h", [equal(10), sqrt(10), one_straggler(10), linear(4)])
def test_measured_crossover_is_the_engines(h):
    updates, M, greedy_updates = 60, 20, 1000
    kappa = theory.measured_crossover(h, updates, theory.rennala_round(h, M), greedy_updates)
    for factor, ahead in ((0.9, False), (1.1, True)):
        collecting = simulate(Rennala(M), Cluster(h, factor * kappa), updates=updates).end
        greedy = simulate(Greedy(), Cluster(h, factor * kappa), updates=greedy_updates).end
        assert (collecting < greedy) == ahead


@settings(max_examples=100, deadline=None)
@given(clusters, st.integers(1, 40))
def test_cancelled_work_is_the_engines(h, M):
    n = len(h)
    for rule, time, jobs in (
        (Rennala(M), theory.rennala_round(h, M), theory.rennala_jobs(h, M)),
        (Malenia(M), theory.malenia_round(h, M), theory.malenia_jobs(h, M)),
    ):
        timeline = simulate(rule, Cluster(h, 0.5), updates=3)
        first = timeline.jobs[timeline.jobs["version"] == 0]
        counts, lost = timeline.counts(), first[first["outcome"] == "cancelled"]
        if counts["used"] == 3 * jobs.sum():  # always, but where later rounds meet ties by rounding
            assert counts["cancelled"] == 2 * (n - 1) + len(lost) == 3 * (n - 1)
        assert len(lost) / len(first) == theory.cancelled_jobs(n, jobs.sum()) <= theory.cancelled_jobs(n, M)
        share = theory.cancelled_seconds(h, jobs, time)
        assert share == pytest.approx((lost["finish"] - lost["start"]).sum() / (n * time), abs=1e-12)
        assert share <= theory.cancelled_seconds_bound(h, time) + 1e-12


def test_cancelled_work_broadcasts():
    h, M = random_clusters(5, 4), np.array([[3], [30]])
    jobs, time = theory.rennala_jobs(h, M), theory.rennala_round(h, M)
    assert theory.cancelled_seconds(h, jobs, time).shape == theory.cancelled_seconds_bound(h, time).shape == (2, 5)
    assert theory.cancelled_jobs(4, M).tolist() == [[3 / 6], [3 / 33]]
    assert theory.cancelled_seconds([1.0, math.inf], [2, 0], 2.0) == 0.5


# ---- Bad input


nan, h = math.nan, [1.0, 2.0]
good = {"epsilon": 0.1, "sigma": 1.0, "L_g": 1.0, "L_h": 1.0, "Delta": 1.0}
BAD = [
    (theory.rennala_round, ([], 5), "h=[] has no worker: give at least one number of seconds"),
    (theory.rennala_round, (np.ones((0, 3)), 5), "h=[] has no worker: give at least one number of seconds"),
    (theory.rennala_round, (5.0, 5), "h=5.0 is not a list: give one number of seconds per worker"),
    (theory.rennala_round, ("sqrt", 5), "h='sqrt' is no compute time: give seconds > 0"),
    (theory.rennala_round, ([[1.0], [1.0, 2.0]], 5), "h=[[1.0], [1.0, 2.0]] is no compute time: give seconds > 0"),
    (theory.rennala_round, ([True], 5), "h=[True] is no compute time: give seconds > 0"),
    (theory.malenia_round, ([1.0, 2.0, 0.0], 5), "h[2]=0.0 is no compute time: give seconds > 0"),
    (theory.synchronous_round, ([[1, 2], [3, -4]],), "h[1, 1]=-4 is no compute time: give seconds > 0"),
    (theory.synchronous_round, (h, 0), "jobs_each=0 is no number of gradients: give an integer >= 1"),
    (theory.rennala_jobs, (h, 0), "M=0 is no number of gradients: give an integer >= 1"),
    (theory.malenia_jobs, (h, [3, 2.5]), "M[1]=2.5 is no number of gradients: give an integer >= 1"),
    (theory.rennala_round, (h, math.inf), "M=inf is no number of gradients: give an integer >= 1"),
    (theory.rennala_bound, (h, nan), "M=nan is no number of gradients: give an integer >= 1"),
    (theory.malenia_bound, ([nan], 3), "h[0]=nan is no compute time: give seconds > 0"),
    (theory.greedy_arrivals, (h, -1.0, 3), "kappa=-1.0 is no communication time: give finite seconds >= 0"),
    (theory.greedy_arrivals, (h, [1.0], 3), "kappa has shape (1,) for 2 workers: give one number, or 2"),
    (theory.greedy_arrivals, ([h], 0.0, 3), "h has shape (1, 2): give one cluster, shape (workers,)"),
    (theory.greedy_time, (h, nan, 3), "kappa=nan is no communication time: give finite seconds >= 0"),
    *((row, (h, -1.0), "epsilon=-1.0 is no accuracy: give a number > 0") for row in theory.TABLE.values()),
    (theory.rennala_nigt, (h, [0.1, 0.0]), "epsilon[1]=0.0 is no accuracy: give a number > 0"),
    (theory.afedpg, (h, 0.1, math.inf), "kappa=inf is no communication time: give finite seconds >= 0"),
    (theory.theorem_4_4, (h, 0.1, 0, -1, 1, 1, 1), "sigma=-1 is no noise level: give a finite number >= 0"),
    (theory.theorem_5_1, (h, 0.1, 0, 1, 0, 1, 1), "L_g=0 is no smoothness constant: give a finite number > 0"),
    (theory.updates_needed, (0.1, 1, -1, 1), "L_h=-1 is no smoothness constant: give a finite number >= 0"),
    (theory.nigt_parameters, (0.1, 1, 1, 1, 0.0), "Delta=0.0 is no gap: give a finite number > 0"),
    (theory.nigt_parameters, ([0.1], 1, 1, 1, 1), "epsilon has shape (1,): give one number"),
    (theory.pg_parameters, (0.0, 1, 1, 1), "epsilon=0.0 is no accuracy: give a number > 0"),
    (theory.policy_constants, (1, 1, 1, 1.0), "discount=1.0 is no discount: give a number in [0, 1)"),
    (theory.policy_constants, (0, 1, 1, 0.9), "r_max=0 is no bound on rewards: give a finite number > 0"),
    (theory.softmax_score, (0,), "actions=0 is no number of actions: give an integer >= 1"),
    (theory.gaussian_score, (1.0, 0.0), "deviation=0.0 is no deviation: give a finite number > 0"),
    (theory.fastest_workers, (h, 0.0), "M=0.0 is no number of gradients: give a finite number > 0"),
    (theory.best_batch_size, ([h], 0.0, 0.1, 1, 1, 1, 1), "h has shape (1, 2): give one cluster, shape (workers,)"),
    (
        theory.best_batch_size,
        (h, 0.0, 1e-9, 1, 1, 1, 1),
        "epsilon=1e-09 asks for batches of up to 7.4e+15 gradients: give a larger epsilon",
    ),
    (theory.measured_crossover, (h, 0, 1.0, 1), "updates=0 is no number of updates: give a finite number > 0"),
    (theory.cancelled_jobs, (0, 3), "workers=0 is no number of workers: give an integer >= 1"),
    (theory.cancelled_seconds, (h, [1, -1], 3.0), "jobs[1]=-1 is no number of gradients: give a finite number >= 0"),
    (theory.cancelled_seconds_bound, (h, 0.0), "round_time=0.0 is no round time: give a finite number > 0"),
]


@pytest.mark.parametrize("function, arguments, line", BAD)
def test_bad_arguments_are_named(function, arguments, line):
    with pytest.raises(ValueError) as error:
        function(*arguments)
    assert str(error.value) == line


def test_every_function_of_the_module_is_tested_here():
    source = Path(__file__).read_text()
    own = [f for name, f in inspect.getmembers(theory, inspect.isfunction) if not name.startswith("_")]
    own = [f for f in own if f.__module__.startswith(f"{theory.__name__}.")]
    assert len(own) > 30 and all(f.__doc__ for f in own)
    rows = set(theory.TABLE.values())
    assert [f.__name__ for f in own if f"theory.{f.__name__}" not in source and f not in rows] == []
