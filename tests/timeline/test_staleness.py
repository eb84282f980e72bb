"""What a run's staleness is: limits, ages, waste and the share of long jobs."""

import math

import numpy as np
import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import LogNormal, Outage, Recorded, Rollout
from asyncsim.timeline.staleness import asked, limits, refused, staleness, worked
from asyncsim.timeline.usage import run_totals, segments, serving, worker_totals

TAIL = Rollout(LogNormal(1000.0, 1.0), 0.02, 0.5)


def test_the_wait_for_the_server_has_a_column():
    """Greedy, h = (1, 4), τ = 2: worker 0's gradients are there at 1, 4 (behind worker 1's, at 3 to 5, no: before)."""
    timeline = simulate(rules.Greedy(), Cluster([1.0, 4.0], update_seconds=2.0), updates=4)
    assert timeline.updates["time"].tolist() == [3.0, 6.0, 8.0, 10.0]
    frame = worker_totals(timeline).set_index("worker")
    assert frame.loc[0, ["busy", "waiting", "idle"]].tolist() == [3.0, 7.0, 7.0]
    assert frame.loc[1, ["busy", "waiting", "idle"]].tolist() == [6.0, 4.0, 4.0]
    assert run_totals(timeline)["waiting"] == 11.0 and set(segments(timeline)["state"]) >= {"waiting", "used"}
    begin, end = serving(timeline)
    assert begin.tolist() == [1.0, 4.0, 6.0, 8.0] and end.tolist() == timeline.updates["time"].tolist()
    assert "waiting" not in worker_totals(simulate(rules.Greedy(), Cluster([1.0]), updates=2))
    half = simulate(rules.Synchronous(), Cluster([1.0], update_seconds=2.0), until=5.0)
    assert serving(half)[1].tolist() == [3.0, 5.0] and worker_totals(half)["waiting"].tolist() == [3.0]


def test_a_rounds_wait_is_communication_first_and_then_for_the_server():
    timeline = simulate(rules.Synchronous(), Cluster([1.0, 2.0], 0.5, update_seconds=4.0), updates=2)
    frame = worker_totals(timeline)
    assert frame["communicating"].tolist() == [1.0, 1.0] and frame["waiting"].tolist() == [8.0, 8.0]
    assert frame["idle"].tolist() == [10.0, 8.0] and timeline.ready.tolist() == [2.5, 9.0]


@pytest.mark.parametrize(
    "rule, h, server, bound",
    [
        (rules.Synchronous(), [1.0, 2.0], 0.5, "rule"),
        (rules.Synchronous(1, overlap=1), [1.0, 1.0], 5.0, "server"),
        (rules.Streaming(2), [1.0, 1.0], 0.5, "workers"),
        (rules.Streaming(2), [1.0, 1.0], 5.0, "server"),
        (rules.Streaming(1, max_age=0), [1.0, 4.25], 0.25, "rule"),
    ],
)
def test_what_bounds_an_update(rule, h, server, bound):
    timeline = simulate(rule, Cluster(h, update_seconds=server), updates=40)
    assert limits(timeline)[f"bound_by_{bound}"] >= (0.9 if bound != "rule" or rule.communication == "round" else 0.1)
    assert sum(limits(timeline).values()) == pytest.approx(1)


def test_throughput_is_theorys():
    """One step off makes a batch in the larger of the two times, in turn in their sum."""
    cluster = Cluster([1.0, 2.0, 3.0], update_seconds=2.0)
    for overlap, seconds in ((0, 5.0), (1, 3.0)):
        found = staleness(simulate(rules.Synchronous(1, overlap), cluster, updates=200))
        assert found["samples_per_second"] == pytest.approx(3 / seconds, rel=0.01)
        assert found["age_max"] == overlap and found["wasted_share"] == 0
        shares = [found[key] for key in ("generating", "communicating", "waiting", "parked")]
        assert sum(shares) == pytest.approx(1) and found["training"] == pytest.approx(2.0 / seconds, rel=0.01)


def test_discarding_starves_long_answers_and_pacing_does_not():
    cluster = Cluster([TAIL] * 32, update_seconds=10.0)
    refusing, pacing, keeping = (
        staleness(simulate(rule, cluster, updates=60))
        for rule in (rules.Streaming(32, 1), rules.Paced(32, 1), rules.Streaming(32))
    )
    assert refusing["long_used"] < 0.02 and refusing["wasted_share"] > 0.3
    assert refusing["wasted_tokens"] > 0.3 * refusing["used_tokens"]
    for fair in (pacing, keeping):
        assert fair["long_used"] == pytest.approx(0.1, abs=0.02) == fair["long_asked"]
        assert fair["wasted_share"] == 0 == fair["wasted_tokens"]
    assert keeping["samples_per_second"] > refusing["samples_per_second"] > pacing["samples_per_second"]
    assert pacing["age_max"] == 1 < keeping["age_max"]


@pytest.mark.parametrize("rule", [rules.Streaming(6, 1, "discard"), rules.Rennala(5), rules.Synchronous()], ids=repr)
def test_work_that_is_done_is_the_work_that_was_asked_for(rule):
    cluster = Cluster([TAIL] * 7 + [3.0], slot_speeds=(1.0, 0.8, 0.7, 0.6), outages={2: Outage(20.0, 30.0)})
    timeline = simulate(rule, cluster, updates=30, seed=3)
    work, whole = worked(timeline), timeline.jobs["outcome"].isin(["used", "discarded"]).to_numpy()
    np.testing.assert_allclose(work[whole], asked(timeline)[whole], rtol=1e-9)
    assert (work <= asked(timeline) * (1 + 1e-9)).all() and whole.sum() > 100


def test_jobs_that_a_longer_run_would_use_are_not_refused():
    cluster = Cluster([Recorded((1.0, 5.0)), 2.0, 3.0], update_seconds=1.0)
    for rule in (rules.Paced(2, 2), rules.Streaming(2), rules.FedBuff(2)):
        timeline = simulate(rule, cluster, until=30.5)
        assert not refused(timeline).any()
    old = simulate(rules.Streaming(2, 0), cluster, until=30.5)
    assert refused(old).sum() >= 10 and (old.jobs.loc[refused(old), "outcome"] == "discarded").all()


def test_of_a_run_without_an_update_nothing_is_known():
    nothing = staleness(simulate(rules.Streaming(9, 1), Cluster([1.0, 2.0], update_seconds=1.0), until=2.5))
    assert all(math.isnan(nothing[key]) for key in ("samples_per_second", "age_mean", "bound_by_server", "long_used"))
    coupled = asked(simulate(rules.Greedy(), Cluster([1.0]), updates=3))
    assert coupled.tolist() == [1.0] * 3
