"""What is computed side by side is known by then, and every gradient is computed once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncsim import Cluster, methods, simulate
from asyncsim.cluster import equal, sqrt
from asyncsim.learning.scheduling import schedule

METHODS = [
    methods.afedpg(0.1),
    methods.fedbuff_pg(3, 0.1),
    methods.ringleader_pg(0.1),
    methods.ringmaster_nigt(4, 0.1),
    methods.rennala_nigt(4, 0.1, initial_batch_size=9),
    methods.malenia_nigt(5, 0.1),
]
seconds = st.lists(st.floats(0.1, 10), min_size=1, max_size=8)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@given(
    seconds, st.sampled_from([0.0, 0.5]), st.sampled_from(["cancel", "finish"]), st.integers(1, 60), st.integers(1, 9)
)
@settings(max_examples=60)
def test_a_schedule_is_a_way_to_replay(method, h, kappa, stale, updates, most):
    timeline = simulate(method, Cluster(h, kappa), updates=updates, stale=stale)
    plan, uses = schedule(timeline, most), timeline.uses()
    columns = ["update", "version", "worker", "index", "weight", "again"]
    planned = np.array([getattr(plan, column)[: len(uses)] for column in columns])
    rows = planned[:, np.lexsort(planned[::-1])]
    np.testing.assert_array_equal(rows, uses[columns].to_numpy().T)  # each once
    np.testing.assert_array_equal(np.append(plan.first, len(uses)), np.append(0, np.cumsum(plan.count)))
    np.testing.assert_array_equal(plan.oldest, uses.groupby("update")["version"].min())

    left = np.bincount(uses["update"])
    applied, begun, length = 0, 0, timeline.max_delay + 1
    for first, count, ready in zip(plan.first, plan.count, plan.ready):
        jobs = slice(first, first + count)
        assert count <= max(plan.widths) and len(plan.widths) <= 2
        assert (plan.version[jobs] <= applied).all()  # the point is known,
        assert (plan.version[jobs] > applied - length).all()  # and still kept
        if plan.mixed:
            assert count in plan.widths and count <= most
        else:
            assert len(np.unique(plan.version[jobs])) == 1
        np.subtract.at(left, plan.update[jobs], 1)
        begun = max(begun, plan.update[jobs].max() + 1)
        assert begun - applied <= plan.ahead
        while applied < len(left) and not left[applied]:
            applied += 1
        assert applied == ready
    assert applied == updates


@pytest.mark.parametrize("h, parallel", [(equal(10), 9.9), (sqrt(10), 4.5), ([1.0] * 9 + [100.0], 8.9), ([1.0], 1.0)])
def test_greedy_gradients_are_computed_side_by_side(h, parallel):
    """As many as arrive, on average, while the fastest worker computes one."""
    plan = schedule(simulate(methods.afedpg(0.1), Cluster(h), updates=3000), most=64)
    assert 3000 / len(plan.first) >= parallel


def test_a_run_without_updates_has_no_steps():
    plan = schedule(simulate(methods.afedpg(0.1), Cluster([5.0]), until=1.0), most=8)
    assert len(plan.first) == 0 and plan.ahead == 1
