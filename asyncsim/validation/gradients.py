"""σ², ‖∇J‖² and the other constants of theory, measured on any problem whose gradients come from trajectories.

Of B independent gradients g_i at a point, the mean of ⟨g_i, g_j⟩ over pairs i ≠ j is ‖∇J‖² without bias: it is ‖ḡ‖²
less σ²/B. That of ½‖g_i - g_j‖² is σ² = E‖g - ∇J‖². Intervals and errors are bootstrapped over the gradients, and no
gradient is paired with itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import stats

from ..base import Method, Problem
from ..cluster import Cluster
from ..engine import simulate
from ..learning import replay
from ..learning.keys import job_key
from ..store import Store
from .measurement import Constants

Array = Any
BATCHES = 128, 2048  # gradients at a point, at least and at most ...
NUMBERS = 4 * 10**6  # ... and as many as have about so many numbers together
SIDE_BY_SIDE = 32
UPDATES = (0, 10, 20, 40, 80)  # after which a training run is looked at


class Estimate(NamedTuple):
    """A number, its 95 % bootstrap interval, and its standard error."""

    value: float
    low: float
    high: float
    error: float


@dataclass(frozen=True, eq=False)
class AtPoint:
    """What was measured at one point.

    update: of the training run that came there. squared_norm: ‖∇J‖². variance: σ². value: mean discounted return.
    mean: ḡ, shape (d,).
    """

    update: int
    squared_norm: Estimate
    variance: Estimate
    value: float
    mean: np.ndarray


def gradients_at(problem: Problem, point: Array, batch: int, seed: int = 0, version: int = 0) -> np.ndarray:
    """Independent gradients at a point, of all workers by turns, shape (batch, d)."""
    return np.asarray(_gradients(problem, batch, jnp.asarray(point), seed, version), float)


@partial(jax.jit, static_argnums=(0, 1))
def _gradients(problem, batch, point, seed, version):
    weight, policy = jnp.ones(1, point.dtype), getattr(problem, "policy_network", None)

    def one(index):
        worker = index % (problem.workers or 1)
        key = job_key(seed, version, worker, index)
        gradient = problem.gradient(point, key[None], worker[None], weight)[0]
        return gradient if policy is None else gradient[: policy.size]  # without a critic's

    return jax.lax.map(one, jnp.arange(batch, dtype=jnp.int32), batch_size=min(batch, SIDE_BY_SIDE))


@partial(jax.jit, static_argnums=(0, 1))
def _value(problem, batch, point, seed, version):
    workers = jnp.arange(batch, dtype=jnp.int32) % (problem.workers or 1)
    keys = jax.vmap(lambda index: job_key(seed, version, 0, index))(jnp.arange(batch) + batch)
    rewards = problem.sampled(point, keys, workers, jnp.ones(batch, bool))[0].rewards
    powers = problem.discount ** jnp.arange(len(rewards), dtype=rewards.dtype)
    return (powers @ rewards).mean()


def over_pairs(kernel: np.ndarray, resamples: int = 499) -> Estimate:
    """The mean of a symmetric kernel k(g_i, g_j) over pairs i ≠ j, shape (B, B), B ≥ 2."""
    off = kernel - np.diag(np.diag(kernel))

    def mean(chosen, axis):
        rows = chosen.reshape(-1, len(off))  # a resample each
        places = rows + len(off) * np.arange(len(rows))[:, None]
        counts = np.bincount(places.ravel(), minlength=rows.size).reshape(rows.shape).astype(float)
        pairs = counts.sum(-1) ** 2 - (counts**2).sum(-1)
        return (((counts @ off) * counts).sum(-1) / pairs).reshape(chosen.shape[:-1])

    value = float(off.sum() / (len(off) * (len(off) - 1)))
    if np.ptp(kernel) <= 1e-12 * np.abs(kernel).max():
        return Estimate(value, value, value, 0.0)
    rng = np.random.Generator(np.random.Philox(0))
    found = stats.bootstrap((np.arange(len(off)),), mean, n_resamples=resamples, method="percentile", rng=rng)
    low, high = (float(end) for end in found.confidence_interval)
    return Estimate(value, low, high, float(found.standard_error))


def at_point(problem: Any, point: Array, batch: int, update: int = 0, seed: int = 0) -> AtPoint:
    """Measure at a point. update: of the training run that came there; also tells its draws from other points'."""
    found = gradients_at(problem, point, batch, seed, update)
    products = found @ found.T
    squares = np.diag(products)
    return AtPoint(
        update,
        over_pairs(products),
        over_pairs((squares[:, None] + squares) / 2 - products),
        float(_value(problem, batch, jnp.asarray(point), seed, update)),
        found.mean(0),
    )


