"""Where the time went, against small cases by hand."""

import math

import numpy as np
import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import Outage, ParameterServer, Phases
from asyncsim.timeline import usage
from asyncsim.timeline.usage import run_totals, segments, worker_totals

SECONDS = ["busy", "communicating", "idle"]


def test_synchronous_waits_for_its_straggler():
    """h = (1, 1, 4), κ = 0.5: a round takes 4.5 s, in which the fast ones wait 3 s."""
    timeline = simulate(rules.Synchronous(), Cluster([1.0, 1.0, 4.0], 0.5), updates=3)
    frame = worker_totals(timeline, parameters=10)
    assert frame[SECONDS].to_numpy().tolist() == [[3.0, 1.5, 9.0], [3.0, 1.5, 9.0], [12.0, 1.5, 0.0]]
    assert frame["utilisation"].tolist() == [3 / 13.5, 3 / 13.5, 12 / 13.5] == frame["busy_share"].tolist()
    assert frame["used"].tolist() == [3, 3, 3] and frame["communications"].tolist() == [3, 3, 3]
    assert frame["bytes"].tolist() == [120] * 3
    whole = run_totals(timeline, parameters=10)
    assert (whole["end"], whole["updates"], whole["seconds_per_update"]) == (13.5, 3, 4.5)
    assert (whole["busy"], whole["communicating"], whole["idle"], whole["wasted"]) == (18.0, 4.5, 18.0, 0.0)
    assert whole["utilisation"] == 18 / 40.5 and whole["idle_share"] == 18 / 40.5 and whole["wasted_share"] == 0
    assert (whole["communications"], whole["bytes"]) == (3, 120)  # a collective is one
    assert (whole["mean_delay"], whole["max_delay"]) == (0, 0)
    assert np.bincount(timeline.delays()).tolist() == [9]


def test_greedy_pays_for_every_gradient():
    """h + κ = (2, 3): arrivals at 2, 3, 4, 6, 6; worker 0's fourth job runs from 6 on."""
    timeline = simulate(rules.Greedy(), Cluster([1.5, 2.0], [0.5, 1.0]), until=7.75)
    frame = worker_totals(timeline)
    # At the end worker 0 communicates since 7.5 and worker 1 computes since 6.
    assert frame[SECONDS].to_numpy().tolist() == [[6.0, 1.75, 0.0], [5.75, 2.0, 0.0]]
    assert frame["useful"].tolist() == [4.5, 4.0] and frame["wasted"].tolist() == [0, 0]
    assert frame["running"].tolist() == [1, 1] and frame["communications"].tolist() == [3, 2]
    assert "bytes" not in frame and "bytes" not in run_totals(timeline)
    assert timeline.delays().tolist() == [0, 1, 1, 0, 2]
    assert np.bincount(timeline.delays()).tolist() == [2, 2, 1]
    whole = run_totals(timeline)
    assert (whole["mean_delay"], whole["max_delay"], whole["communications"]) == (0.8, 2, 5)
    assert whole["seconds_per_update"] == 6.0 / 5


def test_rennala_wastes_what_it_cancels():
    """h = (1, 3), M = 4, κ = 1: the round is full at 3, by worker 0's third job and worker 1's first; 4 s in all.

    Worker 0's fourth job would begin and be cancelled at 3: it took no time, and is no job.
    """
    timeline = simulate(rules.Rennala(4), Cluster([1.0, 3.0], 1.0), updates=2)
    assert worker_totals(timeline)["used"].tolist() == [6, 2] and timeline.counts()["cancelled"] == 0
    wasted = worker_totals(simulate(rules.Rennala(3), Cluster([1.0, 4.0], 1.0), updates=2))
    assert wasted[["useful", "wasted", "communicating", "idle"]].to_numpy().tolist() == [[6, 0, 2, 0], [0, 6, 2, 0]]
    assert wasted["cancelled"].tolist() == [0, 2]
    assert wasted["utilisation"].tolist() == [0.75, 0.0] and wasted["busy_share"].tolist() == [0.75, 0.75]


def test_who_finishes_a_stale_job_computes_while_the_others_communicate():
    """h = (1, 2.5), M = 2, κ = 1: the round is full at 2; worker 1 goes on until 2.5, then takes part."""
    timeline = simulate(rules.Rennala(2), Cluster([1.0, 2.5], 1.0), updates=1, stale="finish")
    assert worker_totals(timeline)[SECONDS].to_numpy().tolist() == [[2.0, 1.0, 0.0], [2.5, 0.5, 0.0]]
    assert worker_totals(timeline)["wasted"].tolist() == [0.0, 2.5]
    last = segments(timeline).query("worker == 1")
    assert last[["start", "end", "state", "job"]].to_numpy().tolist() == [
        [0.0, 2.5, "discarded", 2],
        [2.5, 3.0, "communicating", -1],
    ]


