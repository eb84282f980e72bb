"""Greedy arrivals, to the last bit against the engine."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_inputs import arrivals, clusters, many, random_clusters, simulate, times

from asyncsim import Cluster, theory
from asyncsim.rules import Greedy


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
