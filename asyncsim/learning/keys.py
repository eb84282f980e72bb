"""The keys of all that is drawn at random in learning: a seed has a stream for each purpose."""

from __future__ import annotations

import jax

INITIAL, JOB, EVALUATION = range(3)


def initial_key(seed):
    """The key that θ_0 is drawn with."""
    return jax.random.fold_in(jax.random.key(seed), INITIAL)


def job_key(seed, version, worker, index):
    """The key of a job: nothing else decides its trajectory, given the point."""
    key = jax.random.fold_in(jax.random.key(seed), JOB)
    for part in (version, worker, index):
        key = jax.random.fold_in(key, part)
    return key


def evaluation_key(seed):
    """The key of every evaluation of a seed: all iterates meet the same random numbers."""
    return jax.random.fold_in(jax.random.key(seed), EVALUATION)
