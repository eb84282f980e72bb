"""What is true of every run: thousands of random scenarios pass `Timeline.verify`, and each kind of tampering fails."""

from dataclasses import replace
from functools import cache, partial
from time import perf_counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from asyncsim import Cluster, Stalled, rules, simulate
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
)
from asyncsim.cluster.cluster import COLLECTIVES
from asyncsim.timeline import usage

# ---- random scenarios

some = st.sampled_from([0.25, 0.5, 1.0, 1.5, 3.0])  # where ties are likely
seconds = some | st.floats(0.2, 5.0)  # neither so short nor so long that a run has a million jobs
distributions = st.one_of(
    st.builds(Exponential, seconds),
    st.builds(LogNormal, seconds, st.floats(0.1, 1.0)),
    st.builds(Gamma, seconds, st.floats(0.5, 5.0)),
    st.builds(Pareto, seconds, st.floats(2.0, 4.0)),
    st.builds(Uniform, st.just(0.0), seconds),
    st.builds(Recorded, st.lists(seconds, min_size=1, max_size=3)),
)
speeds = st.one_of(
    st.builds(lambda time, low: Phases((time, time + 2.0), (low, 1.0)), seconds, st.sampled_from([0.0, 0.25, 2.0])),
    st.just(Phases((6.0,), (0.0,))),  # for good
    st.builds(Diurnal, seconds, st.sampled_from([0.0, 0.5])),
    st.builds(Markov, seconds, seconds, st.sampled_from([0.1, 0.5])),
)
outages = st.one_of(
    st.builds(lambda down, length: [Outage(down, down + length)], st.just(0.0) | seconds, seconds),
    st.builds(lambda down, a, b: [Outage(down, down + a), Outage(down + a + b)], seconds, seconds, seconds),
    st.builds(lambda down: [Outage(down)], seconds),
)
links = st.tuples(st.sampled_from([0.0, 0.1]), st.sampled_from([16.0, 80.0]), st.just(4))
fixed = st.one_of(
    st.just(0.0), seconds, links.map(lambda x: Ring(*x)), links.map(lambda x: Tree(*x)),
    links.map(lambda x: ParameterServer(*x)),
)  # fmt: skip


any_seconds = seconds | distributions
numbers, yes_or_no, seeds = st.integers(1, 6), st.booleans(), st.integers(0, 2**32)
transfers, stales = st.sampled_from(["round_trip", "both_ways"]), st.sampled_from(["cancel", "finish"])
collectives, of_two = st.sampled_from(COLLECTIVES), st.sampled_from(COLLECTIVES[:2])


@cache
def of_workers(n):
    """For n workers: to build strategies anew takes longer than to draw from them."""
    lists, who = partial(st.lists, min_size=n, max_size=n), st.integers(0, n - 1)
    return (
        st.one_of(*map(lists, (some, seconds, any_seconds))),
        fixed | lists(seconds),
        st.just({}) | st.dictionaries(who, speeds, max_size=2),
        st.just({}) | st.dictionaries(who, outages, max_size=3),
        st.builds(rules.MSynchronous, st.integers(1, n)),
    )


@st.composite
def clusters(draw):
    computes, networks, speeds_of, outages_of, _ = of_workers(draw(numbers))
    compute, network = draw(computes), draw(networks)
    if hasattr(network, "round_seconds") and draw(yes_or_no):
        network = Jitter(network, draw(distributions))
    together = isinstance(getattr(network, "network", network), Ring | Tree)  # in which all take part
    return Cluster(
        compute,
        network,
        collective=draw(of_two if together else collectives),
        transfer=draw(transfers),
        speeds=draw(speeds_of),
        outages=draw(outages_of),
    )


