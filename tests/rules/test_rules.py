"""One contract for every rule."""

import dataclasses
from functools import partial

import pytest

from asyncsim import Cluster, RuleError, Stalled, methods, rules, simulate
from asyncsim.base import WAIT, Answer, Clock, Decision, Ticket, missing, starts
from asyncsim.cluster import Outage

# Every public rule stands here; `test_every_rule_is_under_contract` fails when one is added without it.
EXAMPLES = [
    rules.Synchronous(),
    rules.Synchronous(jobs_each=2),
    rules.Rennala(7),
    rules.Rennala(3, initial_batch_size=9),
    rules.Rennala(7, communication="gradient"),
    rules.Malenia(7),
    rules.Malenia(3, initial_batch_size=9),
    rules.Greedy(),
    rules.MSynchronous(1),
    rules.OverSelection(1, 2),
    rules.Deadline(2, 3.0),
    rules.Periodic(3.0),
    rules.Ringmaster(2),
    rules.Ringmaster(4, cancel=True),
    rules.Ringleader(),
    rules.Synchronous(overlap=1),
    rules.OverSampling(1, 2),
    rules.Streaming(3),
    rules.Streaming(2, max_age=1, interrupt="continue"),
    rules.Streaming(2, max_age=0, interrupt="discard"),
    rules.Paced(3, max_age=0),
    rules.Paced(2, max_age=2, interrupt="discard"),
    rules.FedBuff(3),
]
every_rule = pytest.mark.parametrize("rule", EXAMPLES, ids=repr)


def test_every_rule_is_under_contract():
    assert {type(rule).__name__ for rule in EXAMPLES} == set(rules.__all__)


@every_rule
def test_a_rule_is_a_value(rule):
    assert rule == dataclasses.replace(rule) and hash(rule) == hash(dataclasses.replace(rule))
    assert eval(repr(rule), vars(rules)) == rule
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.anything = 1


@every_rule
@pytest.mark.parametrize("workers", [1, 3])
def test_a_rule_uses_what_it_got_once_with_weights_that_sum_to_one(rule, workers):
    """Every worker that is started finishes in turn, one a second; the rule must come to an update again and again."""
    held, version, seen, used = rule.empty(workers), 0, [], []
    at, queue, wakes, began = [0] * workers, list(starts(rule, workers)), [], 0.0
    for second in range(2000):
        clock = Clock(version, range(workers), at, partial(float, second), began)
        if second in wakes:
            held, decision = rule.woken(held, clock)
        elif queue:
            worker, job = queue.pop(0), len(seen)
            held, decision = rule.receive(held, Ticket(worker, job, at[worker]), clock)
            seen.append(job)
        if isinstance(decision, Answer):
            decision = decision.decision(Ticket(worker, job, at[worker]))
        assert isinstance(decision, Decision)
        if decision.wake is not None:
            assert decision.wake >= second and decision.wake == int(decision.wake)
            wakes.append(int(decision.wake) + (decision.wake == second))
        use, start = decision.use, decision.start
        assert set(use) <= set(seen) and len(set(use)) == len(use)
        assert isinstance(rule, rules.Ringleader) or not set(use) & set(used)
        if use:
            weights = decision.weights
            weights = [weights] * len(use) if isinstance(weights, float) else weights
            assert len(weights) == len(use) and sum(weights) == pytest.approx(1) and min(weights) > 0
            used.extend(use)
            version, began = version + 1, float(second)
            if hasattr(rule, "applied"):
                for starter in start:
                    at[starter] = version
                held, more = rule.applied(held, Clock(version, range(workers), at, partial(float, second), began))
                assert not more.use or len(more.use) == rule.batch_size
                seen_again, start = more.use, [*start, *more.start]
                version += bool(more.use)
                assert set(seen_again) <= set(seen) and not set(seen_again) & set(used)
                used.extend(seen_again)
            assert start, "an update that starts nobody ends the run"
        for starter in start:
            at[starter] = version
            queue = [waiting for waiting in queue if waiting != starter] + [starter]
        if version == 5:
            break
    assert version == 5


@every_rule
def test_a_run_does_not_leak_into_the_next(rule):
    cluster = Cluster([1.0, 1.5, 2.0])
    first, second = (simulate(rule, cluster, updates=5) for _ in range(2))
    assert first.jobs.equals(second.jobs)


