"""What is wrong with an argument is one line; and every formula has a test."""

import inspect
import math
from pathlib import Path

import numpy as np
import pytest

from asyncsim import theory

nan, h = math.nan, [1.0, 2.0]
good = {"epsilon": 0.1, "sigma": 1.0, "L_g": 1.0, "L_h": 1.0, "Delta": 1.0}
BAD = [
    (theory.rennala_round, ([], 5), "h=[] has no worker: give at least one number of seconds"),
    (theory.rennala_round, (np.ones((0, 3)), 5), "h=[] has no worker: give at least one number of seconds"),
    (theory.rennala_round, (5.0, 5), "h=5.0 is not a list: give one number of seconds per worker"),
    (theory.rennala_round, ("sqrt", 5), "h='sqrt' is no compute time: give seconds > 0"),
    (theory.rennala_round, ([[1.0], [1.0, 2.0]], 5), "h=[[1.0], [1.0, 2.0]] is no compute time: give seconds > 0"),
    (theory.rennala_round, ([True], 5), "h=[True] is no compute time: give seconds > 0"),
    (theory.malenia_round, ([1.0, 2.0, 0.0], 5), "h[2]=0.0 is no compute time: give seconds > 0"),
    (theory.synchronous_round, ([[1, 2], [3, -4]],), "h[1, 1]=-4 is no compute time: give seconds > 0"),
    (theory.synchronous_round, (h, 0), "jobs_each=0 is no number of gradients: give an integer >= 1"),
    (theory.rennala_jobs, (h, 0), "M=0 is no number of gradients: give an integer >= 1"),
    (theory.malenia_jobs, (h, [3, 2.5]), "M[1]=2.5 is no number of gradients: give an integer >= 1"),
    (theory.rennala_round, (h, math.inf), "M=inf is no number of gradients: give an integer >= 1"),
    (theory.rennala_bound, (h, nan), "M=nan is no number of gradients: give an integer >= 1"),
    (theory.malenia_bound, ([nan], 3), "h[0]=nan is no compute time: give seconds > 0"),
    (theory.greedy_arrivals, (h, -1.0, 3), "kappa=-1.0 is no communication time: give finite seconds >= 0"),
    (theory.greedy_arrivals, (h, [1.0], 3), "kappa has shape (1,) for 2 workers: give one number, or 2"),
    (theory.greedy_arrivals, ([h], 0.0, 3), "h has shape (1, 2): give one cluster, shape (workers,)"),
    (theory.greedy_time, (h, nan, 3), "kappa=nan is no communication time: give finite seconds >= 0"),
    *((row, (h, -1.0), "epsilon=-1.0 is no accuracy: give a number > 0") for row in theory.TABLE.values()),
    (theory.rennala_nigt, (h, [0.1, 0.0]), "epsilon[1]=0.0 is no accuracy: give a number > 0"),
    (theory.afedpg, (h, 0.1, math.inf), "kappa=inf is no communication time: give finite seconds >= 0"),
    (theory.theorem_4_4, (h, 0.1, 0, -1, 1, 1, 1), "sigma=-1 is no noise level: give a finite number >= 0"),
    (theory.theorem_5_1, (h, 0.1, 0, 1, 0, 1, 1), "L_g=0 is no smoothness constant: give a finite number > 0"),
    (theory.updates_needed, (0.1, 1, -1, 1), "L_h=-1 is no smoothness constant: give a finite number >= 0"),
    (theory.nigt_parameters, (0.1, 1, 1, 1, 0.0), "Delta=0.0 is no gap: give a finite number > 0"),
    (theory.nigt_parameters, ([0.1], 1, 1, 1, 1), "epsilon has shape (1,): give one number"),
    (theory.pg_parameters, (0.0, 1, 1, 1), "epsilon=0.0 is no accuracy: give a number > 0"),
    (theory.policy_constants, (1, 1, 1, 1.0), "discount=1.0 is no discount: give a number in [0, 1)"),
    (theory.policy_constants, (0, 1, 1, 0.9), "r_max=0 is no bound on rewards: give a finite number > 0"),
    (theory.softmax_score, (0,), "actions=0 is no number of actions: give an integer >= 1"),
    (theory.gaussian_score, (1.0, 0.0), "deviation=0.0 is no deviation: give a finite number > 0"),
    (theory.fastest_workers, (h, 0.0), "M=0.0 is no number of gradients: give a finite number > 0"),
    (theory.best_batch_size, ([h], 0.0, 0.1, 1, 1, 1, 1), "h has shape (1, 2): give one cluster, shape (workers,)"),
    (
        theory.best_batch_size,
        (h, 0.0, 1e-9, 1, 1, 1, 1),
        "epsilon=1e-09 asks for batches of up to 7.4e+15 gradients: give a larger epsilon",
    ),
    (theory.measured_crossover, (h, 0, 1.0, 1), "updates=0 is no number of updates: give a finite number > 0"),
    (theory.cancelled_jobs, (0, 3), "workers=0 is no number of workers: give an integer >= 1"),
    (theory.cancelled_seconds, (h, [1, -1], 3.0), "jobs[1]=-1 is no number of gradients: give a finite number >= 0"),
    (theory.cancelled_seconds_bound, (h, 0.0), "round_time=0.0 is no round time: give a finite number > 0"),
]


@pytest.mark.parametrize("function, arguments, line", BAD)
def test_bad_arguments_are_named(function, arguments, line):
    with pytest.raises(ValueError) as error:
        function(*arguments)
    assert str(error.value) == line


def test_every_formula_has_a_test():
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path.stem != "test_bounds")
    own = [f for name, f in inspect.getmembers(theory, inspect.isfunction) if not name.startswith("_")]
    own = [f for f in own if f.__module__.startswith(f"{theory.__name__}.")]
    assert len(own) > 30 and all(f.__doc__ for f in own)
    rows = set(theory.TABLE.values())
    assert [f.__name__ for f in own if f"theory.{f.__name__}" not in source and f not in rows] == []