def trained_points(problem: Problem, method: Method, seed: int = 0, updates: Sequence[int] = UPDATES) -> list[Array]:
    """Iterates of a training run after so many updates, each of shape (d,)."""
    cluster = Cluster([1.0] * (problem.workers or 1))
    timeline, lanes = simulate(method, cluster, updates=max(*updates, 1)), dict[str, Any](seeds=[seed], last=True)
    size = getattr(getattr(problem, "policy_network", None), "size", None)
    with TemporaryDirectory() as nowhere:  # each goes on from where the one before ended
        lanes["shelf"] = Store(Path(nowhere))
        found: Any = [replay(timeline, method, problem, updates=count, **lanes).params for count in updates]
    return [params[0, 0][: size or len(params[0, 0])] for params in found]


def measured_constants(
    problem: Any, points: Sequence[Array], batch: int, updates: Sequence[int] = UPDATES, seed: int = 0
) -> tuple[Constants, pd.DataFrame]:
    """The constants of Theorem 4.4 along a training run, and what was measured at its points.

    σ is the largest of the points. L_g, L_h and Δ are lower bounds: the largest change of the gradient from point to
    point, the change of that change between the first and the last point, and what was gained.

    Frame: a row per point: ``update, squared_norm, squared_norm_low, squared_norm_high, variance, variance_low,
    variance_high, value``; a squared norm that is not told from 0 may be negative.
    """
    _check(problem)
    middle = (points[0] + points[-1]) / 2
    found = [at_point(problem, point, batch, update, seed) for point, update in zip(points, updates, strict=True)]
    between = at_point(problem, middle, batch, max(updates) + 1, seed)
    largest = max(found, key=lambda each: each.variance.value)
    pairs = zip(zip(found, points), zip(found[1:], points[1:]))
    L_g = max(_size([(1, b), (-1, a)]) / max(_distance(q, p), 1e-300) for (a, p), (b, q) in pairs)
    half = _distance(points[-1], points[0]) / 2
    L_h = _size([(1, found[0]), (-2, between), (1, found[-1])]) / max(half**2, 1e-300)
    sigma = max(largest.variance.value, 0.0) ** 0.5
    gap = max(max(each.value for each in found) - found[0].value, 0.0)
    where = f"{len(found)} points of a training run, {batch} trajectories each"
    constants = Constants(
        *(gap, sigma, L_g, L_h, largest.variance.error / (2 * sigma) if sigma else 0.0),
        (
            ("Delta", "at least: what was gained at the best of these points"),
            ("sigma", f"largest at {where}"),
            ("L_g", "at least: largest change of ∇J between neighbouring points, per distance"),
            ("L_h", "at least: change of that change between the first point and the last"),
        ),
    )
    rows = [
        {
            "update": each.update,
            **_columns("squared_norm", each.squared_norm),
            **_columns("variance", each.variance),
            "value": each.value,
        }
        for each in found
    ]
    return constants, pd.DataFrame(rows)


def measured_along(problem: Any, method: Method) -> tuple[Constants, pd.DataFrame]:
    """As `measured_constants`, along a training run of a method on equal workers."""
    _check(problem)
    points = trained_points(problem, method)
    return measured_constants(problem, points, _batch(len(points[0])))


def how_many(problem: Any, batch_size: int) -> int:
    """Gradients and trajectories that `measured_along` computes, of Rennala NIGT; 0 where it raises ValueError."""
    if not hasattr(problem, "sampled"):
        return 0
    policy = getattr(problem, "policy_network", None)
    size = policy.size if policy is not None else jax.eval_shape(problem.init, jax.random.key(0)).size
    return max(UPDATES) * batch_size + 2 * (len(UPDATES) + 1) * _batch(size)


def _batch(size: int) -> int:
    """Gradients at a point of this dimension."""
    return min(max(BATCHES[0], NUMBERS // size), BATCHES[1])


UNTOLD = "at no point of the training run is ‖∇J‖ told from 0 by as many gradients as were sampled there"


def is_told(points: pd.DataFrame) -> bool:
    """Whether ‖∇J‖ is told from 0 at a point of a training run; where it is not, L_g, L_h and ε are noise."""
    return bool((points["squared_norm_low"] > 0).any())


def least_norm(points: pd.DataFrame) -> float:
    """The least ‖∇J‖ at the points of a training run that is told from 0; where none is, what it is at most."""
    told = points["squared_norm"].where(points["squared_norm_low"] > 0)
    least = told.min() if told.notna().any() else points["squared_norm_high"].min()
    return float(f"{max(least, 1e-12) ** 0.5:.2g}")


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _check(problem: Any) -> None:
    if not hasattr(problem, "sampled"):
        raise ValueError(
            f"problem is a {type(problem).__name__}, whose gradients come from no trajectories: give a policy gradient "
            "or a table, or its own constants"
        )


def _distance(one: Array, other: Array) -> float:
    return float(np.linalg.norm(np.asarray(one, float) - np.asarray(other, float)))


def _size(terms: Sequence[tuple[float, AtPoint]]) -> float:
    """‖Σ c_k ∇J(θ_k)‖ of independent batches at distinct points, its square without bias; 0 where that is negative."""
    total: Any = sum(factor * each.mean for factor, each in terms)
    own = sum(factor**2 * (each.mean @ each.mean - each.squared_norm.value) for factor, each in terms)
    return float(max(total @ total - own, 0.0) ** 0.5)
