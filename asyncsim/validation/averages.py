"""Claim (h): mean and variance of the average that a round makes of its gradients."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import stats

from .. import theory
from ..base import Problem
from ..cluster import Cluster, sqrt
from ..learning.keys import job_key
from ..problems import TabularMDP
from ..rules import Malenia, Rennala
from ..timeline import Timeline
from .evidence import Claim, Drawing, Evidence, Relation, Value, rows
from .measurement import ascent, noise_level, student
from .times import simulate
from .training import GARNET


def aggregation(quick: bool) -> Evidence:
    """(h) Aggregation: mean and variance of a round's average, over independent rounds at one point."""
    runs, h, sizes = 2000 if quick else 10_000, sqrt(10), (5, 10, 20, 40, 80)
    point = ascent(GARNET, 2.0, 8)[-1]
    exact, level = np.asarray(GARNET.exact_gradient(point)), noise_level(GARNET, point, 20 * runs, seed=1)
    jobs = Jobs.sample(GARNET, point, theory.malenia_jobs(h, 80), runs)  # Rennala's are among them
    about, reach = f"h = √i, n = 10, {runs} rounds", stats.norm.ppf(0.975)
    claims, drawn = [], []
    for rule, source in ((Rennala, "Algorithm 2"), (Malenia, "Algorithm 4")):
        timelines = [simulate(rule(M), Cluster(h), updates=1) for M in sizes]
        squares = np.stack([((jobs.averages(each) - exact) ** 2).sum(1) for each in timelines], 1)
        mean, ratio = squares.mean(0), sizes * squares.mean(0) / level.mean
        weights = np.array([(each.batches().weight ** 2).sum() for each in timelines])
        error = ratio * np.hypot(squares.std(0, ddof=1) / runs**0.5 / mean, level.error / level.mean)
        name = rule.__name__
        bounded = f"The variance of a round's average is at most σ²/M: largest of M = 5 to 80, {about}"
        exactly = "... and is σ² times the sum of the squared weights: the M where it is farthest off"
        relation: Relation
        for title, statement, k, predicted, relation in (
            (f"{name}: variance · M/σ²", bounded, int(ratio.argmax()), 1.0, "<="),
            (f"{name}: variance, exactly", exactly, int(abs((ratio - sizes * weights) / error).argmax()), None, "="),
        ):
            predicted = predicted or sizes[k] * weights[k]
            seen = (ratio[k] - reach * error[k], ratio[k] + reach * error[k], "95 %")
            claims.append(Claim("h", title, statement, source, predicted, ratio[k], relation, 3 * error[k], *seen))
        low, high = np.transpose([(each.low, each.high) for each in map(student, squares.T)])
        drawn.append(rows(name, sizes, mean, level.mean / np.array(sizes), low, high))
    claims += _bias(h, point, runs)
    labels = ("M, gradients a round asks for", "E‖average - ∇J‖²", "σ²/M")
    drawing = Drawing("variance", f"(h) Variance of a round's average, {about}", *labels, pd.concat(drawn))
    return Evidence(claims, [drawing])


def _bias(h, point, runs: int) -> list[Claim]:
    """Workers with their own rewards: who computes more counts more with Rennala."""
    own = TabularMDP.garnet(states=5, actions=3, branching=2, discount=0.8, horizon=10, workers=len(h))
    gradients = np.asarray(jax.jit(jax.vmap(lambda worker: own.exact_gradient(point, worker)))(jnp.arange(len(h))))
    exact = gradients.mean(0)
    bias = theory.rennala_jobs(h, 20) / 20 @ gradients - exact
    size = float(np.linalg.norm(bias))
    jobs, claims = Jobs.sample(own, point, theory.malenia_jobs(h, 20), runs), []
    biased = "Ten workers with their own rewards: a round's mean misses ∇J by Σ (M_i/M) ∇J_i - ∇J (its length, M = 20)"
    unbiased = "... and by nothing (along Rennala's bias)"
    for rule, statement, predicted in ((Rennala(20), biased, size), (Malenia(20), unbiased, 0.0)):
        along = (jobs.averages(simulate(rule, Cluster(h), updates=1)) - exact) @ (bias / size)
        mean, low, high = student(along)
        value: Value = (predicted, mean, "=", 3 * along.std(ddof=1) / runs**0.5, low, high, "95 %")
        claims.append(Claim("h", f"{type(rule).__name__}: bias", statement, "section 5", *value))
    return claims


@dataclass(frozen=True, eq=False)
class Jobs:
    """Gradients of the same jobs at one point in many independent runs."""

    worker: np.ndarray  # (jobs,)
    index: np.ndarray  # (jobs,)
    gradients: np.ndarray  # (runs, jobs, d)

    @classmethod
    def sample(cls, problem: Problem, point, counts: np.ndarray, runs: int) -> Jobs:
        """``counts`` jobs of each worker, at version 0."""
        worker, index = np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(k) for k in counts])

        def gradient(seed, worker, index):
            keys = job_key(seed, 0, worker, index)[None]
            return problem.gradient(point, keys, worker[None], jnp.ones(1))[0]

        def run(seed):
            return jax.vmap(gradient, (None, 0, 0))(seed, jnp.asarray(worker), jnp.asarray(index))

        seeds = jnp.arange(runs, dtype=jnp.uint32)
        return cls(worker, index, np.asarray(jax.jit(lambda seeds: jax.lax.map(run, seeds, batch_size=50))(seeds)))

    def averages(self, timeline: Timeline) -> np.ndarray:
        """The weighted mean that the first update uses, in each run, shape (runs, d)."""
        batches, weights = timeline.batches(), np.zeros(len(self.worker))
        for worker, index, weight in zip(batches.worker, batches.index, batches.weight):
            weights[(self.worker == worker) & (self.index == index)] = weight
        return np.einsum("j,rjd->rd", weights, self.gradients)
