"""What was learned, as data: a row for each lane, a seed with a step size, and each evaluated update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..base import Evaluation
from ..timeline import Timeline


@dataclass(frozen=True, eq=False)
class History:
    """Learning curves: what a method reached on a problem, over seeds and step sizes.

    params: the last iterates, shape (seeds, step sizes, d).
    """

    method: str
    seeds: tuple[int, ...]
    step_sizes: tuple[float, ...]
    params: np.ndarray
    frame: pd.DataFrame

    def __repr__(self) -> str:
        """What there is, in one line: the frame has thousands."""
        seeds, step_sizes, d = self.params.shape
        return (
            f"<History of {self.method!r}: seeds {seeds}, step sizes {step_sizes}, "
            f"evaluated iterates {self.frame['update'].nunique()}, parameters {d}>"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per seed, step size and evaluated update.

        ``method, seed, step_size``; ``update``: updates applied so far; ``time``: simulated seconds;
        ``gradients, env_steps, communications``: used so far, each gradient once; ``train_return``: mean return of
        the trajectories first used since the row before; ``eval_return``: of the iterate; ``direction_norm``: ‖d‖ of
        the last update;
        ``gradient_norm``: ‖∇J(θ)‖ where the problem knows it, else NaN; ``eval_return_0, eval_return_1, ...``: in each
        worker's own world, where they differ. Counts are int64; reals are float64, also where JAX computes in float32.
        """
        return self.frame.copy()


class Reading(NamedTuple):
    """What is read off lanes when they are evaluated, arrays of one shape, such as (lanes,) or (updates, lanes)."""

    train_return: Any
    env_steps: Any  # since the reading before, int64
    direction_norm: Any
    evaluation: Evaluation


def evaluated_updates(updates: int, evaluations: int) -> np.ndarray:
    """After how many updates iterates are evaluated: 0, and about ``evaluations`` more, evenly up to ``updates``."""
    return np.unique(np.rint(np.linspace(0, updates, evaluations + 1)).astype(int))


def lane_frame(
    method: str, timeline: Timeline, evaluated: np.ndarray, seed: int, step_size: float, reading: Reading
) -> pd.DataFrame:
    """One lane's rows of `History.to_frame`. reading: of the updates that are ``evaluated``, each of shape (E, ...)."""
    updates = timeline.updates
    used = {key: np.append(0, updates[key].cumsum().to_numpy()) for key in ("gradients", "communications")}
    evaluation = reading.evaluation
    own = {f"eval_return_{worker}": column for worker, column in enumerate(np.asarray(evaluation.own_values).T)}
    frame = pd.DataFrame(
        {
            "method": method,
            "seed": seed,
            "step_size": step_size,
            "update": evaluated,
            "time": np.append(0.0, updates["time"].to_numpy())[evaluated],
            "gradients": used["gradients"][evaluated],
            "env_steps": np.cumsum(reading.env_steps),
            "communications": used["communications"][evaluated],
            "train_return": reading.train_return,
            "eval_return": np.asarray(evaluation.value),
            "direction_norm": np.where(evaluated > 0, reading.direction_norm, np.nan),  # there was no step to θ_0
            "gradient_norm": np.asarray(evaluation.gradient_norm),
            **own,
        }
    )
    reals = frame.select_dtypes("floating").columns  # as a file of numbers gives them back
    return frame.astype(dict.fromkeys(reals, np.float64))
