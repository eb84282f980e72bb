"""The engine against closed forms, to the last bit."""

import itertools
import math
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import asyncsim
from asyncsim import Cluster, Stalled, methods
from asyncsim.base import AGAIN, ALONE, Decision
from asyncsim.cluster import Exponential, Recorded, equal, one_straggler, sqrt
from asyncsim.cluster.cluster import COLLECTIVES
from asyncsim.rules import Greedy, Malenia, MSynchronous, Rennala, Synchronous

simulate = partial(asyncsim.simulate, events=True)  # evidence for the theory, which closed forms use

# The table of notebooks/science.md, Exact values: h, M, (round of Rennala, jobs per worker), (round of Malenia, jobs).
ROWS = [
    ((1, 10), 20, (19.0, (19, 1)), (60.0, (60, 6))),
    ((1, 10), 30, (28.0, (28, 2)), (90.0, (90, 9))),
    (sqrt(10), 20, (5.0, (5, 3, 2, 2, 2, 2, 1, 1, 1, 1)), (6.0, (6, 4, 3, 3, 2, 2, 2, 2, 2, 1))),
    (sqrt(10), 30, (4 * math.sqrt(3), (6, 4, 4, 3, 3, 2, 2, 2, 2, 2)), (8.0, (8, 5, 4, 4, 3, 3, 3, 2, 2, 2))),
    (equal(10), 20, (2.0, (2,) * 10), (2.0, (2,) * 10)),
    (sqrt(100), 50, (6.0, None), (10.0, None)),
]


def jobs_per_worker(timeline, update=0):
    used = timeline.jobs[timeline.jobs["update"] == update]
    return tuple(used.groupby("worker").size().reindex(range(timeline.cluster.workers), fill_value=0))


@pytest.mark.parametrize("h, M, rennala, malenia", ROWS)
def test_first_rounds_have_their_exact_values(h, M, rennala, malenia):
    for rule, (time, jobs) in ((Rennala(M), rennala), (Malenia(M), malenia)):
        timeline = simulate(rule, Cluster(h), updates=1)
        assert timeline.updates["time"][0] == time
        assert jobs is None or jobs_per_worker(timeline) == jobs
        assert timeline.end == time


def test_every_round_is_like_the_first():
    timeline = simulate(Rennala(20), Cluster(sqrt(10), 0.5), updates=40)
    assert np.array_equal(timeline.updates["time"], 5.5 * np.arange(1, 41))
    assert all(jobs_per_worker(timeline, u) == (5, 3, 2, 2, 2, 2, 1, 1, 1, 1) for u in range(40))


@pytest.mark.parametrize("events", [True, False])
def test_a_job_of_more_work_takes_as_many_times_longer(events):
    twice, plain = (methods.rennala_mvr(3, 0.1, work=work) for work in (2.0, 1.0))
    times = [1.0, 3.0], [Exponential(1.0), Recorded((2.0, 0.5))]
    for h in times:
        slow = asyncsim.simulate(twice, Cluster(h, 0.5), updates=5, events=events)
        same = asyncsim.simulate(plain, Cluster(h, 0.5).slowed(2.0), updates=5)
        assert slow.updates["time"].equals(same.updates["time"])
        free, fast = (asyncsim.simulate(method, Cluster(h), updates=5, events=events) for method in (twice, plain))
        assert np.array_equal(free.updates["time"], 2 * fast.updates["time"])
        assert free.jobs["worker"].equals(fast.jobs["worker"])
    assert Cluster([1.0]).slowed(1.0) == Cluster([1.0]) and Cluster([1, math.inf]).slowed(3).compute == (3.0, math.inf)
    for work in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"work={work} is no multiple of h_i: give a finite number > 0"):
            methods.rennala_mvr(3, 0.1, work=work)


def test_cancel_and_finish_give_their_exact_totals():
    cluster = Cluster(sqrt(100))
    assert simulate(Rennala(50), cluster, updates=2000).end == 12_000
    assert simulate(Rennala(50), cluster, updates=2000, stale="finish").end == pytest.approx(15_456, abs=0.5)


def test_synchronous_waits_for_the_slowest_and_parks_the_rest():
    timeline = simulate(Synchronous(), Cluster(one_straggler(10), 0.5), updates=200)
    assert np.array_equal(timeline.updates["time"], 100.5 * np.arange(1, 201))
    assert timeline.counts() == {"used": 2000, "cancelled": 0, "discarded": 0, "running": 0}
    assert simulate(Synchronous(jobs_each=3), Cluster([1.0, 2.0]), updates=1).end == 6.0


times = st.floats(0.01, 100, allow_nan=False)
clusters = st.lists(times, min_size=1, max_size=8)


