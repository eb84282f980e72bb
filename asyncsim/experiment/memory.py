"""Whether training fits into the memory, estimated from a timeline before anything of it is there."""

from __future__ import annotations

import os
from typing import Any

from ..base import Method, Problem
from ..engine import check_size
from ..timeline import Timeline

OF_A_STEP = 12  # numbers of a job's trajectory, at least
OF_A_LOCAL_STEP = 4
COPIES = 3  # of the points: in the program, and while a checkpoint is made of them


def check_training(problem: Problem, method: Method, timeline: Timeline, lanes: int) -> None:
    """Raises ValueError, which names what to lower, where points or trajectories would not fit in the free memory.

    Points are kept for as many updates as a gradient is late; trajectories are of the jobs that are computed at once.
    lanes: how many there are in all.
    """
    import jax

    from ..learning.checkpoints import points_to_hold
    from ..learning.lanes import lanes_of_a_program
    from ..learning.scheduling import power_of_two, width_of

    room, update = lanes_of_a_program(), method.update
    point: Any = jax.eval_shape(problem.init, jax.random.key(0))
    number = room * min(-(-lanes // room), os.cpu_count() or 1) * point.dtype.itemsize  # one of every lane at once
    updates, late = len(timeline.updates), power_of_two(points_to_hold(timeline))
    what = f"has gradients up to {timeline.max_delay} updates late, and the points of so many take"
    check_size("updates", updates, COPIES * number * late * point.size, what=what)
    rounds = method.rule.communication == "round"
    together = int(timeline.updates["gradients"].max()) if rounds and updates else 1
    size = number * width_of(max(together, 1)) * OF_A_STEP * getattr(problem, "horizon", 1)
    check_size("batch_size", together, size, what="has trajectories that take")
    if steps := getattr(update, "local_steps", 0):
        check_size("local_steps", steps, number * width_of(max(together, 1)) * OF_A_LOCAL_STEP * steps)
