"""Real training: the same rules and updates, in seconds that pass."""

from concurrent.futures import Future
from queue import SimpleQueue
from types import SimpleNamespace

import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, Quadratic, methods, replay, simulate
from asyncsim.base import Decision, Method
from asyncsim.cluster import Outage
from asyncsim.engine.answers import RuleError
from asyncsim.live import fleet as fleets
from asyncsim.live import fleet_of, train_live
from asyncsim.live.fleet import BACK, LOST, REPLIES, Event
from asyncsim.live.worker import UNBEGUN, Worker

RENNALA, SYNCHRONOUS, AFEDPG = methods.rennala_nigt(4, 0.05), methods.synchronous_nigt(0.05), methods.afedpg(0.05)
EVERY = [RENNALA, SYNCHRONOUS, AFEDPG, methods.malenia_nigt(4, 0.05), methods.deadline_nigt(9, 5.0, 0.05)]
EVERY += [methods.ringleader_pg(0.05), methods.rennala_mvr(4, 0.05)]  # which use gradients again, and others than these
SMALL = Quadratic(dimension=4, noise=0.1)
EVEN = Cluster([1.0, 1.0, 2.0])


class Here:
    """A fleet in this process, whose workers answer in the order in which they are asked.

    dies: of a worker, with which question it dies.
    """

    def __init__(self, workers, dies=()):
        self.workers, self.jobs, self.dies = workers, 0, dict(dies)
        self.asked = [0] * workers

    def begin(self, *beginning):
        self.events, self.beginning = SimpleQueue(), beginning
        self.own = [self.new(worker) for worker in range(self.workers)]

    def new(self, worker):
        made = Worker(worker)
        made.ready(*self.beginning)
        return made

    def put(self, value):
        return value

    def ask(self, worker, life, method, *arguments, answers):
        self.asked[worker] += 1
        if self.dies.get(worker) == self.asked[worker]:
            self.own[worker] = None
        if self.own[worker] is None:
            return self.events.put(Event(LOST, worker, life, answers))
        self.events.put(Event(REPLIES, worker, life, answers, getattr(self.own[worker], method)(*arguments)))

    def tell(self, worker, method, *arguments):
        if self.own[worker] is not None:
            getattr(self.own[worker], method)(*arguments)

    def await_return(self, worker, life):
        self.own[worker] = self.new(worker)
        self.events.put(Event(BACK, worker, life))

    def kill(self, worker, for_good):
        self.own[worker] = None

    def next(self, seconds):
        return self.events.get(timeout=None if seconds is None else 60.0) if not self.events.empty() else None


def replayed(live, method, problem):
    """The parameters of a replay of what really happened."""
    live.timeline.verify()
    history = replay(live.timeline, method, problem, seeds=[3], evaluate_every=5)
    ours, theirs = live.history.to_frame(), history.to_frame()
    exact = ["method", "seed", "update", "time", "gradients", "env_steps", "communications"]
    assert ours[exact].equals(theirs[exact])
    return history.params


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.name)
def test_a_real_run_is_replayed_to_the_same_parameters(method):
    live = train_live(method, EVEN, SMALL, seed=3, updates=8, scale=1e-4, evaluate_every=5, fleet=Here(3))
    assert len(live.timeline.updates) == 8 and live.timeline.ending == "updates"
    np.testing.assert_allclose(live.history.params, replayed(live, method, SMALL), rtol=1e-9)


@pytest.mark.parametrize("method", [RENNALA, SYNCHRONOUS, AFEDPG], ids=lambda method: method.name)
def test_a_worker_that_dies_is_an_outage_and_what_it_kept_is_computed_again(method):
    said, fleet = [], Here(3, dies={1: 3, 0: 4})
    live = train_live(method, EVEN, SMALL, seed=3, updates=14, scale=1e-4, fleet=fleet, say=said.append)
    assert len(live.timeline.updates) == 14 and live.timeline.counts()["cancelled"] >= 1
    assert {worker for worker, _ in live.timeline.cluster.outages} >= {1}
    assert any("worker 1 died after" in line for line in said) and any("worker 1 is back" in line for line in said)
    assert any("Synchronous waits for worker" in line for line in said) == (method.name == "synchronous_nigt")
    live.timeline.verify()
    history = replay(live.timeline, method, SMALL, seeds=[3])
    np.testing.assert_allclose(live.history.params, history.params, rtol=1e-9)


def test_who_leaves_for_good_ends_the_run_of_who_waits_for_him():
    cluster = Cluster([1.0, 1.0], outages={1: Outage(0.5)})
    live = train_live(SYNCHRONOUS, cluster, SMALL, updates=1000000, scale=0.05, fleet=Here(2))
    assert live.timeline.ending == "stalled" and live.timeline.cluster.outages[0][1][0].up == np.inf


def test_a_run_stops_when_its_time_is_over():
    live = train_live(RENNALA, Cluster([1.0, np.inf]), SMALL, until=20.0, scale=0.005, fleet=Here(2))
    assert live.timeline.ending == "until" and 0.1 <= live.timeline.end < 10
    assert set(live.timeline.jobs["worker"][live.timeline.jobs["outcome"] == "used"]) == {0}


def test_a_cancelled_job_ends_while_it_waits():
    worker = Worker(0)
    worker.cancel(7)
    assert worker.work(np.zeros(4), 0, 0, 0, 7, 1e9, True) is None  # and would have waited for years