@every_rule
def test_a_rule_knows_whom_it_misses(rule):
    clock = Clock(0, range(3))
    assert list(missing(rule, rule.empty(3), [], clock)) == []
    assert list(missing(rule, rule.empty(3), [0, 1, 2], clock)) == [0, 1, 2]


@pytest.mark.parametrize(
    "build, line",
    [
        (lambda: rules.Rennala(0), "batch_size=0"),
        (lambda: rules.Rennala(2.5), "batch_size=2.5"),
        (lambda: rules.Rennala(True), "batch_size=True"),
        (lambda: rules.Rennala(2, 0), "initial_batch_size=0"),
        (lambda: rules.Rennala(2, communication="never"), "communication='never'"),
        (lambda: rules.Malenia(-1), "batch_size=-1"),
        (lambda: rules.Malenia(1, -1), "initial_batch_size=-1"),
        (lambda: rules.Synchronous(0), "jobs_each=0"),
        (lambda: rules.MSynchronous(0), "participants=0"),
        (lambda: rules.MSynchronous(4).empty(3), "participants=4 exceeds the 3 workers"),
        (lambda: rules.Ringmaster(0), "max_delay=0"),
        (lambda: rules.FedBuff(0), "batch_size=0"),
        (lambda: rules.OverSelection(0), "batch_size=0"),
        (lambda: rules.OverSelection(1, -1), "extra=-1"),
        (lambda: rules.OverSelection(4, 0).empty(3), "batch_size=4 exceeds the 3 workers"),
        (lambda: rules.Synchronous(1, -1), "overlap=-1 is no number of rounds"),
        (lambda: rules.OverSampling(4, 0).empty(3), "batch_size=4 exceeds the 3 workers"),
        (lambda: rules.OverSampling(1, True), "extra=True"),
        (lambda: rules.Streaming(0), "batch_size=0"),
        (lambda: rules.Streaming(1, -1), "max_age=-1 is no number of updates"),
        (lambda: rules.Streaming(1, interrupt="maybe"), "interrupt='maybe' is unknown: give 'none' or 'continue'"),
        (lambda: rules.Paced(1, 1.5), "max_age=1.5"),
        (lambda: rules.Paced(1, 1, "go on"), "interrupt='go on'"),
        (lambda: rules.Deadline(0, 1.0), "batch_size=0"),
        (lambda: rules.Deadline(1, 0.0), "seconds=0.0"),
        (lambda: rules.Deadline(1, True), "seconds=True"),
        (lambda: rules.Periodic(float("inf")), "seconds=inf"),
    ],
)
def test_bad_arguments_are_named(build, line):
    with pytest.raises(ValueError, match=line) as error:
        build()
    assert "give" in str(error.value) and "\n" not in str(error.value)


def used_by(timeline, update):
    jobs = timeline.uses().query("update == @update")
    return list(zip(jobs["worker"], jobs["version"], jobs["index"]))


def test_m_synchronous_takes_the_fastest():
    timeline = simulate(rules.MSynchronous(2), Cluster([3.0, 1.0, 2.0], 0.5), updates=3)
    assert timeline.updates["time"].tolist() == [2.5, 5.0, 7.5]
    assert used_by(timeline, 0) == [(1, 0, 0), (2, 0, 0)] and timeline.counts()["cancelled"] == 3


def test_over_selection_starts_some_and_takes_the_first():
    """Of five workers, three start and two are used, by turns; who is late is ignored, or dropped when chosen again."""
    timeline = simulate(rules.OverSelection(2, 1), Cluster([1.0, 2.0, 9.0, 1.0, 2.5]), updates=4)
    assert [used_by(timeline, k) for k in range(3)] == [
        [(0, 0, 0), (1, 0, 0)],  # of 0, 1 and 2, which goes on
        [(0, 1, 0), (3, 1, 0)],  # of 3, 4 and 0
        [(1, 2, 0), (3, 2, 0)],  # of 1, 2 and 3
    ]
    assert timeline.updates["time"].tolist() == [2.0, 3.0, 5.0, 7.0]
    ends = timeline.jobs.query("worker == 2")[["version", "finish", "outcome"]].to_numpy().tolist()
    assert ends[0] == [0, 3.0, "cancelled"]  # at 3 s it was chosen again
    late = timeline.jobs.query("worker == 4")[["version", "outcome"]].to_numpy().tolist()
    assert late[0] == [1, "discarded"]
    timeline.verify()


