"""The engine: runs a rule on a cluster in simulated time. The only file that imports SimPy.

Where times are fixed and the rule is simple, `closed_form` gives the same timeline and is used instead.

Times of equal jobs in a row are (start of the row) + k · h_i, not h_i added up, and are put on SimPy's queue as they
are: so a k-th arrival is exactly the k-th multiple, ties are real ties, and closed forms hold to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from heapq import heappush
from itertools import repeat
from numbers import Real
from typing import Any, Literal, Protocol

import simpy

from ..base import Clock, Method, Rule, Ticket
from ..cluster import Cluster, ComputeTime, Jitter, ParameterServer, stream
from ..timeline import Timeline
from . import closed_form
from .log import Log, Used


class Stalled(ValueError):
    """The stop condition can never be met: nobody is left to wait for."""


class RuleError(ValueError):
    """A rule's answer to a ticket makes no sense: the line names the rule, the ticket, and what would do."""


class Coupling(Protocol):
    """Samples trajectories while the engine runs, where how long a job takes depends on its own."""

    def steps(self, worker: int, version: int, index: int) -> int:
        """Environment steps of this job, which takes as many times ``cluster.compute[worker]`` seconds."""

    def update(self, jobs: Sequence[Used], alive: Collection[tuple[int, int, int]]) -> None:
        """The next update is made, of these. alive: (worker, version, index) of jobs that later ones may still use."""


def simulate(
    method: Method | Rule,
    cluster: Cluster,
    *,
    updates: int | None = None,
    until: float | None = None,
    gradients: int | None = None,
    seed: int = 0,
    stale: Literal["cancel", "finish"] = "cancel",
    coupling: Coupling | None = None,
    events: bool = False,
) -> Timeline:
    """Run the method's rule on the cluster until the first stop condition is met. (The specification's section 3)

    updates: stop after this many updates. until: stop at this simulated second (what is due then still happens).
    gradients: stop at the update with which this many gradients have been used.
    seed: of random compute times, speeds and networks; a worker's k-th job takes as long under every method.
    stale: what a worker does whose point has been overtaken: ``"cancel"``, it takes the new point at once;
        ``"finish"``, it finishes the job, the result is ignored, then it takes the newest point.
    coupling: samples trajectories as jobs start; ``cluster.compute`` is then seconds per environment step, ḣ_i.
    events: run the engine event by event also where `closed_form` gives the same timeline, which uses the theory.

    Jobs that end at the same time are handled in the order of their workers. Where nobody is left to wait for in the
    middle of a run (a worker left for good), it ends there: ``Timeline.ending`` is ``"stalled"``.
    Raises ValueError for bad arguments, Stalled for a condition that can never be met from the start.

    >>> from asyncsim import Cluster, rules
    >>> timeline = simulate(rules.Rennala(batch_size=20), Cluster([1.0, 10.0]), updates=1)
    >>> timeline.end, timeline.counts()["used"], timeline.counts()["running"]
    (19.0, 20, 1)
    """
    rule = method.rule if isinstance(method, Method) else method
    _check(updates, until, gradients, stale)
    if not events and stale == "cancel" and coupling is None and closed_form.applies(rule, cluster, until):
        log, end, ending = closed_form.run(rule, cluster, updates, until, gradients)
    else:
        log, end, ending = _engine(rule, cluster, updates, until, gradients, seed, stale, coupling)
    by_round = rule.communication == "round"
    return Timeline(
        method=getattr(method, "name", type(rule).__name__.lower()),
        cluster=cluster,
        stale=stale,
        seed=seed,
        communication=rule.communication,
        coupled=coupling is not None,
        end=end,
        ending=ending,
        **log.frames(cluster.communications_per_round if by_round else cluster.communications_per_gradient, by_round),
    )