sizes = st.integers(1, 9)
every_rule = st.one_of(
    st.builds(rules.Synchronous, st.integers(1, 2)),
    st.builds(rules.MSynchronous, st.just(1)),
    st.builds(rules.Rennala, sizes, st.none() | sizes, st.sampled_from(["round", "gradient"])),
    st.builds(rules.Malenia, sizes, st.none() | sizes),
    st.just(rules.Greedy()),
    st.builds(rules.Ringmaster, sizes, st.booleans()),
    st.just(rules.Ringleader()),
    st.builds(rules.FedBuff, sizes),
    st.builds(rules.OverSelection, st.just(1), st.integers(0, 3)),
    st.builds(rules.Deadline, sizes, seconds),
    st.builds(rules.Periodic, seconds),
)
stops = st.one_of(
    st.fixed_dictionaries({"updates": st.integers(1, 15)}),
    st.fixed_dictionaries({"until": st.floats(0.1, 15.0)}),
    st.fixed_dictionaries({"gradients": st.integers(1, 30), "until": st.just(40.0)}),
)


class Steps:
    """A coupling: jobs of 1 to 3 steps."""

    def steps(self, worker, version, index):
        return 1 + (worker + 2 * version + index) % 3

    def update(self, jobs, alive):
        pass


a_cluster = clusters()


@st.composite
def timelines(draw):
    cluster, rule = draw(a_cluster), draw(every_rule)
    if isinstance(rule, rules.MSynchronous):
        rule = draw(of_workers(cluster.workers)[-1])
    plain = all(isinstance(h, float) for h in cluster.compute) and not cluster.speeds
    coupling = Steps() if plain and draw(yes_or_no) else None
    stale, seed = draw(stales), draw(seeds)
    try:
        return simulate(rule, cluster, **draw(stops), stale=stale, seed=seed, coupling=coupling)
    except Stalled:
        assume(False)


def seconds_add_up(timeline):
    frame = usage.worker_totals(timeline)
    near = 1e-9 * max(timeline.end, 1)
    spent = sum(frame[key].to_numpy() for key in ("busy", "communicating", "idle"))
    assert np.allclose(spent, timeline.end, rtol=0, atol=near) and (frame["away"] <= frame["idle"] + near).all()
    worker, start, end = (usage.segments(timeline)[key].to_numpy() for key in ("worker", "start", "end"))
    assert (start[1:] >= end[:-1])[worker[1:] == worker[:-1]].all()
    assert len(timeline.delays()) == len(timeline.uses())


few = dict(suppress_health_check=list(HealthCheck))


@settings(max_examples=300, **few)
@given(timelines())
def test_invariants_of_random_scenarios(timeline):
    timeline.verify()
    seconds_add_up(timeline)


@pytest.mark.slow
@settings(max_examples=10_000, **few)
@given(timelines())
def test_invariants_of_ten_thousand_random_scenarios(timeline):
    timeline.verify()


# ---- tampering


def run(rule=None, cluster=None, **arguments):
    cluster = cluster or Cluster([1.0, 2.0, 3.0], 0.5, outages={2: Outage(7.0, 9.0)})
    return simulate(rule or rules.Rennala(4), cluster, **{"updates": 6} | arguments)


def changed(timeline, frame, column, row, value):
    rows = getattr(timeline, frame).copy()
    rows.loc[row, column] = value
    return replace(timeline, **{frame: rows})


def at(array, row, value):
    array = array.copy()
    array[row] = value
    return array


def again(timeline, job):
    return replace(timeline, reuses=pd.DataFrame({"update": [1], "job": [job], "weight": [0.0]}))


