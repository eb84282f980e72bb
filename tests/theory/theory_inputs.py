"""What tests of the theory draw: clusters, batches and constants, and sums that share nothing with the formulas."""

import math
from functools import partial
from heapq import heapify, heappop, heapreplace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

import asyncsim

simulate = partial(asyncsim.simulate, events=True)  # evidence for the theory, which closed forms use
# Times that tie, times that do not, and mixtures; a few workers each.
ties = st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.6, 1.0, 1.5, 2.0, 3.0, math.sqrt(2), math.sqrt(3), math.sqrt(12)])
times = ties | st.floats(0.05, 20)
clusters = st.lists(times, min_size=1, max_size=8)
batches = st.integers(1, 60)
many = settings(max_examples=200, deadline=None)
some = settings(max_examples=50, deadline=None)
# Constants of a problem: ε, σ, L_g, L_h, Δ.
curvatures = st.just(0.0) | st.floats(1e-9, 5)
constants = st.tuples(*[st.floats(0.05, 2), st.floats(0, 3), st.floats(0.1, 5), curvatures, st.floats(0.1, 10)])


def random_clusters(count, workers, seed=0):
    """Of widely different spreads, some with ties, shape (count, workers)."""
    rng = np.random.default_rng(seed)
    h = np.exp(rng.normal(size=(count, workers)) * rng.uniform(0, 3, (count, 1)))
    return np.where(rng.random((count, 1)) < 0.3, np.ceil(h), h)


def arrivals(h):
    """(k h_i, i) in their order, one after another, from a heap."""
    heap = [(h_i, i, 1) for i, h_i in enumerate(h) if h_i < math.inf]
    heapify(heap)
    while heap:
        time, i, k = heap[0]
        yield time, i
        if (k + 1) * h[i] < math.inf:
            heapreplace(heap, ((k + 1) * h[i], i, k + 1))
        else:
            heappop(heap)


def brute_harmonic(h, updates, gradients):
    """min_m (1/m Σ_{i<=m} 1/h_i)^-1 (updates + gradients/m), and its m, by the loop that it says."""
    h = sorted(h)
    return min((1 / (sum(1 / h_i for h_i in h[:m]) / m) * (updates + gradients / m), m) for m in range(1, len(h) + 1))
