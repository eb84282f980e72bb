"""Lanes are pairs of a seed and a step size. Programs have a fixed number of them: none depends on its company."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

LANES = 5  # of a program on a CPU: parameters of more leave the cache, and other cores can take them
ON_ACCELERATORS = 25


class Lane(NamedTuple):
    """One learner."""

    seed: int
    step_size: float  # α


class Lanes(NamedTuple):
    """Those of one program, each of shape (lanes,)."""

    seeds: Any  # uint32
    step_sizes: Any
    real: Any  # bool; the others fill the program up, and compute nothing


def checked_lanes(seeds, step_sizes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Seeds and step sizes, as Python's own numbers. Raises ValueError."""
    seeds, step_sizes = tuple(seeds), tuple(float(step) for step in step_sizes)
    if not seeds:
        raise ValueError("seeds=[] is empty: give at least one integer")
    if len(set(seeds)) != len(seeds) or any(isinstance(s, bool) or int(s) != s or not 0 <= s < 2**32 for s in seeds):
        raise ValueError(f"seeds={list(seeds)!r} are no seeds: give distinct integers from 0 to 2^32 - 1")
    if not step_sizes or any(not 0 < step < math.inf for step in step_sizes):
        raise ValueError(f"step_sizes={list(step_sizes)!r} are no step sizes: give finite numbers > 0")
    return tuple(map(int, seeds)), step_sizes


def lanes_of_a_program() -> int:
    """How many lanes each program has."""
    return LANES if jax.default_backend() == "cpu" else ON_ACCELERATORS


def together(lanes: Sequence[Lane]) -> Lanes:
    """As a program takes them, filled up with the first."""
    room = lanes_of_a_program()
    every = [*lanes, *[lanes[0]] * (room - len(lanes))]
    seeds, step_sizes = zip(*every)
    dtype = jnp.result_type(float)
    real = np.arange(room) < len(lanes)
    return Lanes(jnp.asarray(seeds, jnp.uint32), jnp.asarray(step_sizes, dtype), jnp.asarray(real))


def on_all_cores(function: Callable[[Any, threading.Event], Any], groups: Sequence[Any]) -> list[Any]:
    """What the function returns for each group, on threads, as the caller's contexts have JAX compute.

    Its event is set when it should stop, for another call failed or the caller was interrupted.
    """
    stop, wide, config = threading.Event(), jnp.result_type(float) == jnp.float64, jax.config
    products = jax.default_matmul_precision, config.jax_default_matmul_precision  # type: ignore[attr-defined]
    numbers = jax.default_prng_impl, config.jax_default_prng_impl  # type: ignore[attr-defined]
    bits = jax.threefry_partitionable, config.jax_threefry_partitionable  # type: ignore[attr-defined]

    def call(group):
        if stop.is_set():
            return None  # nobody will read it
        with ExitStack() as stack:
            for option, value in ((jax.enable_x64, wide), products, numbers, bits):  # which threads do not inherit
                stack.enter_context(option(value))
            try:
                return function(group, stop)
            except BaseException:
                stop.set()
                raise

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(pool.map(call, groups))
        except BaseException:  # a key that was pressed reaches this thread alone
            stop.set()
            raise
