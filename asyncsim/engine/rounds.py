"""When a round's communication is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..base import Rule, parks_after
from ..cluster import Cluster
from .log import Recorder


def communication(rule: Rule, cluster: Cluster, log: Recorder) -> Callable[[Sequence[int], float, float], float]:
    """The second at which it is over, as a function of the used jobs, the second at which they were all there, and
    the seconds that jitter adds. Where every gradient is sent by itself, nothing is left to send.
    """
    if rule.communication == "gradient":
        return lambda jobs, full, late: full
    if cluster.senders_alone:
        knows = parks_after(rule) < math.inf
        return lambda jobs, full, late: cluster.gathered(log.done(jobs), full, knows) + late
    pause = cluster.round_communication
    return lambda jobs, full, late: full + (pause + late)