def _engine(
    rule: Rule,
    cluster: Cluster,
    updates: int | None,
    until: float | None,
    gradients: int | None,
    seed: int,
    stale: Literal["cancel", "finish"],
    coupling: Coupling | None,
) -> tuple[Log, float, str]:
    """What happened, when it stopped, and why."""
    n = cluster.workers
    workers = range(n)
    by_round = rule.communication == "round"
    together = by_round and stale == "cancel"  # everybody takes a new point at once
    courses = {worker: speed.realise(stream(seed, worker, 1)) for worker, speed in cluster.speeds}
    works = [
        time if isinstance(time, float) else _draws(time, stream(seed, i)) for i, time in enumerate(cluster.compute)
    ]
    seconds = [  # of equal jobs, communication included
        work if isinstance(work, float) and worker not in courses else math.nan for worker, work in enumerate(works)
    ]
    sending = [0.0] * n if by_round else list(cluster.gradient_communication)
    if coupling is None:
        seconds = [h + kappa for h, kappa in zip(seconds, sending)]
    trips = cluster.communications_per_round if by_round else cluster.communications_per_gradient
    jitters = [repeat(0.0)] * n
    if isinstance(cluster.communication, Jitter):
        jitters = [_draws(cluster.communication, stream(seed, worker, 2)) for worker in ([n] if by_round else workers)]
        if not by_round:
            seconds = [math.nan] * n
    queues = not by_round and isinstance(cluster.network, ParameterServer)
    if queues:
        seconds = [math.nan] * n

    log = Log()
    ended, ticket = log.worker, partial(tuple.__new__, Ticket)  # as Ticket._make, in half the time
    add_worker, add_version, add_index = log.worker.append, log.version.append, log.index.append
    add_start, add_finish, add_computed = log.start.append, log.finish.append, log.computed.append
    add_rows, add_used, add_size, add_weight = (each.append for each in (log.rows, log.used, log.sizes, log.weights))

    env = simpy.Environment()
    # What each worker is at. A worker's timer may be due earlier than its job (the job it was set for was cancelled):
    # it is then set again when it goes off, so the queue holds few entries per worker, however many jobs are cancelled.
    busy, overtaken = [False] * n, [False] * n  # overtaken: finishes a stale job
    away, waiting = [False] * n, [False] * n  # waiting: is to start a job when it is back
    version_of, index_of = [-1] * n, [0] * n
    start_of, computed_at, due = [0.0] * n, [0.0] * n, [math.inf] * n
    base, streak = [0.0] * n, [0] * n  # `streak` jobs one after another since `base`
    length_of = [0.0] * n  # seconds of the last job, where couplings decide
    drawn, kept = [(0.0, 0.0)] * n, [False] * n  # work and jitter of the last job; kept for the next one
    timer, timer_time, armed = [simpy.Event(env) for _ in workers], [math.inf] * n, [False] * n
    gone = [worker for worker in workers if seconds[worker] == math.inf]  # will never finish a job again

    # SimPy schedules by delay, and now + (due - now) may miss due by a rounding: so its queue is filled directly.
    queue, ids = env._queue, env._eid
    link = simpy.Resource(env) if queues else None
    stop = env.event()
    version, used, pending = 0, 0, False  # pending: an update waits for its communication
    distinct = set()  # jobs that were used, where it must be known
    held, clock, receive = rule.empty(n), Clock(0, workers, version_of), rule.receive

    # Jobs of the same length, one after another, at a worker that is always there.
    steady = [coupling is None and h == h for h in seconds]
    for worker, _ in cluster.outages:
        steady[worker] = False

    def push(time, priority, callback, value=None):
        event = simpy.Event(env)
        event._ok, event._value = True, value
        event.callbacks = [callback]
        heappush(queue, (time, priority, next(ids), event))
        return event

    def late(worker):
        """Jitter of a worker's next communications; rounds have one stream."""
        return sum(next(jitters[worker]) for _ in range(trips))

    def begin(worker, now):
        """Start a job at the current version."""
        if away[worker]:
            waiting[worker] = True
            return
        waiting[worker] = False
        fresh = version_of[worker] != version
        index_of[worker] = 0 if fresh else index_of[worker] + 1
        version_of[worker] = version
        busy[worker], start_of[worker] = True, now
        length, steps = seconds[worker], 1
        if coupling is not None:
            steps = coupling.steps(worker, version, index_of[worker])
            length = length * steps + sending[worker]
            if length != length_of[worker]:
                length_of[worker], due[worker] = length, math.inf  # a new row of equal jobs
        if length == length:  # not NaN: a fixed time
            if due[worker] != now or (fresh and together):  # a round's jobs are counted from its start
                base[worker], streak[worker] = now, 0
            streak[worker] += 1
            due[worker] = base[worker] + streak[worker] * length
            computed_at[worker] = due[worker] - sending[worker]
        else:
            if not kept[worker]:
                work = works[worker]
                drawn[worker] = (
                    work if isinstance(work, float) else next(work),
                    0.0 if by_round or queues else late(worker),
                )
            kept[worker] = False
            work, jitter = drawn[worker]
            work *= steps
            computed_at[worker] = courses[worker].finish(now, work) if worker in courses else now + work
            due[worker] = computed_at[worker]
            if not queues:
                due[worker] += sending[worker] + jitter
        if due[worker] == math.inf:
            leave(worker)  # its speed is 0 for good
        elif not armed[worker] or due[worker] < timer_time[worker]:
            arm(worker)

    def arm(worker):
        """Set a worker's timer to when its job is due."""
        timer_time[worker] = due[worker]
        if armed[worker]:  # due earlier than the timer in the queue, which will be passed over
            timer[worker] = push(due[worker], 2 + worker, on_timer, worker)
        else:
            event, armed[worker] = timer[worker], True
            event.callbacks = callbacks
            heappush(queue, (due[worker], 2 + worker, next(ids), event))

    def end(worker, now):
        """Record the end of a worker's job; return the job's row."""
        busy[worker] = False
        add_worker(worker)
        add_version(version_of[worker])
        add_index(index_of[worker])
        add_start(start_of[worker])
        add_finish(now)
        if not by_round:
            add_computed(computed_at[worker] if computed_at[worker] <= env._now else now)
        return len(log.worker) - 1

    def on_timer(event):
        worker = event._value
        if event is not timer[worker]:
            return  # replaced by an earlier one
        armed[worker] = False
        now = env._now
        if due[worker] != now:
            if busy[worker] and due[worker] < math.inf:
                arm(worker)
        elif queues:
            env.process(send(worker, start_of[worker]))
        else:
            arrive(worker, now)

    def send(worker, start):
        """A gradient's way through the server's link."""
        for _ in range(trips):
            with link.request() as turn:
                yield turn
                yield env.timeout(cluster.network.service_seconds)
        yield env.timeout(trips * cluster.network.latency + late(worker))
        if busy[worker] and start_of[worker] == start:  # neither cancelled nor lost
            arrive(worker, env.now)

    def arrive(worker, now):
        nonlocal held
        asked, job = version_of[worker], len(ended)
        add_worker(worker)
        add_version(asked)
        add_index(index_of[worker])
        add_start(start_of[worker])
        add_finish(now)
        if not by_round:
            add_computed(computed_at[worker])
        busy[worker] = False
        if overtaken[worker]:
            overtaken[worker] = False
            if not pending:
                begin(worker, now)
            return
        try:
            held, (use, shares, start) = receive(held, ticket((worker, job, asked)), clock)
        except Exception as error:
            raise RuleError(_answered(rule, worker, job, asked, f"{type(error).__name__}: {error}", GIVE)) from error
        if use is not None or start is not None:
            check_answer(worker, job, asked, use, shares, start)
        if use is None and not by_round:
            add_rows(job + 1)
            add_used(job)
            add_size(1)
            add_weight(shares)
            if not advance(1):
                return
        elif use is None or use:
            collect((job,) if use is None else use, shares, (worker,) if start is None else start, now)
            return
        if start is not None:
            restart(start, now)
        elif steady[worker]:
            # What `begin` comes to, in few words, for most jobs of most runs.
            if asked == version:
                index_of[worker] += 1
            else:
                version_of[worker], index_of[worker] = version, 0
            busy[worker], start_of[worker] = True, now
            streak[worker] = k = streak[worker] + 1
            due[worker] = timer_time[worker] = time = base[worker] + k * seconds[worker]
            computed_at[worker] = time - sending[worker]
            event, armed[worker] = timer[worker], True
            event.callbacks = callbacks
            heappush(queue, (time, 2 + worker, next(ids), event))
        else:
            begin(worker, now)
        if gone and use is None:
            check_stalled()

    def check_answer(worker, job, asked, use, shares, start):
        """What a rule of one's own may get wrong. Raises RuleError."""
        broken = ""
        for key, given, known, what in (
            ("use", use, range(len(ended)), "finished job"),
            ("start", start, workers, "worker"),
        ):
            try:
                for each in () if given is None or given is workers else given:
                    if each not in known:
                        broken = broken or f"{key} has {each!r}, which is no {what}: give some of 0 to {len(known) - 1}"
            except TypeError:
                broken = broken or f"{key}={given!r} is not a list: give the numbers of one {what} after another"
        if not broken and use:
            if len(set(use)) < len(use):
                broken = f"use={list(use)!r} has a job twice: give each once"
            elif not isinstance(shares, Real) and len(shares) != len(use):
                broken = f"weights has {len(shares)} values for {len(use)} jobs: give one number, or as many"
        if broken:
            raise RuleError(_answered(rule, worker, job, asked, broken))

    def restart(starters, now):
        for worker in starters:
            if busy[worker]:
                overtake(worker, now)
            if not busy[worker]:
                begin(worker, now)

    def overtake(worker, now):
        """A busy worker is to take a newer point."""
        if stale == "finish":
            overtaken[worker] = True
        else:
            cancel(worker, now)

    def cancel(worker, now):
        if start_of[worker] < now:
            log.cancelled.append(end(worker, now))
            due[worker] = math.inf
            return
        # A job that takes no time is no job: as if it had not been started.
        busy[worker], due[worker], kept[worker] = False, now, True
        index_of[worker] -= 1
        streak[worker] -= 1

    def leave(worker):
        """This worker will never finish a job again."""
        if worker not in gone:
            gone.append(worker)
            check_stalled()

    def collect(use, shares, start, now):
        """A round is full: stale jobs end, and the update follows after its communication."""
        nonlocal pending
        log.collect(use, shares)
        pause = cluster.round_communication + late(0) if by_round else 0.0
        if pause:
            for worker in start:
                if busy[worker]:
                    overtake(worker, now)
            pending = True
            push(now + pause, 0, lambda event: apply(use, start, event.env.now))
        else:
            apply(use, start, now)

    def apply(use, start, now):
        nonlocal pending
        pending = False
        if by_round:
            log.time.append(now)
        once = len(use)
        if gradients is not None:  # of which some may have been in an update before
            once = len(distinct.union(use)) - len(distinct)
            distinct.update(use)
        if advance(once):
            restart(start, now)
            if gone:
                check_stalled()

    def advance(gradients_used):
        """To the next version; return whether the run goes on."""
        nonlocal version, used
        clock.version = version = version + 1
        used += gradients_used
        if coupling is not None:
            rows = [(log.worker[row], log.version[row], log.index[row]) for row in rule.holds(held)]
            coupling.update(log.last(), rows + [(i, version_of[i], index_of[i]) for i in workers if busy[i]])
        if version == updates:
            stop.succeed("updates")  # ahead of every job that ends at this same instant
        elif gradients is not None and used >= gradients:
            stop.succeed("gradients")
        else:
            return True
        return False

    def check_stalled():
        if until is None and not stop.triggered and not pending:
            if rule.missing(held, gone, clock):
                stop.succeed("stalled")

    def on_down(event):
        worker, outage = event._value
        away[worker] = True
        if busy[worker]:
            cancel(worker, env.now)
            overtaken[worker], waiting[worker] = False, True
        if outage.up == math.inf:
            leave(worker)

    def on_up(event):
        worker = event._value
        away[worker] = False
        if waiting[worker] and not pending:
            begin(worker, env.now)

    for worker, outages in cluster.outages:
        for outage in outages:
            if outage.down == 0:
                away[worker] = True
                if outage.up == math.inf and worker not in gone:
                    gone.append(worker)
            else:  # after the jobs that end at this instant: they are whole
                push(outage.down, 2 + n + worker, on_down, (worker, outage))
            if outage.up < math.inf:
                push(outage.up, 2 + n + worker, on_up, worker)
    missing = rule.missing(held, gone, clock) if gone and until is None else ()
    if missing:
        raise Stalled(_never(rule, cluster, missing, "updates" if updates else "gradients"))
    callbacks = [on_timer]
    for worker in workers:
        timer[worker]._ok, timer[worker]._value = True, worker
        begin(worker, 0.0)
    if until is not None:
        push(until, math.inf, lambda event: stop.succeed("until"))
    try:
        ending = env.run(until=stop)
    except RuntimeError:
        if queue or stop.triggered:
            raise
        ending = "stalled"  # nobody computes, and nothing will happen any more
    if ending in ("stalled", "until") and not (any(busy) or any(away) or gone or pending):
        last = ended[-1], len(ended) - 1, log.version[-1]
        raise Stalled(_answered(rule, *last, "all workers are parked and no update is made", "start somebody"))

    for worker in workers:
        if busy[worker] and start_of[worker] < env.now:
            log.running.append(end(worker, math.nan))
    return log, float(env.now), ending


