"""Claim (i): what more equal workers gain."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from .. import methods, theory
from ..cluster import Cluster
from .evidence import Claim, Drawing, Evidence, Value, rows
from .measurement import slope, student
from .times import simulate
from .training import GARNET, MOMENTUM, STEP, curve, reached, target


def speedup(quick: bool) -> Evidence:
    """(i) Equal workers: n of them are n times as fast, until there are as many as gradients in an update."""
    seeds, M, epsilon = 32 if quick else 128, 32, target(GARNET)
    workers = np.array([1, 2, 4, 8, 16, 32, 64, 128])
    method = methods.rennala_nigt(M, STEP, MOMENTUM)
    timelines = [simulate(method, Cluster([1.0] * int(n)), updates=256) for n in workers]
    per_update = np.array([each.end / 256 for each in timelines])
    updates = np.stack([reached(curve(GARNET, method, each, seeds), epsilon) for each in timelines], 1)
    seconds = updates * per_update
    linear, flat = workers <= M, workers >= M
    falls = slope(workers[linear], per_update[linear]).value
    rests = slope(workers[flat], per_update[flat]).value
    fit = slope(workers[linear], seconds.mean(0)[linear])
    about, source = f"h = 1, M = {M}, n = 1 to {M}", "Theorem 4.4"
    line = np.full(len(workers), np.nan)
    line[linear] = fit.line
    # Means of independent runs: what their errors can do to the slope, three times.
    off = np.log(workers[linear] / stats.gmean(workers[linear]))
    error = updates.std(0, ddof=1) / updates.mean(0) / seeds**0.5
    window = 3 * math.hypot(*(off / (off**2).sum() * error[linear]))
    reaches = f"Seconds to ε fall as 1/n, {about}, {seeds} seeds"
    value: Value = (-1.0, fit.value, "=", window, *fit.interval)
    claims = [
        Claim(
            "i", "per update: slope in n", f"Seconds per update fall as 1/n, {about}", source, -1.0, falls, "=", 1e-9
        ),
        Claim("i", "to ε: slope in n", reaches, source, *value),
        Claim("i", "per update: n >= M", "... and nothing is gained beyond n = M", source, 0.0, rests, "=", 1e-9),
    ]
    low, high = np.transpose([(each.low, each.high) for each in map(student, seconds.T)])
    predicted = theory.rennala_round(np.ones(1), np.ceil(M / workers)) * updates.mean()
    drawn = rows("Rennala NIGT", workers, seconds.mean(0), predicted, low, high, line)
    labels = ("n, workers", f"simulated seconds to ε = {epsilon:.2g}", "mean updates to ε × ⌈M/n⌉ h")
    return Evidence(claims, [Drawing("speedup", f"(i) Equal workers, Garnet MDP, M = {M}", *labels, drawn)])
