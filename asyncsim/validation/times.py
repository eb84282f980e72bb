"""Claims about time alone: (a) to (e) and (j). No gradient is computed."""

from __future__ import annotations

import math
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from .. import theory
from ..cluster import Cluster, sqrt
from ..engine import simulate as run
from ..rules import Greedy, Malenia, Rennala, Synchronous
from .evidence import Claim, Drawing, Evidence, rows
from .measurement import slope

simulate = partial(run, events=True)  # evidence for the theory, which closed forms use
DERIVED = "derived in asyncsim.theory"


def random(purpose: int) -> np.random.Generator:
    """Its own random numbers for every claim."""
    return np.random.Generator(np.random.Philox(purpose))


def spread(rng: np.random.Generator, workers: Any, widest: float) -> np.ndarray:
    """h, log-normal with a random spread; three of ten are whole numbers, which tie."""
    h = np.exp(rng.normal(size=workers) * rng.uniform(0, widest))
    return np.ceil(h) if rng.random() < 0.3 else h


def round_times(quick: bool) -> Evidence:
    """(a) One round: the closed forms of its time and of each worker's jobs, against the engine."""
    count, rng = 200 if quick else 1000, random(1)
    found = []
    for _ in range(count):
        h, M = spread(rng, rng.integers(1, 11), 1.0), int(rng.integers(1, 51))
        for rule, time, jobs in (
            (Synchronous(), theory.synchronous_round(h), np.ones(len(h))),
            (Rennala(M), theory.rennala_round(h, M), theory.rennala_jobs(h, M)),
            (Malenia(M), theory.malenia_round(h, M), theory.malenia_jobs(h, M)),
        ):
            timeline = simulate(rule, Cluster(h.tolist()), updates=1)
            same = timeline.end == time and (_used(timeline) == jobs).all()
            found.append((type(rule).__name__, float(time), timeline.end, same))
    table = pd.DataFrame(found, columns=["rule", "predicted", "measured", "same"])
    claims, drawn = [], []
    for name, formula, source in (
        ("Synchronous", "max h_i", "section 3"),
        ("Rennala", "the least t with Σ ⌊t/h_i⌋ >= M", "Algorithm 2"),
        ("Malenia", "the least t with n² >= M Σ 1/⌊t/h_i⌋", "Algorithm 4"),
    ):
        own = table[table["rule"] == name]
        statement = f"A round of {name} takes {formula}, to the last bit, and each worker's jobs are as predicted"
        claims.append(Claim("a", f"{name}: exact rounds", statement, source, count, int(own["same"].sum())))
        drawn.append(rows(name, own["predicted"], own["measured"], own["predicted"]))
    labels = ("closed form (s)", "engine (s)", "closed form")
    drawing = Drawing("round-times", f"(a) One round, {count} random clusters", *labels, pd.concat(drawn))
    return Evidence(claims, [drawing])


def _used(timeline) -> np.ndarray:
    """Used jobs per worker."""
    jobs = timeline.jobs
    return np.bincount(jobs["worker"][jobs["outcome"] == "used"], minlength=timeline.cluster.workers)


