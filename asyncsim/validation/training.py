"""How long training takes to ε, with parameters that suit the problem of most claims. Exact gradients tell when."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from ..base import Method, Problem
from ..learning import replay
from ..problems import TabularMDP
from ..timeline import Timeline
from .measurement import ascent, time_to

GARNET = TabularMDP.garnet(states=5, actions=3, branching=2, discount=0.8, horizon=10)
MOMENTUM, STEP, GREEDY_STEP = 0.1, 2**-3, 2**-6  # η, and α of the collecting methods and of AFedPG


def target(problem: Any) -> float:
    """The ε of measured times: a quarter of ‖∇J(θ_0)‖."""
    return float(jnp.linalg.norm(problem.exact_gradient(ascent(problem, 0.0, 1)[0]))) / 4


def curve(problem: Problem, method: Method, timeline: Timeline, seeds: int) -> pd.DataFrame:
    """The history's rows of a method at its own step size, on seeds 0 to ``seeds`` - 1, with up to 500 evaluations."""
    every = max(1, int(timeline.updates["gradients"].sum()) // 500)
    return replay(timeline, method, problem, seeds=range(seeds), evaluate_every=every).to_frame()


def reached(frame: pd.DataFrame, epsilon: float) -> np.ndarray:
    """Updates to ε of each seed; all must get there."""
    updates = time_to(frame, epsilon)["update"]
    if updates.isna().any():
        raise RuntimeError(f"{frame['method'].iloc[0]} did not get to {epsilon} in {frame['update'].max()} updates")
    return updates.to_numpy(int)