TAMPERING = {
    "a missing job": (lambda t: replace(t, jobs=t.jobs.drop(index=3)), "rows: row 3 is job 4"),
    "a missing update": (lambda t: replace(t, updates=t.updates.drop(index=0)), "rows: row 0 is no update 0"),
    "computed too short": (lambda t: replace(t, computed=t.computed[:-1]), "rows: .* computed has"),
    "collected too long": (lambda t: replace(t, collected=np.append(t.collected, [9.0, 9.0])), "rows: .*collected 8"),
    "no such worker": (lambda t: changed(t, "jobs", "worker", 2, 3), "workers: job 2 is of worker 3, of 3"),
    "no such version": (lambda t: changed(t, "jobs", "version", 2, 7), "versions: job 2 .* version 7, and there are 6"),
    "a version too new": (lambda t: changed(t, "jobs", "version", 2, 1), "versions: job 2 starts at 0.0, .* at 3.5"),
    "a version too old": (lambda t: changed(t, "jobs", "version", 7, 0), "versions: job 7 .* old at 3.5"),
    "no number": (lambda t: changed(t, "jobs", "start", 1, np.nan), "clock: job 1 starts at nan"),
    "before the run": (lambda t: changed(t, "jobs", "start", 0, -1.0), "clock: job 0 starts at -1.0"),
    "after the run": (lambda t: replace(t, end=t.end - 0.25), "clock: update 5 .* after the end of the run"),
    "a finish that is missing": (lambda t: changed(t, "jobs", "finish", 4, np.nan), "clock: job 4 is cancelled"),
    "an earlier finish": (lambda t: changed(t, "jobs", "finish", 3, 1.5), "clock: job 3 ends at 1.5, job 2 before"),
    "an update later": (lambda t: changed(t, "updates", "time", 2, 99.0), "clock: update 2 is at 99.0"),
    "an update earlier": (lambda t: changed(t, "updates", "time", 2, 3.0), "clock: update 2 is at 3.0, update 1"),
    "collected too late": (lambda t: replace(t, collected=t.collected + 0.75), "clock: update 0 is at 3.5, its grad"),
    "computed too late": (lambda t: replace(t, computed=at(t.computed, 2, 9.0)), "clock: job 2 .* computed at 9.0"),
    "a job too long": (lambda t: changed(t, "jobs", "start", 6, 2.0), "duration: job 6 computes for .* takes 1.0 s"),
    "a cancelled one too long": (
        lambda t: replace(t, cluster=replace(t.cluster, compute=(1.0, 2.0, 0.5), speeds={}, outages={})),
        "duration: job .* worker 2 takes 0.5 s"),
    "a message of its own": (lambda t: replace(t, computed=at(t.computed, 4, 2.9)), "duration: job 4 comm.* by itself"),
    "a collective too long": (lambda t: replace(t, collected=t.collected - 0.25), "uses: job|duration: update 0 comm"),
    "a network too slow": (
        lambda t: replace(t, cluster=Cluster([1.0, 2.0, 3.0], 0.25)), "duration: update 0 communicates for 0.5 s"),
    "two at once": (lambda t: changed(t, "jobs", "worker", 0, 1), "duration: job 0|two at once"),
    "work while away": (
        lambda t: replace(t, cluster=Cluster([1.0, 2.0, 3.0], 0.5, outages={1: Outage(1.5, 1.75)})),
        "outages: worker 1 is away from 1.5 to 1.75, and has job 2 from 0.0 to 2.0"),
    "miscounted": (lambda t: changed(t, "jobs", "index", 1, 5), "indices: job 1 is number 5"),
    "used by none": (lambda t: changed(t, "jobs", "update", 0, -1), "uses: job 0 is used, and its update is -1"),
    "used by one that is not": (lambda t: changed(t, "jobs", "update", 0, 6), "uses: job 0 is used by update 6"),
    "used though cancelled": (lambda t: changed(t, "jobs", "update", 4, 0), "uses: job 4 is cancelled"),
    "weight of the unused": (lambda t: changed(t, "jobs", "weight", 4, 0.5), "uses: job 4 is not used, and weighs 0.5"),
    "used before asked": (lambda t: changed(t, "jobs", "update", 20, 2), "delays: job 20 has delay -1 at update 2"),
    "a wrong delay": (lambda t: changed(t, "jobs", "delay", 0, 1), "delays: job 0 has delay 1, not"),
    "an unused one's delay": (lambda t: changed(t, "jobs", "delay", 4, 0), "delays: job 4 has delay 0, not .* -1"),
    "used twice": (lambda t: again(t, 6), "uses: update 1 uses job 6 twice"),
    "again, but not used": (lambda t: again(t, 4), "uses: update 1 uses job 4 again, which none has used"),
    "again, but not there": (lambda t: again(t, 999), "uses: update 1 uses job 999, and there are 36 jobs"),
    "too few gradients": (lambda t: changed(t, "updates", "gradients", 3, 3), "gradients: update 3 is .* 4 .* not 3"),
    "weights": (lambda t: changed(t, "jobs", "weight", 0, 0.26), "weights: those of update 0 sum to 1.01"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(name):
    tamper, line = TAMPERING[name]
    timeline = run()
    timeline.verify()
    with pytest.raises(ValueError, match=f"^({line})") as error:
        tamper(timeline).verify()
    assert "\n" not in str(error.value)


def test_tampering_with_a_greedy_run_is_found():
    timeline = run(rules.Greedy(), updates=30)
    timeline.verify()
    for tampered, line in (
        (changed(timeline, "jobs", "start", 4, 3.5), "duration: job 4 computes for .* worker 0 takes 1.0 s"),
        (replace(timeline, computed=at(timeline.computed, 0, 0.75)), "duration: job 0 computes for 0.75 s"),
        (
            replace(timeline, cluster=Cluster([1.0, 2.0, 3.0], 0.25)),
            "duration: job 0 communicates for 0.5 s, .* 0.25 s",
        ),
        (changed(timeline, "jobs", "worker", 0, 1), "duration: job 0 computes for 1.0 s, and worker 1 takes 2.0 s"),
        (changed(timeline, "jobs", "update", 3, 0), "uses: job 3 ends at 3.5, and update 0 uses it at 1.5"),
    ):
        with pytest.raises(ValueError, match=line):
            tampered.verify()
    twice = changed(run(rules.Greedy(), Cluster([1.0, 1.0])), "jobs", "worker", 1, 0)
    with pytest.raises(ValueError, match="two at once: worker 0 starts job 1 at 0.0, and job 0 ends at 1.0"):
        twice.verify()


def test_tampering_with_a_table_is_found():
    timeline = run(rules.Ringleader())
    timeline.verify()
    early = timeline.reuses.assign(update=0)
    with pytest.raises(ValueError, match="delays: job 6 has delay -2 at update 0"):
        replace(timeline, reuses=early).verify()
    jobs, rows = timeline.jobs.copy(), timeline.reuses["job"].iloc[0]
    jobs.loc[rows, ["update", "outcome", "delay", "weight"]] = [-1, "discarded", -1, 0.0]
    with pytest.raises(ValueError, match=f"uses: update 1 uses job {rows} again, which none has used"):
        replace(timeline, jobs=jobs).verify()


def test_a_coupled_job_takes_whole_steps():
    timeline = run(rules.Greedy(), coupling=Steps())
    timeline.verify()
    with pytest.raises(ValueError, match="duration: job"):
        replace(timeline, coupled=False).verify()
    for network in (Jitter(Ring(0.1, 16.0, 4), Exponential(1.0)), ParameterServer(0.1, 16.0, 4)):
        timeline = run(rules.Greedy(), Cluster([1.0, 2.0], network), coupling=Steps(), updates=20)
        jobs = timeline.jobs.query("outcome == 'used'")
        steps = [Steps().steps(*job) for job in jobs[["worker", "version", "index"]].itertuples(index=False)]
        seconds = np.array([1.0, 2.0])[jobs["worker"]]
        np.testing.assert_allclose(timeline.computed[jobs.index] - jobs["start"], steps * seconds)


def test_a_timeline_is_shown_in_few_words():
    timeline = simulate(rules.Rennala(600), Cluster([1.0 + 0.01 * i for i in range(1000)], 0.5), updates=3)
    shown = repr(timeline)
    assert shown.count("\n") < 5 and len(shown) < 500
    counts = timeline.counts()
    used, cancelled = counts["used"], counts["cancelled"]
    for words in ("workers 1000", "updates 3", f"used {used}, cancelled {cancelled}", "(updates)"):
        assert words in shown, words
    assert f"{timeline.end:g} s" in shown


@pytest.mark.slow
def test_a_million_jobs_are_verified_in_seconds():
    timeline = simulate(rules.Greedy(), Cluster([1.0 + 0.01 * i for i in range(1000)], 0.5), updates=1_000_000)
    begin = perf_counter()
    timeline.verify()
    assert perf_counter() - begin < 5