def round_bounds(quick: bool) -> Evidence:
    """(b) Bounds on a round: with cancelling by closed form, with stale jobs finished first by the engine."""
    count, few, rng = 1000 if quick else 10_000, 50 if quick else 300, random(2)
    sizes = (1, 2, 3, 5, 10, 30, 100)
    each = math.ceil(count / len(sizes))
    samples = [
        (np.stack([spread(rng, n, 3.0) for _ in range(each)]), np.floor(10 ** rng.uniform(0, 3, each))) for n in sizes
    ]
    small = [(spread(rng, rng.integers(1, 11), 1.0), int(rng.integers(1, 51))) for _ in range(few)]
    claims, drawn = [], []
    for rule, round_time, bound, formula, source in (
        (Rennala, theory.rennala_round, theory.rennala_bound, "2 min_m (Σ_{i<=m} 1/h_i)^-1 (M + m)", "Theorem 4.4"),
        (Malenia, theory.malenia_round, theory.malenia_bound, "2 (h_n + (1/n Σ h_i) M/n)", "Theorem 5.1"),
    ):
        times = np.concatenate([round_time(h, M) for h, M in samples])
        bounds = np.concatenate([bound(h, M) for h, M in samples])
        ratio = times / bounds
        stale = np.concatenate([_finishing(rule(M), h) / bound(h, M) for h, M in small])
        name, about = f"{rule.__name__}: t / bound", f"{len(times)} random clusters"
        seen = {"low": ratio.min(), "high": ratio.max(), "interval": "range"}
        half = "1 in place of its factor 2" if ratio.max() <= 0.5 else ""
        most = f"A round takes at most {formula}, {about}"
        least = f"... and, where stale jobs are cancelled, at least a quarter of it, {about}"
        whole = f"... and at most all of it where stale jobs are finished first, {len(stale)} rounds of the engine"
        claims += [
            Claim("b", name, most, source, 1.0, ratio.max(), "<=", holds_with=half, **seen),
            Claim("b", f"{name}, least", least, DERIVED, 0.25, ratio.min(), ">=", 1e-12, **seen),
            Claim("b", f"{name}, stale", whole, source, 1.0, stale.max(), "<=", 0.0, stale.min(), stale.max(), "range"),
        ]
        show = np.append(np.arange(0, len(times), max(1, len(times) // 1000)), [ratio.argmin(), ratio.argmax()])
        drawn.append(rows(rule.__name__, bounds[show], times[show], bounds[show]))
    title = f"(b) One round, {len(times)} random clusters{'' if quick else ' (every tenth is shown)'}"
    labels = ("bound, with its factor 2 (s)", "one round, with cancelling (s)", "bound")
    return Evidence(claims, [Drawing("round-bounds", title, *labels, pd.concat(drawn), levels=(0.25, 0.5))])


def _finishing(rule, h) -> np.ndarray:
    """Seconds of each of six rounds, if workers finish their stale jobs first."""
    return np.diff(simulate(rule, Cluster(h), updates=6, stale="finish").updates["time"], prepend=0.0)


def greedy_order(quick: bool) -> Evidence:
    """(c) Greedy arrivals: the order statistics of the multiples of h_i + κ_i."""
    count, arrivals, rng = 50 if quick else 200, 200, random(3)
    same, drawn, show = 0, [], np.unique(np.geomspace(1, arrivals, 40).astype(int)) - 1
    for k in range(count):
        h = spread(rng, rng.integers(1, 11), 1.0)
        kappa = rng.exponential(size=len(h)) * rng.integers(0, 2)
        jobs = simulate(Greedy(), Cluster(h.tolist(), tuple(kappa)), updates=arrivals).jobs.iloc[:arrivals]
        finish, worker = jobs["finish"].to_numpy(), jobs["worker"].to_numpy()
        predicted = theory.greedy_arrivals(h, kappa, arrivals)
        same += int(((finish == predicted.time) & (worker == predicted.worker)).sum())
        if k < 4:
            drawn.append(rows(f"cluster {k + 1}, n = {len(h)}", show + 1, finish[show], predicted.time[show]))
    statement = "The k-th arrival at a greedy server is the k-th smallest multiple of the h_i + κ_i, to the last bit"
    claim = Claim("c", "Greedy: arrivals", statement, "arXiv 2404.08003", count * arrivals, same)
    labels = ("k-th arrival", "time (s)", "order statistic")
    drawing = Drawing("arrivals", "(c) Greedy arrivals, four random clusters", *labels, pd.concat(drawn))
    return Evidence([claim], [drawing])


def stragglers(quick: bool) -> Evidence:
    """(d) One slow worker of ten: Synchronous waits for it, Rennala does not."""
    slowness, M = np.geomspace(1, 1000, 13), 20
    h = np.stack([np.append(np.ones(9), s) for s in slowness])
    late, claims, drawn = slowness >= 10, [], []
    for rule, bound, exponent, source in (
        (Synchronous(), theory.synchronous_round(h), 1, "Table 1, h_n"),
        (Rennala(M), theory.rennala_bound(h, M), 0, "Theorem 4.4, min_m"),
    ):
        name = type(rule).__name__
        seconds = np.array([simulate(rule, Cluster(own), updates=5).end / 5 for own in h])
        fit = slope(slowness[late], seconds[late])
        statement = f"h = (1, ..., 1, s), n = 10, M = 20: {name}'s seconds per update grow as s^{exponent} for s >= 10"
        line = np.full(len(slowness), np.nan)
        line[late] = fit.line
        claims.append(Claim("d", f"{name}: slope in s", statement, source, exponent, fit.value, tolerance=1e-9))
        drawn.append(rows(name, slowness, seconds, bound, fitted=line))
    labels = ("s, the straggler's seconds per gradient", "seconds per update", "bound")
    drawing = Drawing("straggler", "(d) One straggler among ten workers", *labels, pd.concat(drawn), levels=(0.25, 0.5))
    return Evidence(claims, [drawing])


def means(quick: bool) -> Evidence:
    """(e) M much larger than n: Rennala follows the harmonic mean of h, Malenia the arithmetic mean."""
    n, M = 10, 1000
    normal = [NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)]
    h = np.exp(np.outer(np.linspace(0, 2, 7 if quick else 13), normal))
    h *= (1 / h).mean(-1, keepdims=True)  # harmonic mean 1
    average = h.mean(-1)
    # Rounds exceed M/n means of h by 0 to a known share of them; errors of this size can turn the line by so much.
    off = np.log(average) - np.log(average).mean()
    turn = abs(off).sum() / 2 / (off**2).sum()
    claims, drawn = [], []
    for rule, which, mean, exponent, excess, source in (
        (Rennala(M), "harmonic", np.ones(len(h)), 0, n / M, "Theorem 4.4"),
        (Malenia(M), "arithmetic", average, 1, (h.max(-1) / average).max() * n / M, "Theorem 5.1"),
    ):
        name = type(rule).__name__
        seconds = np.array([simulate(rule, Cluster(own), updates=1).end for own in h]) * n / M
        fit, ratio = slope(average, seconds), seconds / mean
        power = f"n = {n}, M = {M}, harmonic mean of h fixed: {name}'s round grows as (arithmetic mean)^{exponent}"
        value = f"... and takes M/n times the {which} mean of h"
        window, seen = turn * math.log1p(excess), (ratio.min(), ratio.max(), "range")
        claims += [
            Claim("e", f"{name}: slope in mean", power, source, exponent, fit.value, "=", window, *fit.interval),
            Claim("e", f"{name}: n/M · t / mean", value, source, 1.0, ratio.max(), "=", excess, *seen),
        ]
        drawn.append(rows(f"{name}, {which} mean", average, seconds, mean, fitted=fit.line))
    labels = ("arithmetic mean of h", "n/M · one round (s)", "mean of h")
    drawing = Drawing("means", "(e) Which mean of h counts (harmonic mean 1)", *labels, pd.concat(drawn))
    return Evidence(claims, [drawing])


def discarding(quick: bool) -> Evidence:
    """(j) What cancelling costs: the share of jobs, and of computing seconds, that no update uses."""
    count, rng = 50 if quick else 300, random(10)
    found = []
    for _ in range(count):
        n, M = int(rng.integers(2, 21)), int(rng.integers(1, 101))
        h = np.exp(rng.normal(size=n) * rng.uniform(0.1, 1))  # no ties
        for rule, jobs, time in (
            (Rennala(M), theory.rennala_jobs(h, M), theory.rennala_round(h, M)),
            (Malenia(M), theory.malenia_jobs(h, M), theory.malenia_round(h, M)),
        ):
            predicted = theory.cancelled_jobs(n, jobs.sum()), theory.cancelled_seconds(h, jobs, time)
            off = np.abs(np.subtract(_cancelled(rule, h), predicted))
            bound = theory.cancelled_seconds_bound(h, time)
            found.append((type(rule).__name__, *off, _cancelled(rule, h)[1] / bound))
    table = pd.DataFrame(found, columns=["rule", "jobs", "seconds", "ratio"])
    claims, drawn, about = [], [], f"{count} random clusters without ties"
    ten, sizes = sqrt(10), np.unique(np.rint(np.geomspace(1, 1000, 19)).astype(int))
    for of, round_time in ((Rennala, theory.rennala_round), (Malenia, theory.malenia_round)):
        name, own = of.__name__, table[table["rule"] == of.__name__]
        about_jobs = f"A round cancels n - 1 jobs: largest difference from the share (n-1)/(n-1 + used), {about}"
        seconds = f"Share of computing seconds cancelled: largest difference from 1 - Σ M_i h_i/(n t), {about}"
        ratio, most = own["ratio"], f"... and at most 1/n Σ min(1, h_i/t), {about}"
        seen = (ratio.min(), ratio.max(), "range")
        claims += [
            Claim("j", f"{name}: cancelled jobs", about_jobs, DERIVED, 0.0, own["jobs"].max(), "=", 1e-12),
            Claim("j", f"{name}: cancelled seconds", seconds, DERIVED, 0.0, own["seconds"].max(), "=", 1e-9),
            Claim("j", f"{name}: seconds / bound", most, DERIVED, 1.0, ratio.max(), "<=", 1e-9, *seen),
        ]
        share = [_cancelled(of(int(M)), ten)[1] for M in sizes]
        drawn.append(rows(name, sizes, share, theory.cancelled_seconds_bound(ten, round_time(ten, sizes))))
    labels = ("M, gradients per update", "share of computing seconds cancelled", "bound")
    return Evidence(
        claims, [Drawing("cancelled", "(j) What cancelling costs, h = √i, n = 10", *labels, pd.concat(drawn))]
    )


def _cancelled(rule, h) -> tuple[float, float]:
    """Shares of jobs and of computing seconds; what still runs at the last of five updates would be cancelled."""
    timeline = simulate(rule, Cluster(h), updates=5)
    jobs = timeline.jobs
    lost = jobs["outcome"] != "used"
    seconds = (jobs["finish"].fillna(timeline.end) - jobs["start"])[lost].sum()
    return float(lost.mean()), float(seconds / (len(h) * timeline.end))
