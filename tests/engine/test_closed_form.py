"""Timelines in closed form against the engine: the very same, to the last bit."""

import math
from functools import cache, partial
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asyncsim import Cluster, Stalled, rules, simulate
from asyncsim.cluster import (
    Constant,
    Exponential,
    Jitter,
    LogNormal,
    Outage,
    ParameterServer,
    Pareto,
    PerWorker,
    Phases,
    Recorded,
    Ring,
    Uniform,
    equal,
    linear,
    sqrt,
)
from asyncsim.cluster.cluster import COLLECTIVES
from asyncsim.engine import check_start, closed_form, drawn_rounds

by_engine = partial(simulate, events=True)


def assert_same(one, other):
    for frame in ("jobs", "updates", "reuses"):
        pd.testing.assert_frame_equal(getattr(one, frame), getattr(other, frame), check_exact=True)
    for column in ("computed", "collected"):
        assert np.array_equal(getattr(one, column), getattr(other, column), equal_nan=True)
    for key in ("method", "communication", "stale", "seed", "coupled", "end", "ending", "max_delay"):
        assert getattr(one, key) == getattr(other, key)


tenths = st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.7, 1.1])  # whose multiples nearly tie, and do once rounded
odd = st.sampled_from([1 / 3, 2 / 3, 1 / 7, 1.0, math.nextafter(1.0, 2.0), 1e-3])
seconds = st.floats(0.01, 5.0)
times = st.one_of(
    *(st.lists(some, min_size=1, max_size=9) for some in (tenths, odd, seconds, seconds | st.just(math.inf))),
    *(st.integers(1, 9).map(pattern) for pattern in (equal, sqrt, linear)),
)
kappas = st.sampled_from([0.0, 0.1, 1 / 3, 1000.0, 12345.678]) | st.floats(0, 3)
collectives = st.sampled_from(COLLECTIVES)
transfers = st.sampled_from(["round_trip", "both_ways"])
own = st.lists(st.tuples(seconds | tenths | odd, kappas | tenths), min_size=1, max_size=9)
clusters = st.builds(Cluster, times, kappas, collectives, transfers) | st.builds(
    lambda pairs, collective: Cluster(*zip(*pairs), collective), own, collectives
)
drawn = st.one_of(
    *(st.just(time) for time in (Exponential(0.7), LogNormal(1.0, 2.0), Pareto(0.3, 0.8), Uniform(0.0, 3.0))),
    st.lists(tenths | st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=4).map(lambda own: Recorded(tuple(own))),
    st.just(Recorded((1.0, 1e-14))),  # a job that may take no time
)
late = st.sampled_from([Exponential(0.5), Recorded((0.5, 0.25, 1.0))])
random_clusters = st.builds(
    lambda pairs, collective, transfer, late: Cluster(
        [time for time, _ in pairs],
        [kappa for _, kappa in pairs] if late is None else Jitter(PerWorker(tuple(k for _, k in pairs)), late),
        collective,
        transfer,
    ),
    st.lists(st.tuples(drawn | drawn | seconds | st.just(math.inf), kappas | st.just(0.0)), min_size=1, max_size=9),
    collectives,
    transfers,
    st.none() | late,
)
sizes, initial = st.integers(1, 30), st.none() | st.integers(1, 50)
stops = st.fixed_dictionaries(
    {},
    optional={
        "updates": st.integers(1, 60),
        "gradients": st.integers(1, 500),
        "until": st.integers(1, 60) | st.floats(0.01, 60),
    },
).filter(bool)


@cache
def closed(workers):
    """Rules for so many workers: to build a strategy anew takes longer than to draw from it."""
    some = st.builds(rules.Synchronous, st.integers(1, 3)), st.builds(rules.MSynchronous, st.integers(1, workers))
    others = st.builds(rules.Rennala, sizes, initial), st.builds(rules.Malenia, sizes, initial)
    greedy = st.just(rules.Greedy()), st.builds(rules.FedBuff, sizes), st.builds(rules.Ringmaster, sizes)
    return st.one_of(*some, *greedy, *others)


@settings(max_examples=800)
@given(st.data(), clusters | random_clusters, stops)
def test_the_very_same_timeline_as_the_engine(data, cluster, stop):
    rule = data.draw(closed(cluster.workers))
    with patch.object(drawn_rounds, "PAYS", 1):  # of any size
        assume(closed_form.applies(rule, cluster, stop.get("until")))
        timeline = simulate(rule, cluster, **stop)
    assert_same(timeline, by_engine(rule, cluster, **stop))
    timeline.verify()


MIXED = [Exponential(1.0)] * 500 + [Recorded((1.0, 2.0))] * 300 + [0.5] * 200


