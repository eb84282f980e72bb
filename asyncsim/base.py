"""START HERE: the vocabulary of the package, and the interfaces of rules, updates and problems.

A *method* is a rule and an update. A *cluster* is compute times and a network. `simulate` runs the rule on the
cluster and returns a timeline; `replay` computes the gradients of a timeline on a problem and returns a history.

This module is plain Python: simulation imports it without JAX, and replay without SimPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

Array = Any  # a jax.Array (or, in tests, a NumPy array) of the stated shape


class Ticket(NamedTuple):
    """A finished job, as a rule sees it: never the gradient itself."""

    worker: int
    job: int  # row of `Timeline.jobs`
    version: int  # v: how many updates had been applied when the job was started


class Decision(NamedTuple):
    """A rule's answer to one ticket, or when it is woken.

    A worker in ``start`` that is at work drops its job. The ticket's worker waits if it is not in ``start``.
    """

    use: Sequence[int] = ()  # jobs that make an update now; empty: no update
    weights: Sequence[float] | float = 1.0  # one weight per used job, or one for all
    start: Sequence[int] = ()  # workers that start a new job
    wake: float | None = None  # the second at which to be asked again, by the rule's method ``woken``


class Answer(Enum):
    """The decisions that most tickets get, by name."""

    AGAIN = "no update yet, and the ticket's worker starts another job"
    ALONE = "the ticket's job is an update by itself, and its worker starts another job"
    WAIT = "no update yet, and the ticket's worker waits for the next one"

    def decision(self, ticket: Ticket) -> Decision:
        """What it says of this ticket."""
        use = (ticket.job,) if self is Answer.ALONE else ()
        return Decision(use, start=() if self is Answer.WAIT else (ticket.worker,))


AGAIN, ALONE, WAIT = Answer


@dataclass(slots=True)
class Clock:
    """What a rule may know of the run besides its tickets. The engine keeps it up to date; rules only read it.

    ``began`` is kept where communication is by the round, or the rule has a method ``woken``.
    """

    version: int  # updates applied so far
    workers: range  # all workers, 0 .. n-1
    asked: Sequence[int] = ()  # the version at which each worker's newest job was started, shape (workers,)
    time: Callable[[], float] = float  # what ``now`` is read from; of a clock that nobody runs it is 0
    began: float = 0.0  # the second at which the newest version was there

    @property
    def now(self) -> float:
        """The simulated second."""
        return self.time()


class Rule(Protocol):
    """Which finished jobs make an update, and which workers start a new job.

    ``communication`` says what is charged: ``"round"``, one collective per update (collecting methods), or
    ``"gradient"``, the communication of every single gradient (greedy methods).
    """

    @property
    def communication(self) -> Literal["round", "gradient"]:
        """What is charged."""

    def empty(self, workers: int) -> Any:
        """The rule's state before the first ticket. The engine keeps it; ``receive`` may change it in place."""

    def receive(self, held: Any, ticket: Ticket, clock: Clock) -> tuple[Any, Decision | Answer]:
        """Take one ticket; return the new state, and the decision."""


class TimedRule(Rule, Protocol):
    """A rule that may answer ``Decision(wake=second)``."""

    def woken(self, held: Any, clock: Clock) -> tuple[Any, Decision]:
        """It is that second, and its tickets were shown; return as `receive` does. There may be nothing left to do."""


def starts(rule: Rule, workers: int) -> Sequence[int]:
    """Which workers start a job at second 0: all, unless a rule says otherwise in a method ``starts(workers)``."""
    own = getattr(rule, "starts", None)
    return range(workers) if own is None else own(workers)


def missing(rule: Rule, held: Any, gone: Sequence[int], clock: Clock) -> Sequence[int]:
    """Of the workers ``gone``, which will never finish a job again, those without whom there can be no update.

    Empty: the others can go on without them. A rule that waits for certain workers says so in a method ``missing(held,
    gone, clock)``; under others, updates go on as long as anybody is left.
    """
    if own := getattr(rule, "missing", None):
        return own(held, gone, clock)
    return gone if len(gone) == len(clock.workers) else ()


def parks_after(rule: Rule) -> float:
    """Jobs with which a worker has done its part of a round, and knows it; infinite where only a full round tells it.

    A rule says so in an attribute ``parks_after``.
    """
    return getattr(rule, "parks_after", math.inf)


def holds(rule: Rule, held: Any, finished: int) -> Iterable[int]:
    """Of all ``finished`` jobs, those that a later update may still use; the gradients of others need not be kept.

    A rule says so in a method ``holds(held)``; under others, every job may be used again.
    """
    own = getattr(rule, "holds", None)
    return range(finished) if own is None else own(held)


