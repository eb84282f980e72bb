"""The engine against a plain simulation, tick by tick, of what the words say: all rules, both `stale`, outages.

All times are whole numbers of ticks, so many things happen at one instant, and floats are exact.
"""

import math
from fractions import Fraction
from functools import cache
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asyncsim import Cluster, Stalled, rules, simulate
from asyncsim.cluster import Outage, Phases, Recorded
from asyncsim.cluster.cluster import COLLECTIVES
from asyncsim.engine import drawn_rounds

# ---- rules, from their definitions: `arrived` are (worker, version, job) since the last update, or all of them


def gathered(arrived, version):
    return [ticket for ticket in arrived if ticket[1] == version]


def synchronous(rule, arrived, version, n):
    """Update when every worker has finished so many jobs; who has, waits."""
    done = [sum(ticket[0] == worker for ticket in arrived) for worker in range(n)]
    if min(done) >= rule.jobs_each:
        return [(ticket[2], Fraction(1, len(arrived))) for ticket in arrived], "everybody"
    return [], "nobody" if done[arrived[-1][0]] >= rule.jobs_each else "finisher"


def m_synchronous(rule, arrived, version, n):
    if len({ticket[0] for ticket in arrived}) == rule.participants:
        return [(ticket[2], Fraction(1, rule.participants)) for ticket in arrived], "everybody"
    return [], "nobody"


def rennala(rule, arrived, version, n):
    size = rule.initial_batch_size if version == 0 and rule.initial_batch_size else rule.batch_size
    if len(arrived) == size:
        return [(ticket[2], Fraction(1, size)) for ticket in arrived], "everybody"
    return [], "finisher"


def malenia(rule, arrived, version, n):
    size = rule.initial_batch_size if version == 0 and rule.initial_batch_size else rule.batch_size
    done = [sum(ticket[0] == worker for ticket in arrived) for worker in range(n)]
    if min(done) and 1 / (sum(Fraction(1, count) for count in done) / n) >= Fraction(size, n):
        return [(ticket[2], Fraction(1, n * done[ticket[0]])) for ticket in arrived], "everybody"
    return [], "finisher"


def greedy(rule, arrived, version, n):
    return [(arrived[-1][2], Fraction(1))], "finisher"


def ringmaster(rule, arrived, version, n):
    fresh = version - arrived[-1][1] < rule.max_delay
    return [(arrived[-1][2], Fraction(1))] if fresh else [], "old" if rule.cancel else "finisher"


def fedbuff(rule, arrived, version, n):
    full = len(arrived) == rule.batch_size
    return [(ticket[2], Fraction(1, len(arrived))) for ticket in arrived] if full else [], "finisher"


def deadline(rule, arrived, version, n):
    if len(arrived) == rule.batch_size:
        return [(ticket[2], Fraction(1, rule.batch_size)) for ticket in arrived], "everybody"
    return [], "finisher"


def periodic(rule, arrived, version, n):
    return [], "finisher"


def chosen(rule, version, n):
    """By turns, as many as are started."""
    count = min(rule.batch_size + rule.extra, n)
    return sorted({(version * count + k) % n for k in range(count)})


def over_selection(rule, arrived, version, n):
    own = gathered(arrived, version)
    if arrived[-1] in own and len(own) == rule.batch_size:
        return [(ticket[2], Fraction(1, rule.batch_size)) for ticket in own], chosen(rule, version + 1, n)
    return [], "nobody"


def is_time(rule, now, began):
    """Whether what is there makes an update, now that all that happens at this instant has happened."""
    if isinstance(rule, rules.Deadline):
        return now >= began + rule.seconds
    return isinstance(rule, rules.Periodic) and now % rule.seconds == 0


