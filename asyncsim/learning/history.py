"""What was learned, as data: a row for each lane, a seed with a step size, and each evaluated update."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..base import Evaluation
from ..timeline import Timeline

# What is measured of a lane when it is evaluated; then follow returns in each worker's own world, where they differ.
MEASURED = ("train_return", "env_steps", "direction_norm", "eval_return", "gradient_norm")
EVALUATE_EVERY = 300  # gradients: some 60 evaluations of a curve of 20 000, as the paper's figures need


@dataclass(frozen=True, eq=False)
class History:
    """Learning curves: what a method reached on a problem, over seeds and step sizes.

    params: the last iterates, shape (seeds, step sizes, d); None where any lane's curve was found whole, for its
        iterate is then not known, unless `replay` was asked for it.
    computed: how many gradients were computed for it.
    """

    method: str
    seeds: tuple[int, ...]
    step_sizes: tuple[float, ...]
    params: np.ndarray | None
    frame: pd.DataFrame
    computed: int = 0

    def __repr__(self) -> str:
        """What there is, in one line: the frame has thousands."""
        return (
            f"<History of {self.method!r}: seeds {len(self.seeds)}, step sizes {len(self.step_sizes)}, "
            f"evaluated iterates {self.frame['update'].nunique()}>"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per seed, step size and evaluated update.

        ``method, seed, step_size``; ``update``: updates applied so far; ``time``: simulated seconds;
        ``gradients, env_steps, communications``: used so far, each gradient once; ``train_return``: mean return of
        the trajectories first used since the row before; ``eval_return``: of the iterate; ``direction_norm``: ‖d‖ of
        the last update;
        ``gradient_norm``: ‖∇J(θ)‖ where the problem knows it, else NaN; ``eval_return_0, eval_return_1, ...``: in each
        worker's own world, where they differ. Counts are int64; reals are float64, also where JAX computes in float32.
        A lane stops at the first ``eval_return`` that is not finite: what follows is NaN, and it takes no more steps.
        """
        return self.frame.copy()


def checked_evaluate_every(gradients: int) -> int:
    """Raises ValueError unless it is a count."""
    if isinstance(gradients, bool) or not isinstance(gradients, int) or gradients < 1:
        raise ValueError(f"evaluate_every={gradients!r} is no count: give an integer >= 1, of gradients")
    return gradients


def evaluated_updates(timeline: Timeline, evaluate_every: int) -> np.ndarray:
    """After how many updates iterates are evaluated: 0, and the first to have used each multiple of so many gradients.

    So it does not depend on when the run stops.
    """
    multiples = np.append(0, timeline.updates["gradients"].cumsum().to_numpy()) // evaluate_every
    return np.append(0, np.flatnonzero(np.diff(multiples)) + 1)


def measured(train_return, env_steps, direction_norm, evaluation: Evaluation) -> np.ndarray:
    """What an evaluation found, as a row for `lane_frame`. env_steps: since the one before."""
    value, gradient_norm, own = evaluation
    return np.array([train_return, env_steps, direction_norm, value, gradient_norm, *np.asarray(own)], np.float64)


def lane_frame(
    method: str, timeline: Timeline, evaluated: np.ndarray, seed: int, step_size: float, measured: np.ndarray
) -> pd.DataFrame:
    """One lane's rows of `History.to_frame`. measured: of the updates that are ``evaluated``, shape (E, 5 or more)."""
    updates = timeline.updates
    used = {key: np.append(0, updates[key].cumsum().to_numpy()) for key in ("gradients", "communications")}
    of = dict(zip(MEASURED, measured.T))
    own = {f"eval_return_{worker}": column for worker, column in enumerate(measured.T[len(MEASURED) :])}
    return pd.DataFrame(
        {
            "method": method,
            "seed": seed,
            "step_size": step_size,
            "update": evaluated,
            "time": np.append(0.0, updates["time"].to_numpy())[evaluated],
            "gradients": used["gradients"][evaluated],
            "env_steps": np.cumsum(of["env_steps"]).astype(np.int64),
            "communications": used["communications"][evaluated],
            "train_return": of["train_return"],
            "eval_return": of["eval_return"],
            "direction_norm": np.where(evaluated > 0, of["direction_norm"], np.nan),  # there was no step to θ_0
            "gradient_norm": of["gradient_norm"],
            **own,
        }
    )
