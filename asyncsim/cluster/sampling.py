"""Random numbers, and how a distribution makes times of them.

Every draw is the quantile of one uniform number: what is drawn and what is known of a distribution cannot differ, the
k-th job of a worker takes the same time in whichever portions its times are drawn, and two clusters that share a seed
share their luck.

NumPy and SciPy are imported when the first time is drawn: `import asyncsim` stays fast.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from .checks import check_probability

if TYPE_CHECKING:
    import numpy as np

SECONDS = {"unit": "seconds"}  # metadata of a distribution's field: a scenario's ``scale`` multiplies it


def stream(seed: int, worker: int, purpose: int = 0) -> np.random.Generator:
    """The random numbers of one worker, whatever the others do.

    purpose: keeps apart what one worker needs random numbers for: 0 compute times, 1 speeds, 2 the network, 3 samples
        of a fit.
    """
    import numpy as np

    # Not entropy=(seed, worker, purpose): that is one string of 32-bit words, ambiguous for seeds >= 2**32.
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(worker, purpose))))


def quantile_of(inverse: Callable, q: float) -> float:
    """`ComputeTime.quantile` of a distribution that has this inverse, of probabilities in a NumPy array."""
    import numpy as np

    check_probability(q)
    with np.errstate(all="ignore"):  # infinite at q = 1
        return float(inverse(np.float64(q)))


def draws_of(inverse: Callable, rng: np.random.Generator, count: int) -> np.ndarray:
    """`ComputeTime.draw` of the same."""
    import numpy as np

    u = rng.random(count)
    np.maximum(u, 2.0**-54, out=u)  # `random` may give 0
    with np.errstate(all="ignore"):
        seconds = inverse(u)
    return np.minimum(np.maximum(seconds, math.ulp(0.0)), sys.float_info.max)  # only extreme parameters reach beyond
