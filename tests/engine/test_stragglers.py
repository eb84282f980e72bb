"""Clusters as they really are: random times, changing speeds, outages, and networks that queue."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncsim import Cluster, Stalled, compare, methods, simulate
from asyncsim.cluster import (
    Diurnal,
    Exponential,
    Gamma,
    Jitter,
    LogNormal,
    Markov,
    Outage,
    ParameterServer,
    Pareto,
    Phases,
    Recorded,
    Ring,
    Tree,
    Uniform,
    stream,
)
from asyncsim.rules import FedBuff, Greedy, Malenia, MSynchronous, Rennala, Ringleader, Ringmaster, Synchronous


def seconds_of(timeline, worker):
    jobs = timeline.jobs.query("worker == @worker and outcome in ('used', 'discarded')")
    return (jobs["finish"] - jobs["start"]).to_numpy()


TIMES = [Exponential(2.0), LogNormal(1.0, 0.8), Gamma(1.5, 3.0), Pareto(1.0, 1.5), Uniform(0.5, 4.0)]


def test_a_workers_jobs_take_what_its_distribution_draws_whatever_the_method():
    cluster = Cluster(TIMES)
    for rule in (Greedy(), FedBuff(4), Synchronous(), Rennala(1_000_000)):
        timeline = simulate(rule, cluster, until=60.0, seed=7)
        for worker, time in enumerate(TIMES):
            got = seconds_of(timeline, worker)
            np.testing.assert_allclose(got, time.draw(stream(7, worker), len(got)), rtol=1e-9)
    other = simulate(Greedy(), cluster, until=60.0, seed=8)
    assert not other.jobs.equals(simulate(Greedy(), cluster, until=60.0, seed=7).jobs)


def test_recorded_times_come_in_their_order():
    timeline = simulate(Greedy(), Cluster([Recorded((1.0, 2.0, 4.0)), 100.0]), until=15.0)
    assert timeline.updates["time"].tolist() == [1.0, 3.0, 7.0, 8.0, 10.0, 14.0, 15.0]


def test_speed_changes_while_a_job_runs():
    cluster = Cluster([2.0, 2.0], speeds={1: Phases((3.0, 7.0), (0.5, 0.0))})
    timeline = simulate(Greedy(), cluster, until=20.0)
    assert timeline.jobs.query("worker == 1 and outcome == 'used'")["finish"].tolist() == [2.0, 5.0]
    day = simulate(Greedy(), Cluster([1.0], speeds={0: Diurnal(4.0, 0.5)}), until=8.0)
    assert day.updates["time"].tolist() == [1.0, 2.0, 4.0, 5.0, 6.0, 8.0]
    markov = Cluster([1.0] * 2, speeds={0: Markov(5.0, 5.0, 0.1)})
    runs = [simulate(Greedy(), markov, until=400.0, seed=3) for _ in range(2)]
    assert runs[0].jobs.equals(runs[1].jobs)
    share = len(seconds_of(runs[0], 0)) / len(seconds_of(runs[0], 1))
    assert 0.3 < share < 0.8  # 0.55 in the long run


def test_a_speed_of_zero_for_good_is_a_worker_that_left():
    stopped = {1: Phases((5.0,), (0.0,))}
    timeline = simulate(Synchronous(), Cluster([1.0, 2.0], speeds=stopped), updates=10)
    assert timeline.ending == "stalled" and timeline.updates["time"].tolist() == [2.0, 4.0]
    assert simulate(Rennala(3), Cluster([1.0, 2.0], speeds=stopped), updates=10).ending == "updates"


def test_an_outage_loses_the_job_and_the_worker_comes_back():
    cluster = Cluster([1.0, 4.0], outages={1: Outage(6.0, 9.0)})
    timeline = simulate(Greedy(), cluster, until=18.0)
    jobs = timeline.jobs.query("worker == 1")
    assert jobs["start"].tolist() == [0.0, 4.0, 9.0, 13.0, 17.0]
    assert jobs["finish"].tolist()[:4] == [4.0, 6.0, 13.0, 17.0]
    assert jobs["outcome"].tolist() == ["used", "cancelled", "used", "used", "running"]
    assert jobs["version"].tolist()[2] == 10  # the newest point: nine updates of worker 0's and one of its own


def test_a_late_joiner_starts_at_the_newest_point():
    timeline = simulate(Rennala(2), Cluster([1.0, 1.0], outages={1: Outage(0.0, 4.5)}), until=7.0)
    late = timeline.jobs.query("worker == 1")
    assert late["start"].iloc[0] == 4.5 and late["version"].iloc[0] == 2
    assert timeline.updates["time"].tolist()[:2] == [2.0, 4.0]


@pytest.mark.parametrize(
    "rule", [Rennala(6), Greedy(), FedBuff(3), Ringmaster(5), Ringmaster(5, cancel=True), MSynchronous(2)]
)
def test_these_go_on_without_a_worker(rule):
    timeline = simulate(rule, Cluster([1.0, 1.5, 2.0], outages={2: Outage(7.3)}), updates=30)
    assert timeline.ending == "updates" and (timeline.jobs.query("worker == 2")["finish"] <= 7.3).all()


@pytest.mark.parametrize("rule", [Synchronous(), Malenia(6), MSynchronous(3), Ringleader()])
def test_these_wait_and_say_so(rule):
    cluster = Cluster([1.0, 1.5, 2.0], outages={2: Outage(7.3)})
    timeline = simulate(rule, cluster, updates=30)
    assert timeline.ending == "stalled" and 0 < len(timeline.updates) < 30 and timeline.end >= 7.3
    waited = simulate(rule, cluster, until=50.0)
    assert waited.ending == "until" and len(waited.updates) == len(timeline.updates)
    with pytest.raises(Stalled, match="outages of worker 2 never end"):
        simulate(rule, Cluster([1.0, 1.5, 2.0], outages={2: Outage(0.0)}), updates=1)
    back = Cluster([1.0, 1.5, 2.0], outages={2: Outage(7.3, 11.0)})
    assert simulate(rule, back, updates=30).ending == "updates"


def test_nobody_left_at_all():
    timeline = simulate(Greedy(), Cluster([1.0, 2.0], outages={0: Outage(3.5), 1: Outage(4.5)}), updates=99)
    assert timeline.ending == "stalled" and timeline.end == 4.5 and len(timeline.updates) == 5


def test_malenia_ends_where_those_who_left_have_given_too_little():
    """However many jobs worker 1 adds: 2² < 20·(1/1 + 1/M_1)."""
    cluster = Cluster([1.0, 1.0], outages={0: Outage(1.5)})
    timeline = simulate(Malenia(20), cluster, updates=1)
    assert timeline.ending == "stalled" and timeline.end == 1.5
    enough = simulate(Malenia(3), cluster, updates=1)  # 4 >= 3·(1 + 1/3)
    assert enough.ending == "updates" and enough.end == 3.0
    stopped = simulate(Malenia(9), Cluster([1.0], speeds={0: Phases((2.5,), (0.0,))}), updates=1)
    assert stopped.ending == "stalled"


def test_a_job_that_is_there_counts_though_its_worker_left():
    timeline = simulate(MSynchronous(2), Cluster([1.0, 2.0, 9.0], outages={0: Outage(1.5), 2: Outage(0.5)}), updates=2)
    assert timeline.updates["time"].tolist() == [2.0] and timeline.ending == "stalled"


rules = st.sampled_from([Rennala(4), Malenia(4), Synchronous(), Greedy(), FedBuff(3), Ringmaster(4), Ringleader()])


@given(rules, st.floats(0.01, 12), st.floats(0.1, 5), st.sampled_from(["cancel", "finish"]))
def test_a_crash_at_any_time_loses_no_finished_update(rule, down, length, stale):
    """Up to the crash nothing differs, and what finished before it is used as if there were none."""
    h = [1.0, 1.4, 2.3]
    whole = simulate(rule, Cluster(h, 0.25), until=14.0, stale=stale)
    crashed = simulate(rule, Cluster(h, 0.25, outages={1: Outage(down, down + length)}), until=14.0, stale=stale)
    before = whole.updates.query("time <= @down")
    assert crashed.updates.iloc[: len(before)].equals(before)
    columns = ["worker", "version", "index", "start", "finish"]
    done = whole.jobs.query("finish <= @down")
    assert crashed.jobs[columns].iloc[: len(done)].equals(done[columns])
    own = crashed.jobs.query("worker == 1 and outcome != 'running'")
    assert not ((own["start"] < down + length) & (own["finish"] > down)).any()  # away is away


def test_collectives_cost_what_their_network_says():
    d, alpha, bandwidth = 1000, 0.1, 8000.0
    for network, cost in (
        (Ring(alpha, bandwidth, d), 2 * 3 * (alpha + 4 * d / (4 * bandwidth))),
        (Tree(alpha, bandwidth, d), 2 * 2 * (alpha + 4 * d / bandwidth)),
        (ParameterServer(alpha, bandwidth, d), alpha + 4 * 4 * d / bandwidth),
    ):
        timeline = simulate(Synchronous(), Cluster([1.0] * 4, network), updates=3)
        np.testing.assert_allclose(np.diff(timeline.updates["time"]), 1 + cost)


def test_jitter_is_drawn_per_communication():
    network = Jitter(Ring(0.1, 8000.0, 1000), Exponential(0.5))
    rounds = np.diff(
        simulate(Synchronous(), Cluster([1.0] * 4, network), updates=50, seed=2).updates["time"], prepend=0
    )
    drawn = network.draw(stream(2, 4, 2), 50)
    np.testing.assert_allclose(rounds, 1 + network.round_seconds(4) + drawn)
    jobs = simulate(Greedy(), Cluster([1.0] * 2, network), updates=50, seed=2)
    got = seconds_of(jobs, 1)
    np.testing.assert_allclose(got, 1 + network.gradient_seconds(1) + network.draw(stream(2, 1, 2), len(got)))


def test_gradients_queue_at_the_parameter_server():
    """Three workers finish at 1 s; the link serves 0.5 s each, first come first served, then the latency."""
    server = ParameterServer(latency=0.25, bandwidth=8.0, parameters=1)
    timeline = simulate(Greedy(), Cluster([1.0, 1.0, 1.0], server), until=2.8)
    assert timeline.updates["time"].tolist() == [1.75, 2.25, 2.75]
    both = simulate(Greedy(), Cluster([1.0], server, transfer="both_ways"), updates=1)
    assert both.end == 1.0 + 2 * 0.5 + 2 * 0.25


def test_the_servers_link_saturates_greedy_methods():
    """However many workers: at most one update per service time."""
    server = ParameterServer(latency=0.0, bandwidth=40.0, parameters=1)  # 0.1 s a message
    rates = [len(simulate(Greedy(), Cluster([1.0] * n, server), until=100.0).updates) / 100 for n in (5, 10, 50)]
    assert rates[0] < 5 and 8 < rates[1] < 10 and 9.8 < rates[2] <= 10


@pytest.mark.slow
def test_a_large_fleet_at_the_server_is_an_m_d_1_queue():
    """Pollaczek-Khinchine: the mean wait is ρ s / (2 (1 - ρ)), when many workers make Poisson arrivals."""
    n, service = 4000, 0.5
    for rho in (0.3, 0.6):
        server = ParameterServer(latency=0.0, bandwidth=4 / service, parameters=1)
        cluster = Cluster([Exponential(n * service / rho)] * n, server)
        timeline = simulate(Greedy(), cluster, updates=40_000, seed=1)
        jobs = timeline.jobs.iloc[4_000:]
        jobs = jobs[jobs["outcome"] == "used"]
        wait = jobs["finish"] - timeline.computed[jobs.index] - service
        batches = wait.to_numpy()[: len(wait) // 40 * 40].reshape(40, -1).mean(axis=1)  # nearly independent
        error = batches.std(ddof=1) / math.sqrt(len(batches))
        assert abs(wait.mean() - rho * service / (2 * (1 - rho))) < 4 * error + 0.01 * service


@pytest.mark.parametrize(
    "arguments, line",
    [
        (dict(compute=[1.0], speeds={1: Phases((1.0,), (0.5,))}), "speeds[1] is of no worker"),
        (dict(compute=[1.0], outages={-1: Outage(1.0)}), "outages[-1] is of no worker"),
        (dict(compute=[1.0], outages={0: [Outage(1.0, 5.0), Outage(4.0, 6.0)]}), "outages="),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(ValueError) as error:
        Cluster(**arguments)
    assert str(error.value).startswith(line) and "give" in str(error.value)


def test_the_same_recorded_times_under_every_method():
    times = ((1.0, 2.0, 1.0), (9.0, 3.0))
    cluster = Cluster([Recorded(own) for own in times], 0.5)
    every = [methods.synchronous_nigt(0.1), methods.rennala_nigt(4, 0.1), methods.afedpg(0.1)]
    timelines = compare(every, cluster, until=60.0)
    assert list(timelines) == ["synchronous_nigt", "rennala_nigt", "afedpg"]
    for name, timeline in timelines.items():
        timeline.verify()
        assert timeline.method == name and timeline.end == 60.0
        for worker, own in enumerate(times):
            whole = (timeline.jobs["worker"] == worker) & (timeline.jobs["outcome"] != "running")
            jobs = timeline.jobs[whole].sort_values("start")
            took = timeline.computed[jobs.index] - jobs["start"].to_numpy()
            expected = [own[k % len(own)] for k in range(len(jobs))]  # the k-th job, whoever asked for it
            done = (jobs["outcome"] == "used").to_numpy()
            assert took[done].tolist() == pytest.approx(np.array(expected)[done].tolist(), rel=1e-12)
            assert (took[~done] <= np.array(expected)[~done]).all()
    assert len(timelines["synchronous_nigt"].updates) == 8  # (9 + κ) and (3 + κ) by turns
    with pytest.raises(ValueError, match="'afedpg' twice"):
        compare([methods.afedpg(0.1), methods.afedpg(0.2)], cluster, updates=1)


# ---- workers that are gone, outages that touch, jobs that take no time


def test_a_worker_that_is_gone_for_two_reasons_is_gone_once():
    for cluster in (
        Cluster([1.0, math.inf], outages={1: Outage(5.0)}),
        Cluster([1.0, 1.0], speeds={1: Phases((0.0,), (0.0,))}, outages={1: Outage(5.0)}),
    ):
        timeline = simulate(Greedy(), cluster, updates=10)
        assert timeline.ending == "updates" and timeline.updates["time"].tolist() == list(range(1, 11))
    with pytest.raises(Stalled, match=r"compute\[0\]=inf: Greedy waits for worker 0"):
        simulate(Greedy(), Cluster([math.inf], outages={0: Outage(0.0)}), updates=1)


@pytest.mark.parametrize("rule", [Greedy(), Rennala(3), Synchronous(), Ringmaster(2, cancel=True)])
def test_outages_that_touch_are_one_outage(rule):
    """With recorded times, a job that took no time would swallow one of them."""
    time = Recorded((1.5, 0.25, 2.0))
    apart, one = ([Outage(1.0, 2.0), Outage(2.0, 3.0)], Outage(1.0, 3.0))
    timelines = [simulate(rule, Cluster([time, 1.0], outages={0: outages}), until=20.0) for outages in (apart, one)]
    assert timelines[0].jobs.equals(timelines[1].jobs)
    assert (timelines[0].jobs["finish"] != timelines[0].jobs["start"]).all()


def test_a_job_that_is_cancelled_in_the_instant_it_starts_is_no_job():
    """Eight equal workers, M = 8: seven start again before the eighth makes the round full."""
    for events in (False, True):
        timeline = simulate(Rennala(8), Cluster([1.0] * 8, 0.5), updates=5, events=events)
        assert timeline.counts() == {"used": 40, "cancelled": 0, "discarded": 0, "running": 0}
    recorded = simulate(Rennala(2), Cluster([Recorded((1.0, 2.0, 3.0))] * 2), updates=3)
    assert recorded.updates["time"].tolist() == [1.0, 3.0, 6.0]  # each duration once
