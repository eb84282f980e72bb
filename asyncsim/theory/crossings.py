"""From which communication time κ a collecting method is ahead of a greedy one.

Arguments, shapes and units are those of the package, `asyncsim.theory`.
"""

from __future__ import annotations

import math

import numpy as np

from . import checks
from .bounds import fastest_and_rates
from .checks import Array
from .complexities import Complexity
from .products import product, quiet


@quiet
def crossover(one: Complexity, other: Complexity) -> Array:
    """Least κ from which ``one`` takes no longer than ``other``: 0 if so without communication, ``inf`` if never.

    Of two rows with kappa=1, so that their communication is a number of communications:
    ``crossover(rennala_nigt(h, epsilon, 1), afedpg(h, epsilon, 1))``.
    """
    behind = np.asarray(one.computation) - other.computation
    saved = np.asarray(other.communication) - one.communication
    crossed = np.where(saved > 0, behind / saved, np.inf)
    now = np.less_equal(one.computation, other.computation) | np.isinf(other.communication)
    return np.where(now, 0.0, crossed)[()]


@quiet
def measured_crossover(h: Array, updates: float, round_time: float, greedy_updates: float) -> float:
    """Least κ (the same for all) from which a collecting method takes no longer than a greedy one; ``inf`` if none.

    updates, round_time: of the collecting method, which takes updates · (round_time + κ). greedy_updates: of the greedy
    method, which takes `greedy_time` (h, κ, greedy_updates), concave in κ. Its workers communicate side by side, so for
    large κ that is κ · greedy_updates/n: with less than n · updates, greedy is ahead again from some larger κ on.
    """
    checks.single(updates=updates, round_time=round_time, greedy_updates=greedy_updates)
    h, updates = checks.compute_times(h), checks.positive("updates", updates, "number of updates")
    round_time = checks.positive("round_time", round_time, "round time")
    greedy_updates = checks.positive("greedy_updates", greedy_updates, "number of updates")
    unit = np.maximum(round_time, h[np.isfinite(h)].max(initial=0.0))  # of time: all others are at most 1
    h, round_time, ratio = h / unit, round_time / unit, product(greedy_updates, (updates, -1))
    kappa, limit = 0.0, 2e12
    while kappa < limit:  # Newton's method, from the left on a concave function: never beyond its first zero
        fastest, rates = fastest_and_rates(h + kappa)
        ahead = product(ratio, fastest[0], (rates[-1], -1)) - (round_time + kappa)
        shares = fastest / (h + kappa)
        slope = ratio * ((shares / rates[-1]) ** 2).sum() - 1
        step = -ahead / slope
        if ahead >= 0 or 0 < step <= 1e-14 * kappa:
            return float(product(kappa, unit))
        if not slope > 0:
            break
        kappa += step
    return math.inf
