"""Runs of which only updates are written down are those of which everything is."""

import numpy as np
import pytest

from asyncsim import Cluster, Stalled, methods, rules, simulate
from asyncsim.cluster import Exponential, Outage, sqrt
from asyncsim.engine import memory, tally, tallying

CLUSTERS = {
    "fixed": Cluster(sqrt(6), 0.5),
    "random, with outages": Cluster([Exponential(2.0)] * 6, 0.5, outages={3: Outage(6.0, 14.0)}),
    "a server that takes time": Cluster(sqrt(6), update_seconds=0.3),
}
RULES = [
    rules.Rennala(9),
    rules.Malenia(9),
    rules.Synchronous(),
    rules.Greedy(),
    rules.FedBuff(4),
    rules.Ringmaster(3),
    rules.Ringleader(),
    rules.Deadline(9, 2.5),
    rules.Periodic(3.0),
]


@pytest.mark.parametrize("stale", ["cancel", "finish"])
@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_a_tally_counts_what_a_timeline_has(rule, cluster, stale):
    for stop in ({"updates": 20}, {"until": 33.3}):
        whole, found = (function(rule, cluster, seed=4, stale=stale, **stop) for function in (simulate, tally))
        counts = whole.counts()
        assert (found.end, found.ending) == (whole.end, whole.ending)
        assert found.updates["time"].tolist() == whole.updates["time"].tolist()
        np.testing.assert_array_equal(found.updates["uses"], np.diff(whole.batches().offsets))
        assert found.applied == len(whole.updates)
        assert found.finished == counts["used"] + counts["discarded"]
        assert (found.cancelled, found.running) == (counts["cancelled"], counts["running"])


def test_the_time_of_a_methods_jobs_is_the_methods():
    cluster = Cluster(sqrt(4))
    method = methods.rennala_mvr(4, 0.1)
    assert tally(method, cluster, updates=5).end == simulate(method, cluster, updates=5).end
    assert tally(method, cluster, updates=5).method == "rennala_mvr"


@pytest.mark.parametrize("updates", [16, 17, 31, 32, 33, 500])
@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS)
@pytest.mark.parametrize(
    "rule", [rules.Rennala(9), rules.Greedy(), rules.FedBuff(4)], ids=lambda rule: type(rule).__name__
)
def test_of_many_updates_some_are_kept_in_equal_steps(monkeypatch, rule, cluster, updates):
    monkeypatch.setattr(tallying, "MOST", 16)
    whole, found = simulate(rule, cluster, updates=updates), tally(rule, cluster, updates=updates)
    kept = found.updates["update"].to_numpy()
    assert found.applied == updates and kept[0] == 0
    assert 8 <= len(kept) <= 16 and len(set(np.diff(kept))) == 1
    assert updates - kept[-1] <= kept[1]
    assert found.updates["time"].tolist() == whole.updates["time"].to_numpy()[kept].tolist()
    np.testing.assert_array_equal(found.updates["uses"], np.diff(whole.batches().offsets)[kept])


def test_what_cannot_be_tallied_is_told(monkeypatch):
    with pytest.raises(ValueError, match="no stop condition"):
        tally(rules.Greedy(), Cluster([1.0]))
    with pytest.raises(ValueError, match="collective='contributors' needs all jobs: give 'max', or use simulate"):
        tally(rules.Rennala(3), Cluster([1.0], collective="contributors"), updates=3)
    with pytest.raises(Stalled):
        tally(rules.Synchronous(), Cluster([1.0, float("inf")]), updates=3)
    monkeypatch.setattr(memory, "free_memory", lambda: 2.0**30)
    with pytest.raises(ValueError, match="batch_size=1000000000 makes an update of some 1e.09 jobs"):
        tally(rules.Rennala(10**9), Cluster([1.0]), updates=1)