@pytest.mark.parametrize("rule", [rules.Rennala(700), rules.Malenia(1500), rules.Synchronous(2), rules.FedBuff(300)])
def test_and_with_a_thousand_random_workers(rule):
    cluster = Cluster(MIXED, Jitter(Constant(0.1), Exponential(0.1)))
    assert_same(simulate(rule, cluster, updates=6, seed=3), by_engine(rule, cluster, updates=6, seed=3))


def test_where_one_worker_does_nearly_all_the_engine_goes_on():
    cluster = Cluster([Exponential(1.0)] * 200 + [Exponential(1e-3)])
    with patch.object(drawn_rounds, "MOST", 1000):
        assert_same(simulate(rules.Rennala(500), cluster, updates=2), by_engine(rules.Rennala(500), cluster, updates=2))


@pytest.mark.parametrize("pattern", [equal, sqrt, linear])
@pytest.mark.parametrize("rule", [rules.Rennala(3000), rules.Malenia(3000, 7), rules.MSynchronous(500), rules.Greedy()])
def test_and_with_a_thousand_workers(rule, pattern):
    cluster = Cluster(pattern(1000), 0.1)
    assert_same(simulate(rule, cluster, updates=10), by_engine(rule, cluster, updates=10))


def test_rounding_changes_the_order_of_a_round():
    """3 · 0.1 ends after 0.3 at first, and together with it from a second on: then the lower worker goes first."""
    timeline = simulate(rules.Rennala(5), Cluster([0.1, 0.3], 1.0), updates=2)
    orders = [timeline.jobs["worker"][timeline.jobs["update"] == u].tolist() for u in range(2)]
    assert orders[0][2:4] == [1, 0] and orders[1][2:4] == [0, 1]
    assert_same(timeline, by_engine(rules.Rennala(5), Cluster([0.1, 0.3], 1.0), updates=2))


@pytest.mark.parametrize(
    "rule, cluster, options",
    [
        (rules.Greedy(), Cluster([1.0], ParameterServer(0.1, 8.0, 4)), {}),
        (rules.Ringmaster(2, cancel=True), Cluster([1.0]), {}),
        (rules.Ringleader(), Cluster([1.0]), {}),
        (rules.Rennala(2, communication="gradient"), Cluster([1.0]), {}),
        (rules.Rennala(2), Cluster([Exponential(1.0)]), {}),  # so few jobs a round that nothing is faster
        (rules.Rennala(2), Cluster([1.0], Jitter(Ring(0.1, 8.0, 4), Exponential(1.0))), {}),
        (rules.Rennala(2), Cluster([1.0], speeds={0: Phases((1.0,), (0.5,))}), {}),
        (rules.Rennala(2), Cluster([1.0], outages={0: Outage(1.0, 2.0)}), {}),
        (rules.Rennala(2), Cluster([1.0]), {"stale": "finish"}),
    ],
)
def test_the_engine_runs_whatever_else_there_is(rule, cluster, options):
    with patch.object(closed_form, "run", side_effect=AssertionError):
        simulate(rule, cluster, updates=3, **options)


def test_bad_input_is_the_same_error():
    with pytest.raises(Stalled, match=r"compute\[1\]=inf"):
        simulate(rules.Synchronous(), Cluster([1.0, math.inf]), updates=1)
    with pytest.raises(ValueError, match="participants=3 exceeds the 2 workers"):
        simulate(rules.MSynchronous(3), Cluster([1.0, 1.0]), updates=1)


INF = math.inf
CHECKED = [
    Cluster([1.0, 2.0, 3.0]),
    Cluster([1.0, INF, 3.0], 0.5),
    Cluster([INF] * 3),
    Cluster([Exponential(2.0)] * 70),
    Cluster([Exponential(2.0)] * 69 + [INF]),
    Cluster([1.0, 2.0, 3.0], outages={1: Outage(0.0, INF)}),
    Cluster([1.0, 2.0, 3.0], update_seconds=0.5),
]
STOPS = [
    {"updates": 1},
    {"updates": 1, "until": 0.5},
    {"until": 5.0},
    {"gradients": 1},
    {"updates": 0},
    {"until": INF},
    {},
]


@pytest.mark.parametrize("cluster", CHECKED, ids=lambda cluster: f"{cluster.workers} workers, {cluster.compute[-1]}")
@pytest.mark.parametrize("stale", ["cancel", "finish", "no"])
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_what_cannot_start_is_told_without_a_run(cluster, stale, stop):
    for rule in (
        rules.Greedy(),
        rules.Rennala(4),
        rules.Malenia(4),
        rules.Synchronous(),
        rules.FedBuff(4),
        rules.Ringleader(),
    ):
        errors = []
        for function in (check_start, by_engine):
            try:
                function(rule, cluster, stale=stale, **stop)
                errors.append(None)
            except ValueError as error:  # of which Stalled is one
                errors.append((type(error), f"{error}"))
        assert errors[0] == errors[1], rule
