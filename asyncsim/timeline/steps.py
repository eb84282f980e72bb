"""Step functions of simulated time: a value stands from its time until the next one's."""

from __future__ import annotations

import numpy as np
import pandas as pd


def values_at(times: np.ndarray, values: np.ndarray, at: np.ndarray | float) -> np.ndarray:
    """The values that stand at some times; shape of ``at``.

    times, values: shape (E,), times in order; of several values at one time the last one stands, and before the first
        time the first.
    """
    return values[np.maximum(np.searchsorted(times, at, side="right") - 1, 0)]


def mean_between(times: np.ndarray, values: np.ndarray, start: float, end: float) -> float:
    """The mean over the time from ``start`` to ``end``; where they are equal, the value there.

    times, values: as in `values_at`. NaN where a value is NaN that stands for some of this time.
    """
    if start >= end:
        return float(values_at(times, values, end))
    edges = np.unique([start, *times[(start < times) & (times < end)], end])
    return float(np.average(values_at(times, values, edges[:-1]), weights=np.diff(edges)))


def over_seeds(curves: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The times at which any seed was evaluated, shape (T,), and the return of each seed there, shape (seeds, T).

    curves: one method's rows as in `History.to_frame`, of one step size. Times may differ from seed to seed.
    """
    times = np.unique(curves["time"])
    lanes = [lane.sort_values("update", kind="stable") for _, lane in curves.groupby("seed", sort=False)]
    return times, np.stack(
        [values_at(lane["time"].to_numpy(), lane["eval_return"].to_numpy(), times) for lane in lanes]
    )
