"""Which setting of a method is best: over its step sizes, and its other parameters that are tuned.

All settings are trained on tuning seeds, which are not reported. A setting's score is its mean return over these seeds
and the last quarter of the time; one with a lane that diverged there, whose return is not finite, ranks last, and of
equals the one that is tried first wins. Where the time to a target is to be short, returns above the target count as
the target: of halved times the mean return over all of the time decides, for a setting that is soon there with some
seeds and never with others should not win early; and of the whole time the seconds in which four of five seeds
are there.

``"grid"`` trains every setting for the whole time. ``"halving"`` is successive halving (Jamieson & Talwalkar 2016,
arXiv 1502.07943): all settings for a small share of the time, the better half of them for twice as long, and so on,
until two are left for the whole time. Nothing is stopped before its second update, when there is nothing to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from ..scenario import Variant
from ..timeline.steps import mean_between, values_at

LEAST = 2  # updates


class Setting(NamedTuple):
    """What is tried."""

    variant: Variant
    step_size: float


def late_mean(curve: pd.DataFrame, end: float) -> float:
    """Mean return of a lane over the last quarter of the time up to ``end``; NaN where it diverged then.

    curve: rows in the order of updates. Between evaluations, the last one stands.
    """
    times, returns = curve["time"].to_numpy(), curve["eval_return"].to_numpy(float)
    finite = np.where(np.isfinite(returns), returns, np.nan)
    if np.isnan(values_at(times, finite, end)):
        return np.nan
    return mean_between(times, finite, 0.75 * end, end)


def score(curves: pd.DataFrame, end: float) -> float:
    """Of one setting: the mean over its seeds, up to the second ``end``; -∞ where a lane diverged."""
    mean = np.mean([late_mean(curve, end) for _, curve in curves.groupby("seed")])
    return -np.inf if np.isnan(mean) else float(mean)


def arrival(curve: pd.DataFrame, end: float, target: float) -> float:
    """The first evaluated second at which a lane is at the target; NaN where it is not up to ``end``."""
    reached = curve.loc[(curve["eval_return"] >= target) & (curve["time"] <= end), "time"]
    return float(reached.min())


def four_of_five(values: np.ndarray, axis: int = -1) -> Any:
    """The 80 % quantile: the least of the values that four of five are not above."""
    return np.quantile(values, 0.8, axis, method="inverted_cdf")


def rank(curves: pd.DataFrame, end: float, target: float | None, share: float = 1.0) -> tuple[float, float]:
    """Of one setting, the larger the better; `score`, where there is no target.

    end: the second up to which it was trained, a share of the whole time. A seed that did not reach the target counts
    with the end.
    """
    if target is None:
        return score(curves, end), 0.0
    lanes = [curve for _, curve in curves.groupby("seed")]
    area = float(np.mean([_area_below(curve, end, target) for curve in lanes]))
    area = -np.inf if np.isnan(area) else area
    seconds = np.nan_to_num([arrival(curve, end, target) for curve in lanes], nan=end)
    return (-float(four_of_five(seconds)), area) if share == 1 else (area, 0.0)


def _area_below(curve: pd.DataFrame, end: float, target: float) -> float:
    """Mean over the time up to ``end`` of a lane's return, or of the target where it is above; NaN if it diverged."""
    times, returns = curve["time"].to_numpy(), curve["eval_return"].to_numpy(float)
    return mean_between(times, np.where(np.isfinite(returns), np.minimum(returns, target), np.nan), 0.0, end)


def shares(settings: int, tuning: Literal["grid", "halving"], updates: int) -> list[float]:
    """The shares of the time for which settings are trained, one after another. updates: in all of the time."""
    if tuning == "grid" or settings < 3:
        return [1.0]
    rungs = ceil(np.log2(settings))  # after which two are left
    return [share for k in reversed(range(rungs)) if (share := 2.0**-k) == 1 or share * updates >= LEAST]


def tune(
    settings: Sequence[Setting],
    tuning: Literal["grid", "halving"],
    train: Callable[[Sequence[Setting], float], Sequence[pd.DataFrame]],
    end: Callable[[Setting], float],
    updates: int,
    target: float | None = None,
) -> tuple[Setting, pd.DataFrame]:
    """The best setting, and the curves of all on the tuning seeds with the share of the time that each had.

    train: curves of these settings for this share of the time. end: when a setting's whole time ends. updates: how many
    every setting has in its whole time, at least. target: the return that is to be reached soon; None: see `score`.
    """
    left, last = list(settings), {}
    for share in shares(len(settings), tuning, updates):
        for setting, curves in zip(left, train(left, share), strict=True):
            last[setting.variant.name, setting.step_size] = curves.assign(share=share)
        ends = [share * end(setting) for setting in left]
        curves_of = [last[setting.variant.name, setting.step_size] for setting in left]
        ranks = [rank(curves, until, target, share) for curves, until in zip(curves_of, ends)]
        order = sorted(range(len(left)), key=ranks.__getitem__, reverse=True)  # stable
        keep = 1 if share == 1 else ceil(len(left) / 2)
        left = [left[k] for k in sorted(order[:keep])]
    return left[0], pd.concat(last.values(), ignore_index=True)
