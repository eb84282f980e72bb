"""START HERE: the words of the house, and its two contracts.

A *method* is a rule and an update. A *cluster* is compute times and a network. `simulate` runs the rule on the
cluster and gives a timeline; `replay` replays the timeline on a problem and gives a history.

This module is plain Python: the simulation side imports it without JAX, the replay side without SimPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

Array = Any  # a jax.Array (or, in tests, a NumPy array) of the stated shape


class Ticket(NamedTuple):
    """A finished job, as a rule sees it: never the gradient itself."""

    worker: int
    job: int  # row of `Timeline.jobs`
    version: int  # v: updates applied when the job was asked for


class Decision(NamedTuple):
    """A rule's answer to one ticket."""

    use: Sequence[int] | None = ()  # jobs that make an update now; None: the ticket's; empty: no update
    weights: Sequence[float] | float = 1.0  # one weight per used job, or one for all
    start: Sequence[int] | None = ()  # who starts a fresh job; None: the ticket's worker; if not named, it parks


AGAIN = Decision(start=None)  # the answer to most tickets of collecting rules,
ALONE = Decision(use=None, start=None)  # and of greedy ones


@dataclass(slots=True)
class Clock:
    """What a rule may know of the run besides its tickets. The engine owns it, and keeps it up to date."""

    version: int  # updates applied so far
    workers: range  # all workers, 0 .. n-1
    asked: Sequence[int] = ()  # the version that each worker's newest job was asked for at, shape (workers,)


class Rule(Protocol):
    """Which finished jobs make an update, and who starts afresh.

    ``communication`` says what costs: ``"round"``, one collective per update (collecting methods), or ``"gradient"``,
    every job pays its own way (greedy methods).
    """

    communication: ClassVar[Literal["round", "gradient"]]

    def empty(self, workers: int) -> Any:
        """What is held before the first ticket. The engine owns it; ``receive`` may change it in place."""

    def receive(self, held: Any, ticket: Ticket, clock: Clock) -> tuple[Any, Decision]:
        """Take one ticket; return what is held from now on, and the decision."""

    def holds(self, held: Any) -> Iterable[int]:
        """Of all jobs that finished, those that a later update may still use; the gradients of others are dropped."""

    def missing(self, held: Any, gone: Sequence[int], clock: Clock) -> Sequence[int]:
        """Of the workers that will never finish a job again, those without whom no update can come."""


class Update(Protocol):
    """What one server step is. Pure functions on flat parameter vectors of shape (d,), for maximisation.

    Written with operators only, so the same lines run under JAX (replay) and on NumPy arrays (the tests' reference).
    """

    step_size: float  # α; `apply` takes it as an argument, so that one program serves many

    def init(self, params: Array) -> Any:
        """State at θ_0."""

    def apply(self, state: Any, gradient: Array, step_size: Any, version: Any, delay: Any) -> Any:
        """State after one update with an aggregated gradient that was asked at ``version``, ``delay`` updates ago."""

    def query(self, state: Any) -> Array:
        """The point that is sent to workers, where trajectories are sampled and scored."""

    def point(self, state: Any) -> Array:
        """The iterate θ_t, which is evaluated and reported."""

    def direction(self, state: Any) -> Array:
        """The direction of the last step, before any normalisation."""


class JobStats(NamedTuple):
    """What is recorded of each job's trajectory, each of shape (M,)."""

    returns: Array  # undiscounted sum of rewards (an objective value, where there is no trajectory)
    steps: Array  # environment steps, int32


class Evaluation(NamedTuple):
    """What is recorded of an iterate, scalars but for the last."""

    value: Array  # the return of the policy (an exact objective value where the problem knows it)
    gradient_norm: Array  # ‖∇J(θ)‖, exact; NaN where the problem does not know it
    own_values: Array = ()  # each worker's, of which ``value`` is the mean, shape (n,); empty where all share one


class Problem(Protocol):
    """What is optimised (maximised). Pure JAX; parameters are one flat vector of shape (d,).

    One whose functions call back to the host says ``calls_host = True``: such calls wait for each other, so all lanes
    are in one program.
    """

    workers: int | None  # how many workers' problems it holds; None: the same for any number

    def init(self, key: Array) -> Array:
        """θ_0, shape (d,)."""

    def gradient(self, params: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
        """Weighted sum of the stochastic gradients of M jobs, all at the point ``params``.

        keys: (M,) typed PRNG keys, one per job; workers: (M,) int32; weights: (M,), 0 for padding.
        """

    def evaluate(self, params: Array, key: Array) -> Evaluation:
        """How good an iterate is."""


@dataclass(frozen=True)
class Method:
    """A named method: a rule and an update, with the papers that it comes from."""

    name: str
    rule: Rule
    update: Update
    papers: tuple[str, ...] = ()


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of an error line about an unknown word: the nearest known one, or all of them."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