def compare(methods: Sequence[Method], cluster: Cluster, **options: Any) -> dict[str, Timeline]:
    """The same worker times under every method: what would have happened, by the methods' names.

    options: as of `simulate`. A worker's k-th job takes the same seconds under each, be they recorded or random.
    Raises ValueError where two methods have one name.

    >>> from asyncsim import Cluster, methods
    >>> from asyncsim.cluster import Recorded
    >>> cluster = Cluster([Recorded((1.0, 2.0, 1.0)), Recorded((9.0, 3.0))], communication=0.5)
    >>> timelines = compare([methods.synchronous_nigt(0.1), methods.rennala_nigt(4, 0.1)], cluster, until=60.0)
    >>> {name: len(timeline.updates) for name, timeline in timelines.items()}
    {'synchronous_nigt': 8, 'rennala_nigt': 13}
    """
    names = [method.name for method in methods]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"methods has {name!r} twice: give dataclasses.replace(method, name=...) another one")
    return {method.name: simulate(method, cluster, **options) for method in methods}


def _draws(time: ComputeTime | Jitter, rng) -> Iterator[float]:
    """Draws one after another; drawn in ever larger portions."""
    done, portion = 0, 16
    while True:
        yield from time.draw(rng, portion, done).tolist()
        done, portion = done + portion, min(2 * portion, 4096)


def _check(updates, until, gradients, stale) -> None:
    if updates is None and until is None and gradients is None:
        raise ValueError("no stop condition: give updates=, until= or gradients=")
    for key, value in (("updates", updates), ("gradients", gradients)):
        if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
            raise ValueError(f"{key}={value!r} is no stop condition: give an integer >= 1")
    if until is not None and not 0 < until < math.inf:
        raise ValueError(f"until={until!r} is no stop condition: give finite seconds > 0")
    if stale not in ("cancel", "finish"):
        raise ValueError(f"stale={stale!r} is unknown: give 'cancel' or 'finish'")


GIVE = "return (what is held from now on, a Decision)"


def _answered(rule: Rule, worker: int, job: int, version: int, what: str, give: str = "") -> str:
    """A line about a rule's answer to a ticket."""
    return f"{type(rule).__name__} at {Ticket(worker, job, version)}: {what}{give and ': '}{give}"


def _never(rule, cluster, missing, key) -> str:
    who = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
    why = f"compute[{who}]=inf" if cluster.compute[missing[0]] == math.inf else f"outages of worker {who} never end"
    return (
        f"{why}: {type(rule).__name__} waits for worker {who} and {key}= can never be met; "
        "give finite seconds, or until="
    )
