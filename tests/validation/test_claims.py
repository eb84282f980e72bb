"""The paper's claims as tests: the exact ones as equalities, the statistical ones within a window that is stated.

`asyncsim validate` measures the same claims at length; here they are small, and where a claim has a function there, it
is the quick one.
"""

import math
from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import asyncsim
from asyncsim import Cluster, methods, replay, theory
from asyncsim.cluster import one_straggler, sqrt
from asyncsim.problems import Ridge
from asyncsim.rules import Greedy, Malenia, Rennala, Synchronous
from asyncsim.validation import CLAIMS
from asyncsim.validation import measurement as measure
from asyncsim.validation.training import GARNET

simulate = partial(asyncsim.simulate, events=True)  # evidence for the theory, which closed forms use

times = st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]) | st.floats(0.1, 10), min_size=1, max_size=6)
sizes = st.integers(1, 40)
some = settings(max_examples=40, deadline=None)


def test_every_claim_about_time_holds():
    """(a) to (e) and (j), as `asyncsim validate --quick` has them."""
    for letter in "abcdej":
        for claim in CLAIMS[letter](True).claims:
            assert claim.holds, (claim.name, claim.predicted, claim.measured)


# ---- (a) to (c): equalities


@some
@given(times, sizes)
def test_round_times_are_the_closed_forms(h, M):
    for rule, expected in (
        (Synchronous(), max(h)),
        (Rennala(M), theory.rennala_round(h, M)),
        (Malenia(M), theory.malenia_round(h, M)),
    ):
        assert simulate(rule, Cluster(h), updates=1).end == expected


@some
@given(times, sizes)
def test_rounds_are_a_quarter_to_a_half_of_their_bounds(h, M):
    """So with cancelling the bounds hold without their factor 2."""
    for time, bound in (
        (theory.rennala_round(h, M), theory.rennala_bound(h, M)),
        (theory.malenia_round(h, M), theory.malenia_bound(h, M)),
    ):
        assert 0.25 * (1 - 1e-12) <= time / bound <= 0.5 * (1 + 1e-12)


@some
@given(times, sizes, st.sampled_from([Rennala, Malenia]))
def test_rounds_with_stale_jobs_need_the_factor(h, M, rule):
    bound = (theory.rennala_bound if rule is Rennala else theory.malenia_bound)(h, M)
    rounds = np.diff(simulate(rule(M), Cluster(h), updates=4, stale="finish").updates["time"], prepend=0)
    assert (rounds <= bound * (1 + 1e-12)).all()


def test_the_factor_is_needed():
    """Where stale jobs are finished first, a round may take more than half of the bound."""
    h = [10.0, 9.0, 8.0, 7.0]
    timeline = simulate(Malenia(1), Cluster(h), updates=8, stale="finish")
    assert 0.8 < np.diff(timeline.updates["time"]).max() / theory.malenia_bound(h, 1) < 1


@some
@given(times, st.floats(0, 3))
def test_greedy_arrivals_are_order_statistics(h, kappa):
    jobs = simulate(Greedy(), Cluster(h, kappa), updates=50).jobs.iloc[:50]
    multiples = sorted((k * (h_i + kappa), i) for i, h_i in enumerate(h) for k in range(1, 51))[:50]
    assert list(zip(jobs["finish"], jobs["worker"])) == multiples


# ---- (d), (f), (i), (j): equalities


def test_rennala_does_not_wait_for_a_straggler():
    fast, slow = (simulate(Rennala(18), Cluster((1.0,) * 9 + (s,)), updates=5).end for s in (10.0, 1e6))
    assert fast == slow == 10.0
    assert simulate(Synchronous(), Cluster(one_straggler(10)), updates=5).end == 500.0


@pytest.mark.parametrize("collective, trips", [("max", 1), ("broadcast+reduce", 2)])
@pytest.mark.parametrize("rule", [Rennala(20), Malenia(20), Synchronous()])
def test_a_communication_costs_a_collecting_method_once_a_round(rule, collective, trips):
    ends = [simulate(rule, Cluster(sqrt(10), kappa, collective), updates=64).end for kappa in (0.0, 0.5, 4.0)]
    assert np.diff(ends) == pytest.approx([64 * trips * 0.5, 64 * trips * 3.5], rel=1e-12)


def test_a_communication_costs_a_greedy_method_only_a_share():
    """Workers communicate side by side: 1 000 updates by ten workers, and 100 κ, not 1 000 κ."""
    ends = [simulate(Greedy(), Cluster(sqrt(10), kappa), updates=1000).end for kappa in (500.0, 1000.0)]
    assert (ends[1] - ends[0]) / 500 == pytest.approx(100, rel=0.01)