BY_RULE = {
    rules.Synchronous: synchronous,
    rules.MSynchronous: m_synchronous,
    rules.Rennala: rennala,
    rules.Malenia: malenia,
    rules.Greedy: greedy,
    rules.Ringmaster: ringmaster,
    rules.FedBuff: fedbuff,
    rules.Deadline: deadline,
    rules.Periodic: periodic,
    rules.OverSelection: over_selection,
}


class OverSampling:
    """Whoever finishes joins the queue of those who wait; after an update the first of them start."""

    def __init__(self, rule, n):
        self.idle = [*range(min(rule.batch_size + rule.extra, n), n)]

    def __call__(self, rule, arrived, version, n):
        if len(arrived) < rule.batch_size:
            return [], "nobody"
        self.idle += [ticket[0] for ticket in arrived]
        start, self.idle = self.idle[: rule.batch_size], self.idle[rule.batch_size :]
        return [(ticket[2], Fraction(1, rule.batch_size)) for ticket in arrived], start


class Ringleader:
    """Tables of all workers' jobs: gathered until all have one, then an update at every worker's turn."""

    def __init__(self):
        self.now, self.later, self.moved = [], [], set()

    def __call__(self, rule, arrived, version, n):
        ticket = arrived[-1]
        if ticket[0] in self.moved:
            self.later.append(ticket)
            return [], "finisher"
        self.now.append(ticket)
        by = {worker: [job for who, _, job in self.now if who == worker] for worker in range(n)}
        if not all(by.values()):
            return [], "finisher"
        self.moved.add(ticket[0])
        used = [(job, Fraction(1, n * len(jobs))) for jobs in by.values() for job in jobs]
        if len(self.moved) == n:
            self.now, self.later, self.moved = self.later, [], set()
        return used, "finisher"


# ---- tick by tick


class Worker:
    def __init__(self, work, stops, outages):
        self.work, self.stops, self.outages = work, stops, outages  # stops: its speed is 0 from then on
        self.drawn = 0  # jobs that took time
        self.job = None  # (version, index, start, due)
        self.last = None  # version and index of the last job that took time
        self.stale = self.away = self.wants = False