def test_a_deadline_ends_a_round_early():
    """By the deadline three are there, of four; a round in which nobody is in time ends with the first one."""
    cluster = Cluster([1.0, 4.0], 0.5)
    timeline = simulate(rules.Deadline(4, 3.25), cluster, updates=3)
    assert timeline.updates["time"].tolist() == [3.75, 7.5, 11.25]
    assert timeline.updates["gradients"].tolist() == [3, 3, 3] and timeline.collected[0] == 3.25
    assert simulate(rules.Deadline(3, 3.25), cluster, updates=1).updates["time"].tolist() == [3.5]
    assert simulate(rules.Deadline(9, 0.25), cluster, updates=2).updates["time"].tolist() == [1.5, 3.0]
    tied = simulate(rules.Deadline(9, 4.0), cluster, updates=1)
    assert tied.updates["gradients"].tolist() == [5]  # the slow worker's came at the very second
    for each in (timeline, tied):
        each.verify()


def test_periodic_updates_have_the_times_of_a_clock():
    timeline = simulate(rules.Periodic(2.5), Cluster([1.0, 2.0, 7.0]), until=10.0)
    assert timeline.updates["time"].tolist() == [2.5, 5.0, 7.5, 10.0]
    assert timeline.updates["gradients"].tolist() == [3, 3, 3, 3]
    slow = simulate(rules.Periodic(2.5), Cluster([6.0]), updates=2)  # where nothing is there, it goes on
    assert slow.updates["time"].tolist() == [7.5, 15.0]
    third = simulate(rules.Periodic(0.1), Cluster([0.3, 0.7]), updates=50)  # 3 · 0.1 is more than 0.3
    multiples = (third.updates["time"] / 0.1).round()
    assert (third.updates["time"] == multiples * 0.1).all() and multiples.is_unique
    for each in (timeline, slow, third):
        each.verify()


def test_a_woken_rule_may_go_on_without_the_workers_that_left():
    """What is held is used at the deadline though nobody is left; then the run ends, and does so by itself."""
    gone = {worker: [Outage(2.5, float("inf"))] for worker in (0, 1)}
    timeline = simulate(rules.Deadline(9, 4.0), Cluster([1.0, 2.0], outages=gone), updates=2)
    assert timeline.updates["time"].tolist() == [4.0] and timeline.updates["gradients"].tolist() == [3]
    assert timeline.ending == "stalled" and timeline.end == 4.0
    timeline.verify()


class Wakes:
    """A rule that is woken when it likes."""

    communication = "round"

    def __init__(self, wake, woken=None):
        self.wake = wake
        if woken:
            self.woken = woken

    def empty(self, workers):
        return None

    def receive(self, held, ticket, clock):
        return held, Decision(start=(ticket.worker,), wake=self.wake)


@pytest.mark.parametrize(
    "rule, line",
    [
        (Wakes(2.0), "wake=2.0, and there is no method woken"),
        (Wakes(0.5, lambda held, clock: (held, Decision())), "wake=0.5 is no second to come: .* not before 1.0"),
        (Wakes(float("nan"), lambda held, clock: (held, Decision())), "wake=nan is no second to come"),
        (Wakes("soon", lambda held, clock: (held, Decision())), "wake='soon' is no second to come"),
        (Wakes(1.0, lambda held, clock: (held, Decision(wake=1.0))), "Wakes at 1 s: wake=1.0 is the second at which"),
        (Wakes(1.5, lambda held, clock: (held, WAIT)), "Wakes at 1.5 s: .* is no Decision"),
        (Wakes(1.5, lambda held, clock: 1 / 0), "Wakes at 1.5 s: ZeroDivisionError"),
        (Wakes(1.5, lambda held, clock: (held, Decision(use=[9]))), "Wakes at 1.5 s: use has 9"),
    ],
)
def test_wakes_that_cannot_be(rule, line):
    with pytest.raises(RuleError, match=line) as error:
        simulate(rule, Cluster([1.0]), until=3.0)
    assert "\n" not in str(error.value)