class State(Protocol):
    """What an update keeps between steps; it may have more."""

    @property
    def point(self) -> Array:
        """The iterate θ_t, which is evaluated and reported, shape (d,)."""

    @property
    def direction(self) -> Array:
        """The direction of the last step, before any normalisation, shape (d,)."""


class Update(Protocol):
    """One step of the server: pure functions on flat parameter vectors of shape (d,), for maximisation.

    Written with operators only, so that the same code runs on JAX arrays and on NumPy arrays.
    """

    @property
    def step_size(self) -> float:
        """α; `apply` takes it as an argument, so that one compiled program serves all step sizes."""

    def init(self, params: Array) -> State:
        """State at θ_0."""

    def apply(self, state: Any, gradient: Array, step_size: Any, version: Any, delay: Any) -> State:
        """State after one update with an aggregated gradient.

        version: at which it was asked for (the oldest, where jobs differ). delay: updates applied since then.
        """

    def query(self, state: Any) -> Array:
        """The point that is sent to workers: trajectories are sampled, and gradients taken, there.

        Of another shape than (d,) where the update's own ``measure`` takes it, two points for example.
        """


class JobStats(NamedTuple):
    """What is recorded of each job's trajectory, each of shape (M,)."""

    returns: Array  # undiscounted sum of rewards (an objective value, where there is no trajectory)
    steps: Array  # environment steps, int32


class Evaluation(NamedTuple):
    """What is recorded of an iterate. All are scalars, except ``own_values``."""

    value: Array  # the return of the policy (an exact objective value where the problem knows it)
    gradient_norm: Array  # ‖∇J(θ)‖, exact; NaN where the problem does not know it
    own_values: Array = ()  # J_i of each worker, with mean ``value``, shape (n,); empty where all have the same problem


class Problem(Protocol):
    """What is maximised. Pure JAX functions; parameters are one flat vector of shape (d,).

    A problem whose functions call back to the host has ``calls_host = True``: a host may skip jobs that are not there,
    so a step of replay then has room for more jobs with points of their own. Some updates have jobs that compute
    something else than a gradient, which problems offer in further methods: see `problems.offers`.
    """

    @property
    def workers(self) -> int | None:
        """How many workers it has a problem for, one each; None: all workers have the same problem."""

    def init(self, key: Array) -> Array:
        """θ_0, shape (d,)."""

    def gradient(self, params: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
        """Weighted sum of the stochastic gradients of M jobs, all at the point ``params``.

        keys: (M,) typed PRNG keys, one per job; workers: (M,) int32; weights: (M,), 0 for padding.
        """

    def evaluate(self, params: Array, key: Array) -> Evaluation:
        """How good an iterate is."""


def measure(update: Update | None, problem: Problem) -> Callable[[Array, Array, Array, Array], tuple[Array, JobStats]]:
    """What jobs compute at what `Update.query` sends, as a function with the arguments of `Problem.gradient`.

    It is the problem's gradient, unless the update says otherwise in a method ``measure(problem, sent, keys, workers,
    weights)``, which returns a weighted sum of shape (d,) over jobs, and their stats, as `Problem.gradient` does.
    """
    own = getattr(update, "measure", None)
    return problem.gradient if own is None else partial(own, problem)


def adapted(problem: Problem, update: Update) -> Update:
    """The update as the problem needs it: one with parameters beside a policy's has a method ``adapted(update)``."""
    own = getattr(problem, "adapted", None)
    return update if own is None else own(update)


def offered(problem: Problem, name: str, update: Update) -> Callable[..., Any]:
    """A problem's method that not every problem has. Raises ValueError where this one has none."""
    if own := getattr(problem, name, None):
        return own
    kind = type(problem).__name__
    raise ValueError(
        f"problem is a {kind}, which has no method {name}, and {type(update).__name__} needs one: "
        "give a PolicyGradient, a TabularMDP or a Quadratic"
    )


@dataclass(frozen=True)
class Method:
    """A named method: a rule and an update, with the papers that it comes from.

    work: how many times h_i a job takes, where it is more than one gradient.
    """

    name: str
    rule: Rule
    update: Update
    papers: tuple[str, ...] = ()
    work: float = 1.0

    def __post_init__(self):
        if not 0 < self.work < math.inf:
            raise ValueError(f"work={self.work!r} is no multiple of h_i: give a finite number > 0")


MOST_KNOWN = 30  # words in an error line


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of an error line about an unknown word: the nearest known one, or some of them."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.5)
    more = f" and {len(known) - MOST_KNOWN} more" if len(known) > MOST_KNOWN else ""
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known[:MOST_KNOWN])}{more}"
