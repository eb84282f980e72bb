"""Whether training fits into the memory, estimated before anything of it is there."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from ..base import Method, Problem
from ..cluster import Cluster
from ..engine import check_size, jobs_of_an_update
from ..timeline import Timeline

OF_A_STEP = 12  # numbers of a job's trajectory, at least
OF_A_LOCAL_STEP = 4
COPIES = 1.25  # of the points: in the program, and of one lane after another while checkpoints are made


def check_trajectories(problem: Problem, method: Method, cluster: Cluster, until: float | None, lanes: int) -> None:
    """Raises ValueError, which names what to lower, where those of the jobs that are computed at once would not fit.

    until: the second at which the run ends, which may be too early for an update. lanes: how many there are in all.
    """
    from ..learning.scheduling import width_of

    rounds = method.rule.communication == "round"
    jobs = int(jobs_of_an_update(method.rule, cluster.slowed(method.work), until)) if rounds else 1
    numbers = width_of(max(jobs, 1)) * _number(problem, lanes)[1]
    size = OF_A_STEP * getattr(problem, "horizon", 1) * numbers
    check_size("batch_size", jobs, size, what="has trajectories that take")
    if steps := getattr(method.update, "local_steps", 0):
        check_size("local_steps", steps, OF_A_LOCAL_STEP * steps * numbers)


def check_points(problem: Problem, timeline: Timeline, lanes: int) -> None:
    """Raises ValueError where those that gradients on the way were asked at would not fit in the free memory."""
    from ..learning.checkpoints import points_to_hold
    from ..learning.scheduling import power_of_two

    parameters, number = _number(problem, lanes)
    size = COPIES * number * power_of_two(points_to_hold(timeline)) * parameters
    what = f"has gradients up to {timeline.max_delay} updates late, and the points of so many take"
    check_size("updates", len(timeline.updates), size, what=what)


def _number(problem: Any, lanes: int) -> tuple[int, int]:
    """How many parameters there are, and how many bytes a number takes of all lanes that are trained at once."""
    import jax.numpy as jnp

    from ..learning.lanes import lanes_of_a_program

    room = lanes_of_a_program()
    at_once = room * min(-(-lanes // room), os.cpu_count() or 1)
    return _parameters(problem), at_once * jnp.result_type(float).itemsize


@lru_cache(maxsize=64)  # many points of a sweep have one problem
def _parameters(problem: Problem) -> int:
    import jax

    point: Any = jax.eval_shape(problem.init, jax.random.key(0))
    return point.size