def finishes(h, count):
    """The first ``count`` of all multiples of h_i, with their workers; ties by worker."""
    multiples = ((k * h_i, worker) for worker, h_i in enumerate(h) for k in range(1, count + 1))
    return sorted(multiples)[:count]


@given(clusters, st.integers(1, 40))
def test_rennala_round_is_an_order_statistic(h, M):
    timeline = simulate(Rennala(M), Cluster(h), updates=1)
    expected = finishes(h, M)
    assert timeline.end == expected[-1][0]
    assert timeline.jobs["worker"][:M].tolist() == [worker for _, worker in expected]


@given(clusters, st.integers(1, 40))
def test_malenia_round_is_the_first_time_that_fulfils_its_condition(h, M):
    timeline = simulate(Malenia(M), Cluster(h), updates=1)
    n, counts = len(h), [0] * len(h)
    for moment, worker in finishes(h, 5_000):  # noqa: B007
        counts[worker] += 1
        if all(counts) and n * n >= M * sum(1 / c for c in counts) * (1 - 1e-12):
            break
    else:
        return  # the fast worker does too many jobs for a brute force
    assert timeline.end == moment
    assert jobs_per_worker(timeline) == tuple(counts)
    assert timeline.jobs["weight"].sum() == pytest.approx(1)


def test_malenia_does_not_miss_an_equality_by_rounding():
    """15 (1/5 + 1/5 + 1/5) = 9 = n², which floating-point sums miss."""
    assert 15 * sum([1 / 5] * 3) > 9
    assert jobs_per_worker(simulate(Malenia(15), Cluster(equal(3)), updates=1)) == (5, 5, 5)
    assert jobs_per_worker(simulate(Malenia(27), Cluster([1 / 30, 1 / 10, 1 / 5]), updates=1)) == (30, 10, 5)


@given(clusters, st.integers(1, 60), st.floats(0, 5))
def test_greedy_arrivals_are_order_statistics_of_multiples(h, count, kappa):
    timeline = simulate(Greedy(), Cluster(h, kappa), updates=count)
    expected = finishes([h_i + kappa for h_i in h], count)
    assert timeline.updates["time"].tolist() == [time for time, _ in expected]
    used = timeline.jobs[timeline.jobs["update"] >= 0].sort_values("update")
    assert used["worker"].tolist() == [worker for _, worker in expected]


rules_with_options = st.one_of(
    st.builds(Synchronous, st.integers(1, 3)),
    st.builds(Rennala, st.integers(1, 20), st.none() | st.integers(1, 30), st.sampled_from(["round", "gradient"])),
    st.builds(Malenia, st.integers(1, 20), st.none() | st.integers(1, 30)),
    st.just(Greedy()),
)
near_times = st.floats(0.5, 8, allow_nan=False) | st.sampled_from([1.0, 2.0, 3.0])  # ties happen
near_clusters = st.builds(
    Cluster,
    st.lists(near_times, min_size=1, max_size=6),
    st.just(0.0) | st.floats(0, 3),
    st.sampled_from(COLLECTIVES),
    st.sampled_from(["round_trip", "both_ways"]),
)


@settings(max_examples=200)
@given(rules_with_options, near_clusters, st.sampled_from(["cancel", "finish"]), st.integers(1, 12))
def test_invariants_of_a_run(rule, cluster, stale, updates):
    timeline = simulate(rule, cluster, updates=updates, stale=stale)
    jobs, rounds = timeline.jobs, timeline.updates
    assert len(rounds) == updates and rounds["time"].is_monotonic_increasing
    assert timeline.end == rounds["time"].iloc[-1]
    ended = jobs[jobs["outcome"] != "running"]
    assert ended["finish"].is_monotonic_increasing and jobs["job"].tolist() == list(range(len(jobs)))

    seconds = np.array(cluster.compute)
    if rule.communication == "gradient":
        seconds = seconds + np.array(cluster.gradient_communication)
    whole = jobs[jobs["outcome"].isin(["used", "discarded"])]
    assert np.allclose(whole["finish"] - whole["start"], seconds[whole["worker"]], rtol=1e-9)
    for _, own in ended.groupby("worker"):  # nobody does two jobs at once
        assert (own["start"].to_numpy()[1:] >= own["finish"].to_numpy()[:-1]).all()

    used = jobs[jobs["outcome"] == "used"]
    assert (jobs["update"] >= 0).equals(jobs["outcome"] == "used")
    assert used.groupby("update").size().tolist() == rounds["gradients"].tolist()
    assert np.allclose(used.groupby("update")["weight"].sum(), 1)
    assert (used["delay"] == used["update"] - used["version"]).all() and (used["delay"] >= 0).all()
    if not isinstance(rule, Greedy):
        assert (used["delay"] == 0).all()
    else:
        assert (used["delay"] == 0).all() or cluster.workers > 1
    # A version exists when a job is asked at it.
    applied = np.concatenate([[0.0], rounds["time"]])
    assert (applied[jobs["version"]] <= jobs["start"]).all()
    assert not jobs.duplicated(["worker", "version", "index"]).any()


