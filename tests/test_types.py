"""Types, as mypy sees them: the package's own, and those of what a user writes."""

import re
import subprocess
import sys
from doctest import DocTestParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What implements an interface is accepted as such, here or from a user; what does not is refused.
WRITTEN = """
# mypy: warn-unused-ignores, disallow-untyped-defs
from dataclasses import dataclass
from typing import Final, NamedTuple

import jax.numpy as jnp

from asyncsim import Cluster, Method, problems, replay, rules, simulate, train, updates
from asyncsim import cluster as times
from asyncsim.base import AGAIN, Answer, Array, Clock, Decision, Evaluation, JobStats, Problem, Rule, Ticket, Update
from asyncsim.rl.environments import CartPole


class Pairs:
    communication: Final = "gradient"

    def empty(self, workers: int) -> list[int]:
        return []

    def receive(self, held: list[int], ticket: Ticket, clock: Clock) -> tuple[list[int], Decision | Answer]:
        held.append(ticket.job)
        if len(held) < 2:
            return held, AGAIN
        return [], Decision(use=held, weights=0.5, start=(ticket.worker,))


class Kept(NamedTuple):
    point: Array
    direction: Array


@dataclass(frozen=True)
class Signs:
    step_size: float

    def init(self, params: Array) -> Kept:
        return Kept(params, 0 * params)

    def apply(self, state: Kept, gradient: Array, step_size: Array, version: Array, delay: Array) -> Kept:
        return Kept(state.point + step_size * jnp.sign(gradient), gradient)

    def query(self, state: Kept) -> Array:
        return state.point


class Bowl:
    workers = None

    def init(self, key: Array) -> Array:
        return jnp.ones(2)

    def gradient(self, params: Array, keys: Array, workers: Array, weights: Array) -> tuple[Array, JobStats]:
        return -weights.sum() * params, JobStats(0 * weights, jnp.zeros(len(keys), int))

    def evaluate(self, params: Array, key: Array) -> Evaluation:
        return Evaluation(-(params @ params) / 2, jnp.linalg.norm(params))


pairs = Method("pairs", Pairs(), Signs(step_size=0.1))
own = simulate(Pairs(), Cluster([1, 2.0, times.Exponential(1.0)]), until=9.0)
replay(own, pairs, Bowl(), seeds=[0]).to_frame()
train(pairs, Cluster([1.0]), Bowl(), seeds=[0], updates=1)
simulate("rennala", Cluster([1.0]), updates=1)  # type: ignore[arg-type]
Method("bowl", Bowl(), Signs(0.1))  # type: ignore[arg-type]

some_rules: list[Rule] = [
    rules.Synchronous(),
    rules.MSynchronous(1),
    rules.Rennala(1),
    rules.Malenia(1),
    rules.Greedy(),
    rules.Ringmaster(1),
    rules.Ringleader(),
    rules.FedBuff(1),
]
some_updates: list[Update] = [
    updates.NIGT(0.1),
    updates.AFedPG(0.1),
    updates.VanillaPG(0.1),
    updates.DelayAdaptivePG(0.1, 1),
    updates.MVR(0.1),
    updates.HARPG(0.1),
    updates.LocalSteps(0.1, 2, 0.1),
    updates.Optax(0.1, None),
]
some_problems: list[Problem] = [
    problems.PolicyGradient(CartPole(), 50, 0.99),
    problems.TabularMDP(1, 1, 1),
    problems.Quadratic(),
    problems.Ridge(1.0),
]
some_times: list[times.ComputeTime] = [
    times.Fixed(1.0),
    times.LogNormal(1.0, 1.0),
    times.Gamma(1.0, 1.0),
    times.Pareto(1.0, 1.0),
    times.Uniform(0.0, 1.0),
    times.Recorded((1.0,)),
]
some_speeds: list[times.Speed] = [times.Phases((1.0,), (0.5,)), times.Diurnal(2.0, 0.5), times.Markov(1.0, 1.0, 0.5)]
some_networks: list[times.Network] = [
    times.Constant(1.0),
    times.PerWorker((1.0,)),
    times.Ring(0.0, 1.0, 1),
    times.Tree(0.0, 1.0, 1),
    times.ParameterServer(0.0, 1.0, 1),
    times.Jitter(times.Constant(1.0), times.Exponential(1.0)),
]
"""


def read_me() -> str:
    """The README's lines of Python."""
    lines = []
    for block in re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL):
        examples = DocTestParser().get_examples(block)
        lines += [example.source for example in examples] or [block]
    return "".join(lines)


@pytest.mark.slow
def test_the_types_are_right(tmp_path):
    (tmp_path / "written.py").write_text(WRITTEN)
    (tmp_path / "read_me.py").write_text(read_me())
    files = ["asyncsim", tmp_path / "written.py", tmp_path / "read_me.py"]
    done = subprocess.run([sys.executable, "-m", "mypy", *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
