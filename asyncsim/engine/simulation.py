"""`simulate`: a rule on a cluster gives a timeline, event by event or, where that is possible, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from ..base import Method, Rule
from ..cluster import Cluster
from ..timeline import Timeline
from . import closed_form
from .events import Run
from .log import Coupling
from .memory import check_memory, check_update
from .tallying import Tallier, Tally


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
    watch: Callable[[Callable[[], tuple[int, float]]], object] | None = None,
) -> Timeline:
    """Run the method's rule on the cluster until the first stop condition is met. (notebooks/science.md, Timing)

    updates: stop after this many updates. until: stop at this simulated second (what is due then still happens).
    gradients: stop at the update with which this many gradients have been used.
    seed: of random compute times, speeds and networks; a worker's k-th job takes as long under every method.
    stale: what a worker does whose point has been overtaken: ``"cancel"``, it takes the new point at once;
        ``"finish"``, it finishes the job, the result is ignored, then it takes the newest point.
    coupling: samples trajectories as jobs start; ``cluster.compute`` is then seconds per environment step, ḣ_i.
        Otherwise a method's job takes `Method.work` times h_i, and `Timeline.cluster` has these longer times.
    watch: called before a run event by event, with what tells, from any thread, how many jobs have ended, and the time.
    events: run the engine event by event also where `closed_form` gives the same timeline, which uses the theory.

    Jobs that end at the same time are handled in the order of their workers. Where nobody is left to wait for in the
    middle of a run (a worker left for good), it ends there: ``Timeline.ending`` is ``"stalled"``.
    Raises ValueError for bad arguments, and for so many jobs that their record would not fit in the free memory;
    Stalled for a condition that can never be met from the start.

    >>> from asyncsim import Cluster, rules
    >>> timeline = simulate(rules.Rennala(batch_size=20), Cluster([1.0, 10.0]), updates=1)
    >>> timeline.end, timeline.counts()["used"], timeline.counts()["running"]
    (19.0, 20, 1)
    """
    rule = method.rule if isinstance(method, Method) else method
    if isinstance(method, Method) and coupling is None:  # which counts steps instead
        cluster = cluster.slowed(method.work)
    _check(updates, until, gradients, stale)
    check_memory(rule, cluster, updates, None if coupling else until, gradients)
    found = None
    if not events and stale == "cancel" and coupling is None and closed_form.applies(rule, cluster, until):
        found = closed_form.run(rule, cluster, seed, updates, until, gradients)
    if found is None:
        run = Run(rule, cluster, seed, stale, coupling)
        (watch or id)(lambda: (run.log.count, float(run.calendar.now)))
        found = run.go(updates, until, gradients)
    log, end, ending = found
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


def check_start(method: Method | Rule, cluster: Cluster, stale: Literal["cancel", "finish"], **options: Any) -> None:
    """Raise what `simulate` would, but for want of memory; a run that is known not to stall is not computed.

    options: as of `simulate`. It is known where `closed_form` knows the rule and somebody is always left to wait for.
    """
    rule = method.rule if isinstance(method, Method) else method
    updates, until, gradients = (options.get(key) for key in ("updates", "until", "gradients"))
    _check(updates, until, gradients, stale)
    if stale == "finish" or not closed_form.applies(rule, cluster, until):
        simulate(method, cluster, stale=stale, **options)


def tally(
    method: Method | Rule,
    cluster: Cluster,
    *,
    updates: int | None = None,
    until: float | None = None,
    seed: int = 0,
    stale: Literal["cancel", "finish"] = "cancel",
    watch: Callable[[Callable[[], tuple[int, float]]], object] | None = None,
) -> Tally:
    """Run as `simulate` does, event by event, but write down updates only, and at most 2^20 of them, in equal steps.

    Arguments and errors are those of `simulate`. Raises ValueError, too, for a rule with rounds on a cluster whose
    ``collective`` has those send alone who hold a used gradient, since who they are is not written down; and for
    updates of so many gradients that they would not fit in the free memory.

    >>> from asyncsim import Cluster, rules
    >>> tally(rules.Rennala(batch_size=20), Cluster([1.0, 10.0]), updates=5).finished
    100
    """
    rule = method.rule if isinstance(method, Method) else method
    if isinstance(method, Method):
        cluster = cluster.slowed(method.work)
    _check(updates, until, None, stale)
    by_round = rule.communication == "round"
    if by_round and cluster.senders_alone:
        raise ValueError(f"collective={cluster.collective!r} needs all jobs: give 'max', or use simulate")
    check_update(rule, cluster, until)
    run = Run(rule, cluster, seed, stale, None, Tallier(by_round or cluster.update_seconds > 0))
    (watch or id)(lambda: (run.log.count, float(run.calendar.now)))
    found, end, ending = run.go(updates, until, None)
    return Tally(getattr(method, "name", type(rule).__name__.lower()), **found, end=end, ending=ending)


def compare(methods: Sequence[Method], cluster: Cluster, **options: Any) -> dict[str, Timeline]:
    """The same worker times under every method: what would have happened, by the methods' names.

    options: as of `simulate`. A worker's k-th job takes the same seconds under each, be they recorded or random, but
    for the methods' ``work``.
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