@given(rules_with_options, near_clusters, st.sampled_from(["cancel", "finish"]))
def test_doubling_every_time_changes_nothing_else(rule, cluster, stale):
    kappa = cluster.communication
    twice = Cluster([2 * h for h in cluster.compute], 2 * kappa, cluster.collective, cluster.transfer)
    a, b = (simulate(rule, c, updates=8, stale=stale) for c in (cluster, twice))
    times = ["start", "finish"]
    pd.testing.assert_frame_equal(a.jobs.drop(columns=times), b.jobs.drop(columns=times))
    assert np.array_equal(2 * a.jobs[times].to_numpy(), b.jobs[times].to_numpy(), equal_nan=True)
    assert np.array_equal(2 * a.updates["time"], b.updates["time"])


@given(clusters)
def test_equal_times_make_the_collecting_rules_one(h):
    cluster = Cluster([h[0]] * len(h))
    runs = [simulate(rule, cluster, updates=6) for rule in (Synchronous(), Rennala(len(h)), Malenia(len(h)))]
    used = [run.jobs[run.jobs["outcome"] == "used"].drop(columns="job").reset_index(drop=True) for run in runs]
    for k in (1, 2):  # Rennala and Malenia also start jobs that they cancel at once
        pd.testing.assert_frame_equal(used[0], used[k])
        pd.testing.assert_frame_equal(runs[0].updates, runs[k].updates)


def test_initial_batch_is_the_first_updates_alone():
    for rule in (Rennala(3, 12), Malenia(3, 12)):
        timeline = simulate(rule, Cluster(equal(3)), updates=3)
        assert timeline.updates["gradients"].tolist() == [12, 3, 3]


def test_updates_of_one_gradient_take_their_places_among_the_others():
    class Mixed:
        """By threes: a gradient that is kept, one that is an update with it, one that is an update alone."""

        communication = "gradient"

        def empty(self, workers):
            return []

        def receive(self, held, ticket, clock):
            turn = ticket.job % 3
            pair = Decision([*held, ticket.job], [0.25, 0.75], (ticket.worker,))
            return ([ticket.job], AGAIN) if turn == 0 else ([], pair if turn == 1 else ALONE)

    timeline = simulate(Mixed(), Cluster([1.0]), updates=5)
    timeline.verify()
    assert timeline.updates["time"].tolist() == [2.0, 3.0, 5.0, 6.0, 8.0]
    assert timeline.jobs["update"].tolist() == [0, 0, 1, 2, 2, 3, 4, 4]
    assert timeline.jobs["weight"].tolist() == [0.25, 0.75, 1.0, 0.25, 0.75, 1.0, 0.25, 0.75]


def test_communication_is_priced_as_said():
    h, kappa = [1.0, 2.0], [0.25, 1.0]
    assert simulate(Synchronous(), Cluster(h, kappa), updates=1).end == 3.0
    assert simulate(Synchronous(), Cluster(h, kappa, collective="broadcast+reduce"), updates=1).end == 4.0
    assert simulate(Greedy(), Cluster(h, kappa), updates=1).end == 1.25
    assert simulate(Greedy(), Cluster(h, kappa, transfer="both_ways"), updates=1).end == 1.5
    per_gradient = simulate(Rennala(2, communication="gradient"), Cluster(h, kappa), updates=1)
    assert per_gradient.end == 2.5 and per_gradient.updates["communications"].tolist() == [2]
    assert simulate(Rennala(2), Cluster(h, kappa), updates=2).updates["communications"].tolist() == [1, 1]


def test_a_round_may_cost_only_those_who_contribute():
    h, kappa = [1.0, 3.0, 10.0], [4.0, 1.0, 9.0]
    ends = {
        "max": (19.0, 29.0, 12.0, 11.0, 19.0),
        "broadcast+reduce": (28.0, 38.0, 21.0, 20.0, 28.0),
        "contributors": (19.0, 29.0, 7.0, 6.0, 19.0),  # the slow worker has nothing to send after 3 gradients
        "when_ready": (19.0, 29.0, 5.0, 6.0, 19.0),  # of the first two, 1 + 4 and 3 + 1
    }
    some = (Synchronous(), Synchronous(2), MSynchronous(2), Rennala(2), Malenia(3))
    for collective, seconds in ends.items():
        cluster = Cluster(h, kappa, collective)
        assert [simulate(rule, cluster, updates=1).end for rule in some] == [*seconds], collective
        assert [asyncsim.simulate(rule, cluster, updates=1).end for rule in some] == [*seconds]
    early = Cluster([1.0, 3.0], [4.0, 1.0], "when_ready")
    assert simulate(Synchronous(), early, updates=1).end == 5.0  # the last to be done is not the last to be heard
    assert simulate(Synchronous(2), early, updates=1).end == 7.0


