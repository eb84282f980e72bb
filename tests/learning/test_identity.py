"""Under which name a curve is found."""

import os

import jax
import numpy as np
import pytest

from asyncsim import Cluster, Quadratic, methods, replay, simulate
from asyncsim.learning.identity import curve_settings, lane_key
from asyncsim.learning.lanes import on_all_cores
from asyncsim.store import Store

PROBLEM, METHOD = Quadratic(dimension=4, noise=0.1), methods.afedpg(0.1)


def key(problem=PROBLEM, update=METHOD.update, evaluate_every=1, seed=0, step_size=0.1):
    return lane_key(curve_settings(problem, update, evaluate_every, (5, 2)), seed, step_size)


def test_what_changes_a_curve_changes_its_name():
    others = [
        key(problem=Quadratic(dimension=5, noise=0.1)),
        key(problem=Quadratic(dimension=4, noise=0.2)),
        key(update=methods.rennala_nigt(1, 0.1).update),
        key(evaluate_every=2),
        key(seed=1),
        key(step_size=np.nextafter(0.1, 1)),
    ]
    with jax.enable_x64(False):
        others.append(key())
    with jax.default_prng_impl("rbg"):
        others.append(key())
    with jax.default_matmul_precision("float32"):
        others.append(key())
    assert len({key(), *others}) == 1 + len(others) and key() == key()


@pytest.mark.parametrize("seeds", [np.arange(2), np.arange(2, dtype=np.uint32), range(2)])
def test_seeds_are_the_same_whatever_integers_they_are(tmp_path, seeds):
    timeline, store = simulate(METHOD, Cluster([1.0]), updates=3), Store(tmp_path)
    first = replay(timeline, METHOD, PROBLEM, seeds=seeds, evaluate_every=1, shelf=store)
    again = replay(timeline, METHOD, PROBLEM, seeds=[0, 1], evaluate_every=1, shelf=store)
    assert (first.computed, again.computed) == (6, 0) and first.seeds == again.seeds == (0, 1)
    assert first.to_frame().equals(again.to_frame())


def test_after_a_failure_no_group_is_begun():
    begun = []

    def fail(group, stop):
        begun.append(group)
        if group == 0:
            raise RuntimeError("a bug")
        assert stop.wait(60)

    with pytest.raises(RuntimeError, match="a bug"):
        on_all_cores(fail, range(1000))
    assert len(begun) <= os.cpu_count()