def tick_by_tick(rule, works, stops, outages, kappas, price, stale, until, updates, server=0):
    """Jobs (worker, version, index, start, finish, outcome); uses (update, worker, start, weight); times; the end.

    server: ticks that it takes for an update.
    """
    n = len(works)
    workers = [Worker(*each) for each in zip(works, stops, outages)]
    decide = BY_RULE.get(type(rule))
    if isinstance(rule, rules.Ringleader):
        decide = Ringleader()
    if isinstance(rule, rules.OverSampling):
        decide = OverSampling(rule, n)
    by_round = rule.communication == "round"
    knows = isinstance(rule, rules.Synchronous | rules.MSynchronous | rules.OverSelection)
    trips = 2 if price == "broadcast+reduce" else 1
    overlap = getattr(rule, "overlap", 0)
    jobs, uses, times, arrived, version, began = [], [], [], [], 0, 0
    pending = None  # an update that communicates: when it is over, what it uses, and who starts after it
    making, made_at = [], None  # updates at the server, as (used, who), and when the first is there
    held, waiting = None, []  # who starts when the server has made enough; gradients that wait for it

    def start(w, now):
        worker = workers[w]
        if worker.away:
            worker.wants = True
            return
        worker.wants = False
        seconds = worker.work[worker.drawn % len(worker.work)]
        due = now + seconds
        if due > worker.stops:
            due = math.inf
        if not by_round:
            due += trips * kappas[w]
        index = worker.last[1] + 1 if worker.last and worker.last[0] == version else 0
        worker.job = (version, index, now, due)

    def finish(w, now, outcome):
        """The job's end; one that took no time was none."""
        worker = workers[w]
        at, index, begun, _ = worker.job
        worker.job = None
        if begun < now:
            worker.drawn += 1
            worker.last = at, index
            jobs.append([w, at, index, begun, now, outcome])

    def restart(who, now):
        for w in who:
            if workers[w].job and stale == "finish":
                workers[w].stale = True
            elif workers[w].job:
                finish(w, now, "cancelled")
            if not workers[w].job:
                start(w, now)

    def closed():
        return pending or held and by_round

    def after(who, now):
        """Those start who start after an update."""
        nonlocal waiting
        rest, finisher = who
        if rest == "old":
            late = {w: workers[w].job[0] for w in range(n) if workers[w].job} | {w: at for w, at, _ in waiting}
            older = [w for w in late if version - late[w] >= rule.max_delay]
            rest = [finisher, *(w for w in older if w != finisher)]
        elif not isinstance(rest, list):
            rest = range(n) if rest == "everybody" else [finisher]
        if len(rest) > 1:
            waiting = [each for each in waiting if each[0] not in rest]
        restart(rest, now)

    def there(used, now):
        """An update is there; whether the run stops."""
        nonlocal version, began
        began = now
        times.append(now)
        for job, weight in used:
            uses.append((version, *jobs[job][:4:3], weight))
            jobs[job][5] = "used"
        version += 1
        return version == updates

    def sent(now):
        """An update's gradients are all at the server."""
        nonlocal pending, held, made_at
        used, who = pending[1:]
        pending = None
        if not server:
            if there(used, now):
                return True
            after(who, now)
            return False
        making.append(used)
        if len(making) == 1:
            made_at = now + server
        if by_round:
            end(who, now)
        held = who if len(making) > overlap else None
        if not held:
            after(who, now)
        return False

    def made(now):
        nonlocal held, made_at
        if there(making.pop(0), now):
            return True
        made_at = now + server if making else None
        if held and len(making) <= overlap:
            who, held = held, None
            after(who, now)
        while waiting and not making:
            if show(waiting.pop(0), now):
                return True
        return False

    def end(who, now):
        """They end what they are at."""
        for other in who[0] if isinstance(who[0], list) else range(n):
            if workers[other].job and stale == "finish":
                workers[other].stale = True
            elif workers[other].job:
                finish(other, now, "cancelled")

    def full(used, who, now):
        """An update's gradients are all there; whether the run stops."""
        nonlocal arrived, pending
        arrived = []
        if not by_round:
            pause = 0
        elif price in ("max", "broadcast+reduce"):
            pause = trips * max(kappas)
        else:  # each sends after its last job, if it knows that this is the last, or else now
            senders = [(jobs[job][0], jobs[job][4]) for job, _ in used]
            early = price == "when_ready" and knows
            pause = max(kappas[who] + (finish if early else now) for who, finish in senders) - now
        pending = now + pause, used, who
        if not pause:
            return sent(now)
        end(who, now)
        return False

    def show(ticket, now):
        """The rule sees a gradient; whether the run stops."""
        arrived.append(ticket)
        used, who = decide(rule, arrived, version + len(making) + (pending is not None), n)
        if used:
            return full(used, (who, ticket[0]), now)
        if who != "nobody":
            start(ticket[0], now)
        return False

    for w in range(n):
        workers[w].away = any(down == 0 for down, _ in outages[w])
        if not isinstance(rule, rules.OverSelection | rules.OverSampling) or w in chosen(rule, 0, n):
            start(w, 0)
    now = 0
    while True:
        now += 1
        if made_at == now and made(now):
            break
        if pending and pending[0] == now and sent(now):
            break
        stopped = False
        for w, worker in enumerate(workers):
            if not worker.job or worker.job[3] != now:
                continue
            at = worker.job[0]
            finish(w, now, "discarded")
            if worker.stale:
                worker.stale = False
                if not closed():
                    start(w, now)
                continue
            ticket = w, at, len(jobs) - 1
            if making and not by_round:
                waiting.append(ticket)
            elif show(ticket, now):
                stopped = True
                break
        if stopped:
            break
        for w, worker in enumerate(workers):
            for down, up in outages[w]:
                if now == up and not any(first == up for first, _ in outages[w]):
                    worker.away = False
                    if worker.wants and not closed():
                        start(w, now)
                if now == down:
                    worker.away = True
                    if worker.job:
                        finish(w, now, "cancelled")
                        worker.stale, worker.wants = False, True
        if arrived and is_time(rule, now, began):
            if full([(job, Fraction(1, len(arrived))) for _, _, job in arrived], ("everybody", None), now):
                break
        if now == until:
            break
    for w, worker in enumerate(workers):
        if worker.job and worker.job[2] < now:
            jobs.append([w, *worker.job[:3], None, "running"])
    return sorted(map(tuple, jobs), key=lambda job: (job[0], job[3])), sorted(uses), times, now


