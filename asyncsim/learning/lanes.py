"""Lanes are all pairs of a seed and a step size. They are computed in groups of one size, on all cores."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Lanes(NamedTuple):
    """Those of one program, each of shape (lanes,)."""

    seeds: Any
    step_sizes: Any


def checked_lanes(seeds, step_sizes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Seeds and step sizes, checked."""
    seeds, step_sizes = tuple(seeds), tuple(float(step) for step in step_sizes)
    if not seeds:
        raise ValueError("seeds=[] is empty: give at least one integer")
    if len(set(seeds)) != len(seeds) or any(isinstance(s, bool) or int(s) != s or not 0 <= s < 2**32 for s in seeds):
        raise ValueError(f"seeds={list(seeds)!r} are no seeds: give distinct integers from 0 to 2^32 - 1")
    if not step_sizes or any(not 0 < step < math.inf for step in step_sizes):
        raise ValueError(f"step_sizes={list(step_sizes)!r} are no step sizes: give finite numbers > 0")
    return seeds, step_sizes


def groups_of(most: int, seeds, step_sizes) -> list[Lanes]:
    """All pairs, in groups of one size; the last is filled up with the first pairs."""
    pairs = len(seeds) * len(step_sizes)
    count = math.ceil(pairs / most)
    shape = count, math.ceil(pairs / count)
    columns = np.repeat(np.asarray(seeds, np.uint32), len(step_sizes)), np.tile(step_sizes, len(seeds))
    return [
        Lanes(jnp.asarray(some), jnp.asarray(steps, jnp.result_type(float)))
        for some, steps in zip(*(np.resize(column, shape) for column in columns), strict=True)
    ]


@contextmanager
def all_cores():
    """A map of functions of groups that has all cores at work, in the caller's precision."""
    wide = jnp.result_type(float) == jnp.float64

    def call(function, *group):
        with jax.enable_x64(wide):  # which threads do not inherit
            return jax.block_until_ready(function(*group))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield lambda function, *groups: list(pool.map(partial(call, function), *groups))