class Hasty(rules.FedBuff):
    """Every two jobs are an update, also while the one before communicates."""

    communication = "round"


class Crowded(rules.Greedy):
    def starts(self, workers):
        return [0, workers]


@pytest.mark.parametrize(
    "rule, line",
    [
        (Hasty(2), "Hasty at 4 s: use has jobs, and the update before still communicates: hold them until"),
        (Crowded(), "Crowded at 0 s: starts has 3, which is no worker: give some of 0 to 2"),
    ],
)
def test_what_a_rule_cannot_want(rule, line):
    with pytest.raises(RuleError) as error:
        simulate(rule, Cluster([1.0, 3.0, 4.0], 5.0), until=9.0)
    assert str(error.value).startswith(line) and "\n" not in str(error.value)


def test_fedbuff_takes_what_comes():
    timeline = simulate(rules.FedBuff(3), Cluster([1.0, 5.0]), updates=2)
    assert used_by(timeline, 0) == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
    assert used_by(timeline, 1) == [(1, 0, 0), (0, 1, 0), (0, 1, 1)]  # the slow worker's is of version 0
    assert timeline.updates["time"].tolist() == [3.0, 5.0] and timeline.max_delay == 1


def test_ringmaster_drops_the_old():
    cluster = Cluster([1.0, 4.5])
    ignored = simulate(rules.Ringmaster(3), cluster, until=9.25)
    slow = ignored.jobs.query("worker == 1")
    assert slow["outcome"].tolist() == ["discarded", "discarded", "running"]
    assert ignored.max_delay == 0 and len(ignored.updates) == 9
    kept = simulate(rules.Ringmaster(6), cluster, until=9.25)
    assert kept.jobs.query("worker == 1")["delay"].tolist()[:2] == [4, 5] and len(kept.updates) == 11


def test_afedpg_capped_ignores_what_is_older_than_the_cap():
    """The slow worker's delays are 4 and 5, then 4 and 5 again; where they are ignored no update is lost to it."""
    cluster, capped = Cluster([1.0, 4.5]), methods.afedpg_capped
    assert capped(0.1, workers=2) == capped(0.1, workers=9, cap=2) and capped(0.1, 2).name == "afedpg_capped"
    for cap, outcomes in ((3, ["discarded"] * 2), (4, ["used", "discarded"]), (5, ["used"] * 2)):
        slow = simulate(capped(0.1, 2, cap), cluster, until=9.25).jobs.query("worker == 1")
        assert slow["outcome"].tolist() == [*outcomes, "running"], cap
    afresh = simulate(capped(0.1, 2), cluster, until=9.25).jobs.query("worker == 1")
    assert afresh["start"].tolist() == [0.0, 4.5, 9.0] and afresh["version"].tolist() == [0, 4, 9]
    free, plain = (simulate(method, cluster, updates=40) for method in (capped(0.1, 2, 100), methods.afedpg(0.1)))
    assert free.jobs.equals(plain.jobs) and free.updates.equals(plain.updates)
    assert capped(0.1, 2).update == methods.afedpg(0.1).update
    with pytest.raises(ValueError, match="max_delay=0 .* give an integer >= 1"):
        capped(0.1, 2, -1)


def test_ringmaster_stops_a_job_when_its_delay_reaches_the_threshold():
    timeline = simulate(rules.Ringmaster(3, cancel=True), Cluster([1.0, 4.5]), until=9.25)
    slow = timeline.jobs.query("worker == 1")
    assert slow["finish"].tolist()[:3] == [3.0, 6.0, 9.0] and slow["version"].tolist() == [0, 3, 6, 9]
    assert slow["outcome"].tolist() == ["cancelled"] * 3 + ["running"]


def test_ringleader_round_by_round():
    """Two workers, h = (1, 2.5): the table fills at 2.5 with two jobs of worker 0 and one of worker 1."""
    timeline = simulate(rules.Ringleader(), Cluster([1.0, 2.5]), updates=4)
    assert timeline.updates["time"].tolist() == [2.5, 3.0, 5.0, 6.0]
    assert used_by(timeline, 0) == [(0, 0, 0), (0, 0, 1), (1, 0, 0)]  # phase 2 begins; worker 1 moves on
    assert used_by(timeline, 1) == [(0, 0, 0), (0, 0, 1), (0, 0, 2), (1, 0, 0)]  # worker 0's turn: the round ends
    # Round 2: worker 0 at version 2 has given one job at 4 and one at 5; worker 1's of version 1 ends at 5.
    assert used_by(timeline, 2) == [(1, 1, 0), (0, 2, 0), (0, 2, 1)]
    weights = timeline.uses().query("update == 1")["weight"].tolist()
    assert weights == [1 / 6, 1 / 6, 1 / 6, 1 / 2]