class Hasty:
    """Wants an update while the one before is still being summed."""

    communication = "round"

    def empty(self, workers):
        return []

    def receive(self, held, ticket, clock):
        return held, Decision(use=[ticket.job], start=())


def test_an_update_has_to_wait_for_the_one_before():
    with pytest.raises(RuleError, match="still being summed: hold them"):
        train_live(Method("hasty", Hasty(), RENNALA.update), EVEN, SMALL, updates=3, scale=1e-6, fleet=Here(3))


@pytest.mark.parametrize(
    "options, line",
    [
        ({}, "no stop condition"),
        ({"updates": 1, "scale": 0.0}, "scale=0.0 is no number of real seconds"),
        ({"updates": 1, "fleet": Here(2)}, "fleet has 2 workers, the cluster 3: give as many"),
        ({"updates": 1, "evaluate_every": 0}, "evaluate_every=0 is no count"),
    ],
)
def test_arguments_that_do_not_fit(options, line):
    with pytest.raises(ValueError, match=line):
        train_live(RENNALA, EVEN, SMALL, **options)


@pytest.mark.parametrize(
    "method, cluster, line",
    [
        (RENNALA, Cluster([1.0, 1.0], update_seconds=2.0), r"cluster.update_seconds=2.0 is simulated only"),
        (RENNALA, Cluster([1.0, 1.0], slot_speeds=(1.0, 0.5)), r"cluster.slot_speeds=\(1.0, 0.5\) is simulated only"),
        (methods.one_step_off_pg(0.1), Cluster([1.0, 1.0]), r"one_step_off_pg goes on .* \(overlap=1\)"),
        (methods.paced_pg(2, 1, 0.1), Cluster([1.0, 1.0]), r"paced_pg goes on while the server works"),
    ],
)
def test_what_is_simulated_alone_is_refused(method, cluster, line):
    with pytest.raises(ValueError, match=line):
        train_live(method, cluster, SMALL, updates=1)


def test_who_is_awaited_by_a_run_that_is_over_does_not_come_back_in_the_next(monkeypatch):
    asked, timers = [], []

    class Timer:
        def __init__(self, seconds, function, arguments):
            timers.append(lambda: function(*arguments))

        def start(self):
            pass

    class Ready:
        def remote(self, *_):
            asked.append(Future())
            return SimpleNamespace(future=lambda: asked[-1])

    monkeypatch.setattr(fleets, "Timer", Timer)
    ray = SimpleNamespace(
        exceptions=SimpleNamespace(RayActorError=KeyError),
        remote=lambda **_: lambda _: SimpleNamespace(remote=lambda _: SimpleNamespace(ready=Ready())),
    )
    fleet = fleets.Fleet(ray, 1)
    fleet._beginning = ()
    fleet.await_return(0, 1)
    asked[-1].set_exception(KeyError())  # it is not there yet
    timers[-1]()
    assert len(asked) == 2
    asked[-1].set_exception(KeyError())
    fleet._events = SimpleQueue()  # as the next run has them
    timers[-1]()
    assert len(asked) == 2 and fleet.next(0.0) is None


def test_a_process_that_was_started_again_says_that_it_knows_no_problem():
    fresh = Worker(0)
    assert fresh.work(np.zeros(2), 0, 0, 0, 0, 0.0, False) == UNBEGUN == fresh.reduce([(0, 0)], [1.0], [], 0)
    future = Future()
    actor = SimpleNamespace(work=SimpleNamespace(remote=lambda: SimpleNamespace(future=lambda: future)))
    died = SimpleNamespace(RayActorError=KeyError)
    ray = SimpleNamespace(exceptions=died, remote=lambda **_: lambda _: SimpleNamespace(remote=lambda _: actor))
    fleet = fleets.Fleet(ray, 1)
    fleet.ask(0, 3, "work", answers=print)
    future.set_result(UNBEGUN)
    assert fleet.next(0.0) == Event(LOST, 0, 3, print)


@pytest.mark.slow
def test_four_real_workers_train_cartpole_and_one_is_killed(ray_cluster):
    """As well as simulated ones do, whichever of their gradients are used."""
    cartpole, method = PolicyGradient("CartPole-v1", horizon=30, discount=0.99), methods.rennala_nigt(6, 0.1)
    cluster = Cluster([1.0, 1.0, 1.0, 3.0], outages={1: Outage(4.0, 4.1)})
    run = {"updates": 30, "scale": 0.02, "evaluate_every": 20}
    with fleet_of(4) as fleet:
        live = train_live(method, cluster, cartpole, seed=3, fleet=fleet, **run)
        live.timeline.verify()
        quadratic = train_live(AFEDPG, cluster.slowed(0.1), SMALL, seed=3, updates=20, fleet=fleet, scale=0.02)
    assert [worker for worker, _ in live.timeline.cluster.outages] == [1]
    assert {0, 2, 3} <= set(live.timeline.jobs["worker"][live.timeline.jobs["outcome"] == "used"])
    simulated = replay(
        simulate(method, Cluster([1.0, 1.0, 1.0, 3.0]), updates=30), method, cartpole, seeds=range(5), evaluate_every=20
    )
    returns = simulated.to_frame().groupby("seed")["eval_return"].last()
    assert live.history.to_frame()["eval_return"].iloc[-1] > returns.min() - 2 * returns.std()
    history = replay(quadratic.timeline, AFEDPG, SMALL, seeds=[3])
    np.testing.assert_allclose(quadratic.history.params, history.params, rtol=1e-9)
