"""Streaming and Paced against a plain simulation, tick by tick, of what the words say; and what they are at s = 0."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asyncsim import Cluster, methods, rules, simulate
from asyncsim.cluster import LogNormal, Recorded


class Words:
    """A run, tick by tick. A job is [worker, versions, start, finish, outcome]."""

    def __init__(self, rule, works, kappas, server, until):
        self.rule, self.works, self.kappas, self.server = rule, works, kappas, server
        self.paced, self.size, self.cap = isinstance(rule, rules.Paced), rule.batch_size, rule.max_age
        n = len(works)
        self.jobs, self.at, self.drawn = [], [None] * n, [0] * n  # at: (job, when it is computed, when it arrives)
        self.ready, self.parked, self.started = [], list(range(n)), 0
        self.version, self.making, self.made_at, self.times, self.uses = 0, None, None, [], []
        self.start(self.let_go() if self.paced else range(n), 0)
        for now in range(1, until + 1):
            if self.made_at == now:
                self.there(now)
            for w in range(n):
                if self.at[w] and self.at[w][2] == now:
                    self.arrives(w, now)
        for w in range(n):
            if self.at[w] and self.at[w][0][2] < until:
                self.jobs.append(self.at[w][0])

    def start(self, workers, now):
        for w in workers:
            computed = now + self.works[w][self.drawn[w] % len(self.works[w])]
            self.at[w] = [w, [self.version], now, None, "running"], computed, computed + self.kappas[w]

    def end(self, w, now, outcome):
        job, self.at[w] = self.at[w][0], None
        if job[2] < now:
            self.drawn[w] += 1
            self.jobs.append(job)
            job[3:] = now, outcome
        return job

    def let_go(self):
        """Parked workers that may start."""
        go = []
        while self.paced and self.parked and self.started < self.size * (self.version + self.cap + 1):
            go.append(self.parked.pop(0))
            self.started += 1
        return go

    def arrives(self, w, now):
        self.ready.append(self.end(w, now, "discarded"))
        if self.paced:
            self.parked.append(w)
        else:
            self.refuse()
        self.go_on(now, [] if self.paced else [w])

    def go_on(self, now, start=()):
        full = self.full(now)
        start = [*start, *self.let_go()]
        if full and not self.server:
            self.there(now, start)  # before they start
        else:
            self.start(start, now)

    def refuse(self):
        if self.cap is not None and not self.making:
            self.ready = [job for job in self.ready if self.version - job[1][0] <= self.cap]

    def full(self, now):
        """The server begins with an update, if it may."""
        if self.making or len(self.ready) < self.size:
            return False
        use = self.ready[: self.size]
        if self.paced:
            use = sorted(self.ready, key=lambda job: job[1][0])[: self.size]
            rest = [job for job in self.ready if job not in use] + [each[0] for each in self.at if each]
            for k, version in enumerate(sorted(job[1][0] for job in rest)):
                if version + self.cap < self.version + 1 + k // self.size:
                    return False
        self.ready = [job for job in self.ready if job not in use]
        self.making, self.made_at = use, now + self.server
        return True

    def there(self, now, start=()):
        for job in self.making:
            job[4] = "used"
            self.uses.append((self.version, job[0], job[2]))
        self.times.append(now)
        self.version, self.making = self.version + 1, None
        self.start(start, now)
        for w, each in enumerate(self.at):
            if not each:
                continue
            if self.rule.interrupt == "discard" or each[0][2] == now and self.rule.interrupt == "continue":
                self.end(w, now, "cancelled")
                self.start([w], now)
            elif self.rule.interrupt == "continue" and each[1] > now and each[0][1][-1] < self.version:
                each[0][1].append(self.version)
        if not self.paced:
            self.refuse()
        self.go_on(now)


def told(timeline):
    versions = {job: [version] for job, version in enumerate(timeline.oldest())}
    for job, own in timeline.stretches.groupby("job"):
        versions[job] = own["version"].tolist()
    jobs = [
        [worker, versions[job], start, None if math.isnan(finish) else finish, outcome]
        for job, worker, start, finish, outcome in timeline.jobs[
            ["job", "worker", "start", "finish", "outcome"]
        ].itertuples(index=False)
    ]
    used = timeline.jobs[timeline.jobs["update"] >= 0]
    uses = sorted(zip(used["update"].tolist(), used["worker"].tolist(), used["start"].tolist()))
    return sorted(jobs, key=lambda job: job[:1] + job[2:3]), uses, timeline.updates["time"].tolist()


@st.composite
def runs(draw):
    n = draw(st.integers(1, 4))
    works = draw(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=3), min_size=n, max_size=n))
    kappas = draw(st.just([0] * n) | st.lists(st.integers(0, 2), min_size=n, max_size=n))
    interrupt, size = draw(st.sampled_from(["none", "continue", "discard"])), draw(st.integers(1, 5))
    if draw(st.booleans()):
        rule = rules.Paced(size, draw(st.integers(0, 3)), interrupt)
    else:
        rule = rules.Streaming(size, draw(st.none() | st.integers(0, 3)), interrupt)
    return rule, works, kappas, draw(st.integers(0, 4))


AGAIN = (rules.Paced(1, 1, "continue"), [[2], [1]], [0, 0], 0)  # two updates at one second, and who starts between them


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@example(AGAIN)
@given(runs())
def test_streams_do_what_the_words_say(run):
    rule, works, kappas, server = run
    cluster = Cluster([Recorded(tuple(work)) for work in works], kappas, update_seconds=server)
    timeline = simulate(rule, cluster, until=40)
    words = Words(*run, 40)
    jobs = sorted(words.jobs, key=lambda job: job[:1] + job[2:3])
    assert told(timeline) == (jobs, sorted(words.uses), words.times)
    timeline.verify()
    if rule.max_age is not None:
        assert timeline.max_delay <= rule.max_age
    if isinstance(rule, rules.Paced):
        assert timeline.counts()["discarded"] <= rule.batch_size * (rule.max_age + 1)  # not used yet


RANDOM = [LogNormal(2.0, 1.0)] * 6
COLUMNS = ["worker", "version", "index", "start", "finish", "update", "delay", "outcome"]


def same(one, other):
    """The same jobs, and the same updates at the same seconds, to the last bit."""
    order = ["start", "worker"]
    frames = [each.jobs[COLUMNS].sort_values(order, ignore_index=True) for each in (one, other)]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    assert one.updates["time"].equals(other.updates["time"]) and one.end == other.end


@pytest.mark.parametrize("server", [0.0, 0.7])
@pytest.mark.parametrize("compute", [RANDOM, [1.0, 1.0, 2.5, 4.0]], ids=["random", "fixed"])
def test_a_cap_of_nothing_is_the_synchronous_run(compute, server):
    cluster, n = Cluster(compute, update_seconds=server), len(compute)
    synchronous = simulate(methods.synchronous_pg(0.1), cluster, updates=40)
    paced = simulate(methods.paced_pg(n, 0, 0.1), cluster, updates=40)
    same(paced, synchronous)
    same(simulate(rules.Paced(n, 0, "continue"), cluster, updates=40), synchronous)
    same(simulate(rules.OverSampling(n, 0), cluster, updates=40), synchronous)


def test_the_curve_of_a_cap_of_nothing_is_the_synchronous_one():
    from asyncsim import Quadratic, replay

    problem, cluster = Quadratic(dimension=4, noise=0.5), Cluster(RANDOM, update_seconds=0.5)
    curves = [
        replay(simulate(method, cluster, updates=6), method, problem, seeds=[0]).to_frame().drop(columns="method")
        for method in (methods.synchronous_pg(0.1), methods.paced_pg(6, 0, 0.1))
    ]
    pd.testing.assert_frame_equal(*(curve.drop(columns="communications") for curve in curves), check_exact=True)


def test_refusing_all_that_is_old_is_rennala_that_finishes_stale_jobs():
    cluster = Cluster(RANDOM)
    same(
        simulate(rules.Streaming(4, max_age=0), cluster, updates=40),
        simulate(rules.Rennala(4), cluster, updates=40, stale="finish"),
    )
    same(
        simulate(rules.Streaming(4, interrupt="discard", max_age=0), cluster, updates=40),
        simulate(rules.Rennala(4), cluster, updates=40),
    )


def test_without_a_cap_and_a_servers_time_it_is_fedbuff():
    same(*(simulate(rule, Cluster(RANDOM), updates=40) for rule in (rules.Streaming(4), rules.FedBuff(4))))


def test_the_slower_of_the_two_decides_one_step_off():
    """Generation takes the slowest worker's time, an update its own: side by side the larger, in turn the sum."""
    for server in (0.5, 3.0, 5.0):
        cluster = Cluster([1.0, 2.0, 3.0], update_seconds=server)
        in_turn, ahead = (
            np.diff(simulate(rules.Synchronous(1, overlap), cluster, updates=30).updates["time"]) for overlap in (0, 1)
        )
        assert in_turn == pytest.approx(3.0 + server) and ahead[1:] == pytest.approx(max(3.0, server))


def test_interrupted_jobs_know_their_points():
    """Two updates come while the slow job is at work, at 1 and 2 s; it counts for the third, and is 2 updates old."""
    timeline = simulate(rules.Streaming(2, interrupt="continue"), Cluster([0.5, 2.25]), updates=3)
    slow = timeline.jobs.query("worker == 1").iloc[0]
    assert (slow["version"], slow["update"], slow["delay"], slow["index"]) == (2, 2, 2, 0)
    own = timeline.stretches.query("job == @slow.job")
    assert own[["version", "start"]].to_numpy().tolist() == [[0, 0.0], [1, 1.0], [2, 2.0]]
    timeline.verify()
    plain = simulate(replace(rules.Streaming(2), interrupt="none"), Cluster([0.5, 2.25]), updates=3)
    assert plain.updates.equals(timeline.updates) and plain.jobs["delay"].equals(timeline.jobs["delay"])
    assert not len(plain.stretches) and plain.jobs["version"].tolist() != timeline.jobs["version"].tolist()