@settings(max_examples=15, deadline=None)
@given(st.integers(40, 80), st.floats(15, 24), st.sampled_from([30, 40]))
def test_the_crossover_is_predicted_within_ten_percent(updates, factor, M):
    """Where the slopes differ by half or more: n = 10 workers, and 15 greedy updates or more for each other one."""
    greedy_updates, h = int(updates * factor), sqrt(10)
    predicted = theory.measured_crossover(h, updates, float(theory.rennala_round(h, M)), greedy_updates)

    def later(kappa):
        greedy = simulate(Greedy(), Cluster(h, kappa), updates=greedy_updates).end
        return greedy - simulate(Rennala(M), Cluster(h, kappa), updates=updates).end

    assert 0.5 < predicted < 30 and later(0.9 * predicted) < 0 < later(1.1 * predicted)


@pytest.mark.parametrize("n", [1, 2, 5, 10, 25, 50])
def test_equal_workers_speed_up_linearly(n):
    assert simulate(Rennala(50), Cluster([1.0] * n), updates=4).end == 4 * 50 / n


@some
@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=6, unique=True), sizes, st.sampled_from([Rennala, Malenia]))
def test_a_round_cancels_the_jobs_of_all_workers_but_one(h, M, rule):
    jobs = simulate(rule(M), Cluster(h), updates=1).jobs
    if jobs["finish"].dropna().duplicated().any():
        return  # a tie
    assert (jobs["outcome"] == "running").sum() == len(h) - 1  # they would be cancelled
    used = int((jobs["outcome"] == "used").sum())
    assert theory.cancelled_jobs(len(h), used) == (len(h) - 1) / len(jobs)


# ---- (g) to (i): within a window


def updates_on_ridge(kind, M):
    """(ε, updates and gradients until the average of ‖∇J‖ is ε, bounds), mean over four seeds."""
    epsilon = M ** (-2 / 3)  # where theory gives NIGT a batch of M
    ridge = Ridge(slope=2 * epsilon, noise=1 / 12)
    known = measure.ridge_constants(ridge)
    if kind == "NIGT":
        chosen = theory.nigt_parameters(epsilon, **known.arguments())
        assert chosen.batch_size == M
        sizes = (M, chosen.step_size, chosen.momentum, chosen.initial_batch_size)
        method, share = methods.rennala_nigt(*sizes), 0.18
    else:
        chosen = theory.pg_parameters(epsilon, known.sigma, known.L_g, known.Delta)
        method, share = methods.rennala_pg(chosen.batch_size, chosen.step_size), 0.45
    timeline = simulate(method, Cluster([1.0]), updates=math.ceil(share * chosen.updates))
    every = int(timeline.updates["gradients"].sum()) // 200
    frame = replay(timeline, method, ridge, seeds=range(4), evaluate_every=max(1, every)).to_frame()
    found = measure.time_to(frame, epsilon, average=True).mean()
    assert found["update"] <= chosen.updates and found["gradients"] <= chosen.gradients
    return epsilon, found["update"], found["gradients"]


@pytest.mark.slow
@pytest.mark.parametrize("kind, exponent", [("NIGT", -3.5), ("PG", -4.0)])
def test_the_exponents_on_the_worst_function(kind, exponent):
    """Window: ε falls by 4, and where it is largest PG takes 12 updates, a whole number: ± 0.1 in the slope."""
    (e0, t0, g0), (e1, t1, g1) = (updates_on_ridge(kind, M) for M in (8, 64))
    slope = math.log(e1 / e0)
    assert math.log(t1 / t0) / slope == pytest.approx(-2, abs=0.1)
    assert math.log(g1 / g0) / slope == pytest.approx(exponent, abs=0.1)


@pytest.mark.slow
def test_variance_and_bias_of_a_round():
    """(h), whose windows are three standard errors."""
    for claim in CLAIMS["h"](True).claims:
        assert claim.holds, (claim.name, claim.predicted, claim.measured, claim.tolerance)


@pytest.mark.slow
def test_ten_workers_reach_the_accuracy_ten_times_as_fast():
    """Window: four standard errors of the ratio of two means over 32 seeds."""
    method, seconds = methods.rennala_nigt(20, 0.125), {}
    epsilon = float(np.linalg.norm(GARNET.exact_gradient(GARNET.init(jax.random.key(0))))) / 4
    for n in (1, 10):
        timeline = simulate(method, Cluster([1.0] * n), updates=200)
        frame = replay(timeline, method, GARNET, seeds=range(32), evaluate_every=method.rule.batch_size).to_frame()
        seconds[n] = measure.time_to(frame, epsilon)["time"].to_numpy()
    error = math.hypot(*(own.std(ddof=1) / own.mean() / 32**0.5 for own in seconds.values()))
    assert seconds[1].mean() / seconds[10].mean() == pytest.approx(10, rel=4 * error)