# ---- random fleets

ticks = st.integers(1, 6)
gaps = st.lists(st.integers(0, 4), max_size=6).map(lambda x: x[: len(x) // 2 * 2])
one_in_six, later = st.integers(0, 5).map(lambda x: x == 0), st.integers(0, 5)
ends = st.just(math.inf) | st.just(math.inf) | st.integers(1, 20)
size, first = st.integers(1, 7), st.none() | st.integers(1, 7)
numbers, stales, prices = st.integers(1, 5), st.sampled_from(["cancel", "finish"]), st.sampled_from(COLLECTIVES)


@cache
def of_workers(n):
    """Works, κs and rules for n workers: to build strategies anew takes longer than to draw from them."""
    return (
        st.lists(st.lists(ticks, min_size=1, max_size=3), min_size=n, max_size=n),
        st.just([0] * n) | st.lists(st.integers(0, 3), min_size=n, max_size=n),
        st.one_of(
            st.builds(rules.Synchronous, st.integers(1, 2)),
            st.builds(rules.MSynchronous, st.integers(1, n)),
            st.builds(rules.Rennala, size, first, st.sampled_from(["round", "gradient"])),
            st.builds(rules.Malenia, size, first),
            st.just(rules.Greedy()),
            st.builds(rules.Ringmaster, size, st.booleans()),
            st.just(rules.Ringleader()),
            st.builds(rules.FedBuff, size),
        ),
        st.one_of(
            st.builds(rules.Deadline, size, st.integers(1, 12)),
            st.builds(rules.Periodic, st.integers(1, 9)),
            st.builds(rules.OverSelection, st.integers(1, n), st.integers(0, n)),
            st.builds(rules.OverSampling, st.integers(1, n), st.integers(0, n)),
        ),
    )


@st.composite
def fleets(draw, timed=False):
    """timed: with rules that know the time, and with over-selection, in place of the others."""
    n = draw(numbers)
    works_of, kappas_of, *rules_of = of_workers(n)
    works = draw(works_of)
    away, stops = [], []
    for _ in range(n):
        edges, at = [], 0
        for k, length in enumerate(draw(gaps)):  # gone and back by turns; a gap of 0 makes two that touch
            at += max(length, k % 2)
            edges.append(at)
        spans = [tuple(edges[k : k + 2]) for k in range(0, len(edges), 2)]
        if draw(one_in_six):
            spans.append((at + draw(later), math.inf))
        away.append(spans)
        stops.append(draw(ends))
    return draw(rules_of[timed]), works, stops, away, draw(kappas_of), draw(prices), draw(stales)


def cluster_of(works, stops, away, kappas, price, server=0):
    return Cluster(
        [work[0] if len(work) == 1 else Recorded(tuple(work)) for work in works],
        kappas,
        collective=price,
        transfer="both_ways" if price == "broadcast+reduce" else "round_trip",
        speeds={w: Phases((at,), (0.0,)) for w, at in enumerate(stops) if at < math.inf},
        outages={w: [Outage(*span) for span in spans] for w, spans in enumerate(away) if spans},
        update_seconds=server,
    )


def compared(timeline):
    def rows(frame, *columns):
        return zip(*(frame[column].tolist() for column in columns))  # lists, for pandas is slow with few rows

    jobs = [
        (*job, None if math.isnan(finish) else finish, outcome)
        for *job, finish, outcome in rows(timeline.jobs, "worker", "version", "index", "start", "finish", "outcome")
    ]
    starts = {job[:3]: job[3] for job in jobs}
    uses = [
        (update, worker, starts[worker, *rest], weight)
        for update, worker, *rest, weight in rows(timeline.uses(), "update", "worker", "version", "index", "weight")
    ]
    jobs.sort(key=lambda job: (job[0], job[3]))
    return jobs, sorted(uses), timeline.updates["time"].tolist(), timeline.end


few = dict(deadline=None, suppress_health_check=list(HealthCheck))


def check_words(fleet, until, updates, server=0):
    rule, works, stops, away, kappas, price, stale = fleet
    cluster = cluster_of(works, stops, away, kappas, price, server)
    with patch.object(drawn_rounds, "PAYS", 1):  # what needs no event queue does without one, however small
        timeline = simulate(rule, cluster, until=until, updates=updates, stale=stale)
    jobs, uses, times, end = tick_by_tick(*fleet, until, updates, server)
    assert compared(timeline) == (jobs, [(*use[:3], pytest.approx(float(use[3]))) for use in uses], times, end)
    timeline.verify()


@settings(max_examples=2000, **few)
@given(fleets(), st.integers(1, 40), st.none() | st.integers(1, 12))
def test_the_engine_does_what_the_words_say(fleet, until, updates):
    check_words(fleet, until, updates)


@settings(max_examples=2000, **few)
@given(fleets(timed=True), st.integers(1, 40), st.none() | st.integers(1, 12))
def test_rules_that_know_the_time_do_what_the_words_say(fleet, until, updates):
    check_words(fleet, until, updates)


WAITS = (rules.Rennala(1, None, "gradient"), [[1], [2]], [math.inf] * 2, [[], []], [0, 0], "max", "cancel")


@settings(max_examples=300, **few)
@example(WAITS, 3, 30, 0)  # a gradient that waits for the server is dropped when its worker starts afresh
@given(fleets() | fleets(timed=True), st.integers(1, 5), st.integers(30, 80), later)
def test_a_server_that_takes_time_does_what_the_words_say(fleet, server, until, updates):
    rule, works, stops, away, *rest = fleet
    if isinstance(rule, rules.Ringmaster):
        away = [[] for _ in works]  # who comes back while the server works starts before the rule knows of it
    check_words((rule, works, stops, away, *rest), until, updates or None, server)


@settings(max_examples=150, **few)
@given(fleets(), st.integers(1, 2), st.integers(0, 3), st.integers(1, 5), st.integers(30, 80))
def test_rounds_that_run_ahead_of_the_server_do_what_the_words_say(fleet, jobs_each, overlap, server, until):
    check_words((rules.Synchronous(jobs_each, overlap), *fleet[1:]), until, None, server)


SHORTER = (rules.Synchronous(), [[1, 2, 4], [1], [1]], [7, math.inf, math.inf])


@settings(max_examples=500, **few)
@example(
    (*SHORTER, [[(3, 4), (5, 6)], [], [(0, 1)]], [0, 0, 0], "max", "cancel"), 2
)  # the job after an outage is shorter
@given(fleets(), st.integers(1, 8))
def test_a_run_stalls_only_where_no_update_can_come(fleet, updates):
    rule, works, stops, away, kappas, price, stale = fleet
    *_, times, _ = tick_by_tick(*fleet, 1000, updates)
    try:
        timeline = simulate(rule, cluster_of(works, stops, away, kappas, price), updates=updates, stale=stale)
    except Stalled:
        assert not times
    else:
        assert timeline.updates["time"].tolist() == times
        assert timeline.ending == ("updates" if len(times) == updates else "stalled")