def test_ringleader_delays_are_bounded():
    for n in (2, 3, 5):
        cluster = Cluster([1.0 + 0.37 * i**2 for i in range(n)])
        timeline = simulate(rules.Ringleader(), cluster, updates=20 * n)
        assert timeline.max_delay <= 2 * n - 2
        rounds = timeline.updates["update"] // n
        movers = timeline.jobs.merge(timeline.updates, left_on="finish", right_on="time", suffixes=("", "_"))
        assert (movers.groupby(rounds.reindex(movers["update_"]).to_numpy())["worker"].nunique() == n).all()


def test_ringmaster_does_not_stop_young_jobs():
    """A worker's job is as old as the engine says, whatever became of those that the rule had it start."""
    ringmaster = rules.Ringmaster(12, cancel=True)
    back = simulate(ringmaster, Cluster([1.0, 10.0], outages={1: Outage(5.5, 6.5)}), until=30.0)
    late = simulate(ringmaster, Cluster([1.0, 10.0], outages={1: Outage(0.0, 9.5)}), until=30.0)
    for timeline in (back, late):
        slow = timeline.jobs.query("worker == 1 and start > 6")
        assert slow["outcome"].tolist() == ["used", "used", "running"] and (slow["delay"] < 12).all()
    finish = simulate(ringmaster, Cluster([1.0, 13.0]), until=40.0, stale="finish")
    assert finish.jobs.query("worker == 1")["outcome"].tolist() == ["discarded"] * 3 + ["running"]


def test_ringleaders_gradients_count_once():
    timeline = simulate(rules.Ringleader(), Cluster([1.0, 1.7, 4.3], 0.25), gradients=40, until=1000.0)
    assert timeline.ending == "gradients" and timeline.counts()["used"] == timeline.updates["gradients"].sum() == 40
    assert len(timeline.uses()) > 40 and timeline.uses()["again"].sum() == len(timeline.uses()) - 40
    timeline.verify()


@dataclasses.dataclass(frozen=True)
class Answers:
    """A rule of one's own, which says the same to every ticket."""

    answer: object
    communication = "gradient"

    def empty(self, workers):
        return []

    def receive(self, held, ticket, clock):
        return (held, self.answer) if isinstance(self.answer, Decision | Answer) else self.answer


@pytest.mark.parametrize(
    "answer, line",
    [
        (None, "TypeError: .*: return"),
        (([], "use everything"), "is no Decision: return"),
        (Decision(use=[7]), "use has 7, which is no finished job: give some of 0 to 0"),
        (Decision(use=[-1]), "use has -1, which is no finished job"),
        (Decision(use=5), "use=5 is not a list: give"),
        (Decision(use=[0, 0]), "use=.0, 0. has a job twice: give each once"),
        (Decision(use=[0], weights=[0.5, 0.5]), "weights has 2 values for 1 jobs: give"),
        (Decision(start=[2]), "start has 2, which is no worker: give some of 0 to 1"),
        (Decision(start=[-1]), "start has -1, which is no worker"),
        (Decision(start=0), "start=0 is not a list: give"),
    ],
)
def test_a_rule_that_answers_nonsense_is_told_which_rule_and_which_ticket(answer, line):
    with pytest.raises(RuleError, match=line) as error:
        simulate(Answers(answer), Cluster([1.0, 2.0]), updates=3)
    assert str(error.value).startswith("Answers at Ticket(worker=0, job=0, version=0): ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stop", [{"updates": 3}, {"until": 9.0}])
def test_a_rule_that_parks_everybody_is_told(stop):
    with pytest.raises(Stalled, match=r"Answers at Ticket\(worker=1, job=1, version=0\): all workers are parked"):
        simulate(Answers(WAIT), Cluster([1.0, 2.0]), **stop)