def test_the_price_of_a_round_changes_seconds_and_not_gradients():
    h, kappa = sqrt(10), [3.0, 0.1, 2.0, 0.5, 0.2, 7.0, 1.0, 1.5, 0.3, 4.0]
    for rule in (Synchronous(2), MSynchronous(4), Rennala(20), Malenia(20)):
        runs = [simulate(rule, Cluster(h, kappa, collective), updates=9) for collective in COLLECTIVES]
        most, twice, contributors, ready = runs
        for timeline in runs[1:]:
            pd.testing.assert_frame_equal(timeline.uses(), most.uses())
        assert ready.end <= contributors.end <= most.end < twice.end


def test_jitter_is_added_to_a_round_whoever_sends():
    from asyncsim.cluster import Jitter, PerWorker, Recorded

    network = Jitter(PerWorker((4.0, 1.0)), Recorded((0.5, 2.0)))
    timeline = simulate(Synchronous(), Cluster([1.0, 3.0], network, "when_ready"), updates=2)
    assert timeline.updates["time"].tolist() == [5.5, 12.5]


def test_stop_conditions():
    cluster = Cluster([1.0, 1.0], 0.5)
    assert simulate(Rennala(2), cluster, until=3.0).updates["time"].tolist() == [1.5, 3.0]  # what is due then happens
    late = simulate(Rennala(2), cluster, until=2.9)
    assert late.updates["time"].tolist() == [1.5] and late.end == 2.9
    assert late.counts() == {"used": 2, "cancelled": 0, "discarded": 2, "running": 0}  # still communicating
    assert len(simulate(Rennala(2), cluster, gradients=5).updates) == 3
    assert simulate(Rennala(2), cluster, gradients=5, updates=2).end == 3.0


def test_nobody_left_to_wait_for_is_an_error_not_a_hang():
    cluster = Cluster([1.0, math.inf, 2.0])
    for rule in (Synchronous(), Malenia(5)):
        with pytest.raises(Stalled, match=r"compute\[1\]=inf: .* waits for worker 1 and updates= can never be met"):
            simulate(rule, cluster, updates=1)
        assert len(simulate(rule, cluster, until=50.0).updates) == 0
    for rule in (Rennala(5), Greedy()):
        assert len(simulate(rule, cluster, updates=10).updates) == 10
        with pytest.raises(Stalled):
            simulate(rule, Cluster([math.inf] * 2), gradients=1)


@pytest.mark.parametrize(
    "stop, line",
    [
        ({}, "no stop condition"),
        ({"updates": 0}, "updates=0"),
        ({"updates": 1.5}, "updates=1.5"),
        ({"gradients": -1}, "gradients=-1"),
        ({"until": 0.0}, "until=0.0"),
        ({"until": math.nan}, "until=nan"),
        ({"until": math.inf}, "until=inf"),
        ({"updates": 1, "stale": "drop"}, "stale='drop'"),
    ],
)
def test_bad_arguments_are_named(stop, line):
    with pytest.raises(ValueError, match=line.replace(".", r"\.")):
        simulate(Greedy(), Cluster([1.0]), **stop)


def test_simulating_needs_no_jax():
    code = (
        "import sys, asyncsim as a;"
        "t = a.simulate(a.methods.rennala_nigt(20, 0.05), a.Cluster([1.0, 10.0]), updates=2);"
        "assert t.end == 38.0; assert 'jax' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_timeline_prints_and_names_its_run():
    method = methods.rennala_nigt(20, 0.05)
    timeline = asyncsim.simulate(method, Cluster(sqrt(10)), updates=2, seed=3)
    assert (timeline.method, timeline.seed, timeline.stale) == ("rennala_nigt", 3, "cancel")
    columns = "job worker version index start finish update weight delay outcome".split()
    assert timeline.jobs.columns.tolist() == columns
    assert timeline.updates.columns.tolist() == "update time gradients communications".split()
    assert timeline.jobs["start"].dtype == timeline.updates["time"].dtype == np.float64
    used = list(itertools.accumulate(timeline.updates["gradients"]))
    assert used == [20, 40]
