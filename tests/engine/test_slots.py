"""Slots of one machine against a simulation in fractions."""

from dataclasses import replace
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import LogNormal, Outage, Phases, Recorded


def shared(works, speeds, until):
    """When greedy workers' jobs end, in order: (second, worker)."""
    size, now, drawn = len(speeds), Fraction(0), [1] * len(works)
    left = [Fraction(work[0]) for work in works]
    found = []
    while True:
        speed = Fraction(speeds[size - 1])  # nobody ever waits
        step = min(left) / speed
        now += step
        if now > until:
            return found
        left = [each - step * speed for each in left]
        for worker, each in enumerate(left):
            if not each:
                found.append((now, worker))
                left[worker] = Fraction(works[worker][drawn[worker] % len(works[worker])])
                drawn[worker] += 1


def rounds(works, speeds, count):
    """When the slowest of each round is done: who is done leaves the others the machine."""
    now, ends = Fraction(0), []
    for k in range(count):
        left = sorted(Fraction(work[k % len(work)]) for work in works)
        done = Fraction(0)
        for j, each in enumerate(left):
            now += (each - done) / Fraction(speeds[len(left) - j - 1])
            done = each
        ends.append(now)
    return ends


@st.composite
def machines(draw):
    size = draw(st.integers(1, 4))
    works = draw(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3), min_size=size, max_size=size))
    speeds = sorted(draw(st.lists(st.sampled_from([1.0, 0.75, 0.5, 0.25]), min_size=size, max_size=size)), reverse=True)
    return works, speeds


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(machines())
def test_busy_slots_share_the_machine(machine):
    works, speeds = machine
    cluster = Cluster([Recorded(tuple(work)) for work in works], slot_speeds=speeds)
    greedy = simulate(rules.Greedy(), cluster, until=60.5)
    expected = shared(works, speeds, Fraction(121, 2))
    assert greedy.updates["time"].tolist() == pytest.approx([float(second) for second, _ in expected])
    done = greedy.jobs[greedy.jobs["update"] >= 0]["worker"].value_counts()
    assert all(done.get(w, 0) == sum(each == w for _, each in expected) for w in range(len(works)))
    synchronous = simulate(rules.Synchronous(), cluster, updates=4)
    assert synchronous.updates["time"].tolist() == pytest.approx([float(end) for end in rounds(works, speeds, 4)])
    for timeline in (greedy, synchronous):
        timeline.verify()


def test_slots_that_do_not_slow_each_other_are_workers():
    plain = Cluster([LogNormal(1.0, 1.0)] * 6, 0.25, outages={1: Outage(3.0, 5.0)})
    slots = replace(plain, slot_speeds=(1.0, 1.0, 1.0))
    for rule in (rules.Rennala(4), rules.Ringmaster(3, cancel=True), rules.Streaming(3, 1, "continue")):
        one, other = (simulate(rule, cluster, updates=30) for cluster in (plain, slots))
        pd.testing.assert_frame_equal(one.jobs, other.jobs, check_exact=True)


def test_cancelled_jobs_leave_the_machine_to_others():
    """Two slots at half speed; at 4 s one is done and the round full, and the other, cancelled, starts afresh."""
    timeline = simulate(rules.Rennala(1), Cluster([2.0, 9.0], slot_speeds=(1.0, 0.5)), updates=3)
    assert timeline.updates["time"].tolist() == [4.0, 8.0, 12.0] and timeline.counts()["cancelled"] == 2
    alone = simulate(rules.MSynchronous(1), Cluster([2.0, 9.0], slot_speeds=(1.0, 0.5)), updates=1)
    assert alone.end == 4.0
    away = Cluster([2.0, 9.0], slot_speeds=(1.0, 0.5), outages={1: Outage(1.0)})
    assert simulate(rules.Greedy(), away, until=7.0).updates["time"].tolist() == [2.5, 4.5, 6.5]


@pytest.mark.parametrize(
    "given, line",
    [
        (dict(slot_speeds=(1.0, 0.5)), "slot_speeds has 2 speeds.* 3 workers are no multiple of that: give 4 workers"),
        (dict(slot_speeds=(1.0, 0.0, 1.0)), r"slot_speeds\[1\]=0.0 .*give a number in \(0, 1\]"),
        (dict(slot_speeds=(1.0,), speeds={0: Phases((1.0,), (0.5,))}), "speeds and slot_speeds both"),
        (dict(update_seconds=-1.0), "update_seconds=-1.0 .*give finite seconds >= 0"),
    ],
)
def test_bad_slots_are_named(given, line):
    with pytest.raises(ValueError, match=line):
        Cluster([1.0, 1.0, 1.0], **given)
