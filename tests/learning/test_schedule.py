"""What is computed side by side is known by then, and every gradient is computed once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncsim import Cluster, methods, simulate
from asyncsim.cluster import equal, sqrt
from asyncsim.learning.scheduling import POOLED, schedule, width_of

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
    seconds, st.sampled_from([0.0, 0.5]), st.sampled_from(["cancel", "finish"]), st.integers(1, 60), st.integers(1, 9),
    st.integers(0, 59),
)  # fmt: skip
@settings(max_examples=60)
def test_a_schedule_is_a_way_to_replay(method, h, kappa, stale, updates, pool, begin):
    begin = min(begin, updates)
    timeline = simulate(method, Cluster(h, kappa), updates=updates, stale=stale)
    found, uses = schedule(timeline, begin, pool), timeline.uses().query("update >= @begin")
    plan, steps = found.plan, len(found.widths)
    columns = ["update", "version", "worker", "index", "weight", "again"]
    planned = np.array([getattr(plan, column)[: len(uses)] for column in columns])
    rows = planned[:, np.lexsort(planned[::-1])]
    np.testing.assert_array_equal(rows, uses[columns].to_numpy().T)  # each once
    first, count = plan.first[:steps], plan.count[:steps]
    np.testing.assert_array_equal(np.append(first, len(uses)), np.append(0, np.cumsum(count)))
    np.testing.assert_array_equal(plan.oldest[:updates], timeline.uses().groupby("update")["version"].min())

    left = np.bincount(uses["update"], minlength=updates)
    applied, begun, length = begin, begin, timeline.max_delay + 1
    for width, start, jobs_of_step, ready in zip(found.widths, first, count, found.ready):
        jobs = slice(start, start + jobs_of_step)
        assert (plan.version[jobs] <= applied).all()  # the point is known,
        assert (plan.version[jobs] > applied - length).all()  # and still kept
        if width == POOLED:
            assert jobs_of_step <= pool
        else:
            assert len(np.unique(plan.version[jobs])) == 1 and width == width_of(jobs_of_step) >= jobs_of_step > 1
        np.subtract.at(left, plan.update[jobs], 1)
        begun = max(begun, plan.update[jobs].max() + 1)
        assert begun - applied <= found.ahead
        while applied < len(left) and not left[applied]:
            applied += 1
        assert applied == ready
    assert applied == updates
    assert max(plan.first, default=0) + max(pool, *found.widths, 0) <= len(plan.version)  # no slice is cut


@given(st.sampled_from(METHODS), seconds, st.integers(1, 40), st.integers(0, 40))
@settings(max_examples=60)
def test_segments_reach_every_mark_once(method, h, updates, first):
    """However a schedule is walked, each step is done once, in one program's segments, and early enough."""
    found = schedule(simulate(method, Cluster(h), updates=updates), 0, 3)
    row, done = 0, []
    for mark in sorted({min(first, updates), updates} - {0}):
        for width, low, high in found.segments(row, mark):
            assert low == row and all(found.widths[low:high] == width)
            done += range(low, high)
            row = high
        assert found.ready[row - 1] >= mark
    assert done == list(range(len(found.widths)))


def test_a_longer_run_computes_each_gradient_in_the_same_program():
    """So its beginning is the shorter run, bit for bit."""
    for method in METHODS:
        programs = []
        for updates in (20, 33):
            found = schedule(simulate(method, Cluster([1.0, 1.7, 4.3], 0.25), updates=updates), 0, 2)
            widths = np.repeat(found.widths, found.plan.count[: len(found.widths)])
            uses = zip(*(column[: len(widths)].tolist() for column in (found.plan.update, *found.plan[:3])))
            programs.append(dict(zip(uses, widths.tolist())))
        short, long = programs
        assert short == {use: width for use, width in long.items() if use[0] < 20}


@pytest.mark.parametrize("h, parallel", [(equal(10), 9.9), (sqrt(10), 4.5), ([1.0] * 9 + [100.0], 8.9), ([1.0], 1.0)])
def test_greedy_gradients_are_computed_side_by_side(h, parallel):
    """As many as arrive, on average, while the fastest worker computes one."""
    found = schedule(simulate(methods.afedpg(0.1), Cluster(h), updates=3000), 0, pool=64)
    assert 3000 / len(found.widths) >= parallel


@pytest.mark.parametrize("jobs, width", [(1, 1), (7, 7), (10, 10), (11, 12), (20, 20), (30, 30), (41, 50), (101, 120)])
def test_usual_batches_have_no_padding(jobs, width):
    assert width_of(jobs) == width
    assert all(jobs <= width_of(jobs) <= 1.34 * jobs for jobs in range(1, 2000))


def test_a_run_without_updates_has_no_steps():
    found = schedule(simulate(methods.afedpg(0.1), Cluster([5.0]), until=1.0), 0, pool=8)
    assert len(found.widths) == 0 and found.ahead == 1
