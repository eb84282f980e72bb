"""Theory's best M with measured constants, to be put beside the M that trains best; and why they may differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import theory
from ..base import Method
from ..theory.prospects import Bare
from .gradients import UNTOLD, is_told, least_norm, measured_along

WHY_ANOTHER_BATCH = (
    "Why the M that trains best may be another one: theory's steps are as short as a guarantee needs for every problem "
    "with these constants, and all its factors are of the worst case; training tunes the length of normalised steps "
    "for each M, and needs a direction that is right on average. Besides, L_g, L_h and Δ are measured from below."
)


def theorys_batch(problem: Any, method: Method, cluster: Bare) -> tuple[float, float, Mapping[str, float]]:
    """Theory's best M of Rennala NIGT, NaN where it is more than 10^7; ε; and the constants, measured.

    method: along whose training run it is measured; ε is the least ‖∇J‖ there that is told from 0. Raises ValueError
    where the problem has no trajectories, and where its gradients are told from 0 nowhere.
    """
    found, points = measured_along(problem, method)
    if not is_told(points):
        raise ValueError(UNTOLD)
    constants, epsilon = found.arguments(), least_norm(points)
    every: Any = constants
    some = {key: constants[key] for key in ("sigma", "L_g", "L_h")}
    if float(theory.largest_batch_size(epsilon, **some)) > 10**7:
        return math.nan, epsilon, constants
    return float(theory.best_batch_size(cluster.h, cluster.round_kappa, epsilon, **every)), epsilon, constants