def test_a_round_that_is_still_communicating_at_the_end():
    timeline = simulate(rules.Synchronous(), Cluster([1.0, 2.0], 1.0), until=2.25)
    assert worker_totals(timeline)[SECONDS].to_numpy().tolist() == [[1.0, 0.25, 1.0], [2.0, 0.25, 0.0]]
    assert timeline.counts()["discarded"] == 2 and run_totals(timeline)["communications"] == 0


def test_away_is_idle():
    """Away from 1.5 to 6, also during the first two collectives and half of the third."""
    cluster = Cluster([1.0, 1.0], 1.0, outages={1: Outage(1.5, 6.0)})
    timeline = simulate(rules.Rennala(1), cluster, updates=3)
    assert timeline.updates["time"].tolist() == [2.0, 4.0, 6.0]
    frame = worker_totals(timeline)
    assert frame["away"].tolist() == [0.0, 4.5] and frame["idle"].tolist() == [0.0, 4.5]
    assert frame["communicating"].tolist() == [3.0, 0.5]


def test_waiting_for_the_servers_link_is_communicating():
    """Three gradients at 1 s; the link takes 0.5 s for each, one after another."""
    server = ParameterServer(latency=0.0, bandwidth=8.0, parameters=1)
    timeline = simulate(rules.FedBuff(3), Cluster([1.0, 1.0, 1.0], server), updates=1)
    frame = worker_totals(timeline)
    assert timeline.end == 2.5 and frame["communicating"].tolist() == [0.5, 1.0, 1.5]
    assert frame["busy"].tolist() == [2.0, 1.5, 1.0] and frame["bytes"].tolist() == [4, 4, 4]  # the network knows d


def test_cancelled_on_its_way():
    """Worker 1's gradient, computed at 1.5, is on its way until 3.5, and cancelled at 2."""
    timeline = simulate(rules.Rennala(1, communication="gradient"), Cluster([1.0, 1.5], [1.0, 2.0]), until=2.25)
    assert worker_totals(timeline)[SECONDS].to_numpy().tolist() == [[1.25, 1.0, 0.0], [1.75, 0.5, 0.0]]
    assert worker_totals(timeline)[["wasted", "cancelled", "communications"]].to_numpy().tolist() == [
        [0, 0, 1],
        [1.5, 1, 0],
    ]


def test_dropped_gradients_communicate_as_well():
    timeline = simulate(rules.Ringmaster(3), Cluster([1.0, 4.5]), until=9.25)
    assert timeline.counts() == {"used": 9, "cancelled": 0, "discarded": 2, "running": 2}
    assert run_totals(timeline)["communications"] == 11 == worker_totals(timeline)["communications"].sum()
    assert timeline.updates["communications"].tolist() == [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert worker_totals(timeline)["wasted"].tolist() == [0.0, 9.0]


def test_a_gradient_in_a_table_is_sent_once_and_used_by_several_updates():
    timeline = simulate(rules.Ringleader(), Cluster([1.0, 2.5], 0.0), updates=4)
    assert timeline.updates["gradients"].tolist() == [3, 1, 3, 1]  # distinct ones
    assert timeline.uses()["update"].value_counts(sort=False).tolist() == [3, 4, 3, 4]
    assert timeline.updates["communications"].tolist() == [3, 1, 3, 1]  # gradients that arrived since the update before
    assert len(timeline.delays()) == 14


@pytest.mark.parametrize("rule", [rules.Synchronous(), rules.Greedy()])
def test_a_run_in_which_nothing_happens(rule):
    nothing = simulate(rule, Cluster([2.0, 3.0]), until=1.0)
    whole = run_totals(nothing)
    assert whole["busy"] == 2.0 and whole["running"] == 2 and whole["utilisation"] == 0
    assert math.isnan(whole["seconds_per_update"]) and math.isnan(whole["mean_delay"]) and whole["max_delay"] == 0
    assert len(nothing.delays()) == 0
    stopped = simulate(rule, Cluster([2.0], speeds={0: Phases((0.0,), (0.0,))}), updates=1)
    nothing.verify(), stopped.verify()
    assert stopped.end == 0 and math.isnan(run_totals(stopped)["utilisation"]) and len(segments(stopped)) == 0


def test_a_window_is_the_beginning_of_the_whole():
    for rule in (rules.Malenia(8), rules.Greedy()):
        cluster = Cluster([1.0, 2.0, 5.0], 0.5, outages={1: [Outage(3.0, 4.0), Outage(30.0, 31.0)]})
        timeline = simulate(rule, cluster, until=40.0)
        whole, window = segments(timeline), segments(timeline, until=10.0)
        assert whole[whole["start"] < 10.0].reset_index(drop=True).equals(window)
        np.testing.assert_allclose(worker_totals(timeline)[SECONDS].sum(axis=1), 40.0)


def test_states_are_what_they_are_called():
    assert usage.STATES == ("used", "cancelled", "discarded", "running", "communicating", "away", "waiting")
