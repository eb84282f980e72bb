"""Whom to wait for, what to collect, where methods cross and what cancelling costs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_inputs import arrivals, batches, brute_harmonic, clusters, constants, many, random_clusters, simulate, some

from asyncsim import Cluster, theory
from asyncsim.cluster import equal, linear, one_straggler, sqrt
from asyncsim.rules import Greedy, Malenia, Rennala


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
        most = theory.cancelled_jobs(n, jobs.sum())
        if ((first["outcome"] == "used") & (first["finish"] == time)).sum() == 1:  # no other job ends with the last one
            assert len(lost) / len(first) == most
            if counts["used"] == 3 * jobs.sum():  # always, but where later rounds meet ties by rounding
                assert counts["cancelled"] <= 2 * (n - 1) + len(lost) == 3 * (n - 1)
        assert len(lost) / len(first) <= most <= theory.cancelled_jobs(n, M)
        share = theory.cancelled_seconds(h, jobs, time)
        assert share == pytest.approx((lost["finish"] - lost["start"]).sum() / (n * time), abs=1e-12)
        assert share <= theory.cancelled_seconds_bound(h, time) + 1e-12


def test_cancelled_work_broadcasts():
    h, M = random_clusters(5, 4), np.array([[3], [30]])
    jobs, time = theory.rennala_jobs(h, M), theory.rennala_round(h, M)
    assert theory.cancelled_seconds(h, jobs, time).shape == theory.cancelled_seconds_bound(h, time).shape == (2, 5)
    assert theory.cancelled_jobs(4, M).tolist() == [[3 / 6], [3 / 33]]
    assert theory.cancelled_seconds([1.0, math.inf], [2, 0], 2.0) == 0.5
