"""Bounds on rounds: their formulas, how close they are, and that they hold where stale jobs are finished."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_inputs import batches, brute_harmonic, clusters, many, random_clusters, simulate, some, times

from asyncsim import Cluster, theory
from asyncsim.cluster import Outage, equal
from asyncsim.rules import Malenia, Rennala
from asyncsim.theory.prospects import round_at_most


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


def test_a_bound_is_said_of_clusters_that_it_holds_for():
    plain = Cluster([1.0, 2.0], 0.5)
    assert round_at_most(Rennala(3), plain) == float(theory.rennala_bound([1.0, 2.0], 3)) + 0.5
    for more in ({"update_seconds": 1.0}, {"slot_speeds": (1.0, 0.5)}, {"outages": {0: Outage(1.0, 2.0)}}):
        assert np.isnan(round_at_most(Rennala(3), replace(plain, **more)))
