"""Rounds, against a heap of all arrivals, and to the last bit against the engine."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_inputs import arrivals, batches, clusters, many, random_clusters, simulate, some, ties

from asyncsim import Cluster, theory
from asyncsim.cluster import equal, sqrt
from asyncsim.rules import Malenia, Rennala, Synchronous


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
