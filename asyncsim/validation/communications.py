"""Claim (f): what a communication costs each kind of method."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from .. import methods, theory
from ..cluster import Cluster, sqrt
from .evidence import Claim, Drawing, Evidence, rows
from .measurement import ascent, slope, student, tabular_constants
from .times import DERIVED, random, simulate
from .training import GARNET, GREEDY_STEP, MOMENTUM, STEP, curve, reached, target


def communication(quick: bool) -> Evidence:
    """(f) Time to ε against κ: what a communication costs each kind of method, and where they cross."""
    seeds, h, M, epsilon = 64 if quick else 256, sqrt(10), 20, target(GARNET)
    kappas = np.array([0.0, 1.0, 2.0, 8.0] if quick else [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0])
    runs = {  # a method, and the seconds of its round
        "Rennala NIGT": (methods.rennala_nigt(M, STEP, MOMENTUM), theory.rennala_round(h, M)),
        "Malenia NIGT": (methods.malenia_nigt(M, STEP, MOMENTUM), theory.malenia_round(h, M)),
        "Synchronous NIGT": (methods.synchronous_nigt(STEP, MOMENTUM, 2), theory.synchronous_round(h, 2)),
        "AFedPG": (methods.afedpg(GREEDY_STEP, MOMENTUM), None),
    }
    times, counts = {}, {}  # seconds to ε, shape (seeds, κ); mean updates to ε at κ = 0
    for name, (method, round_time) in runs.items():
        seconds: list[np.ndarray] = []
        for kappa in kappas:
            timeline = simulate(method, Cluster(h, kappa), updates=256 if round_time else 2600 if quick else 4000)
            if not seconds or not round_time:  # the updates of collecting methods are the same at every κ
                to_epsilon = reached(curve(GARNET, method, timeline, seeds), epsilon)
            if not seconds:
                counts[name] = round(to_epsilon.mean())
            seconds.append(timeline.updates["time"].to_numpy()[to_epsilon - 1])
        times[name] = np.stack(seconds, 1)

    def end(name, kappa, collective="max"):
        """Simulated seconds of as many updates as it took to ε."""
        return simulate(runs[name][0], Cluster(h, kappa, collective), updates=counts[name]).end

    claims, drawn = [], []
    for name, (_, round_time) in runs.items():
        count, own = counts[name], times[name]
        if round_time:
            line = count * (round_time + kappas)
            for collective, trips in (("max", 1), ("broadcast+reduce", 2)):
                value = slope(kappas, [end(name, kappa, collective) for kappa in kappas], logarithmic=False).value
                title = f"{name}: slope in κ{', two a round' if trips == 2 else ''}"
                statement = (
                    f"Seconds against κ have slope = updates × communications a round, collective={collective!r}"
                )
                claims.append(
                    Claim("f", title, statement, "Tables 1 and 2", count * trips, value, tolerance=1e-9 * count)
                )
        else:
            line = np.array([theory.greedy_arrivals(h, kappa, count).time[-1] for kappa in kappas])
        low, high = np.transpose([(each.low, each.high) for each in map(student, own.T)])
        drawn.append(rows(name, kappas, own.mean(0), line, low, high))
    claims += _greedy_slope(end, counts["AFedPG"], len(h))
    crossings = _crossover(times, counts, runs["Rennala NIGT"][1], h, kappas, end, epsilon)
    claims += crossings

    title = f"(f) Time to ε = {epsilon:.2g}, Garnet MDP, h = √i, n = 10"
    labels = ("κ, seconds per communication", "simulated seconds to ε", "updates to ε at κ = 0, with this κ")
    constants = tabular_constants(GARNET, ascent(GARNET, 8.0, 16), 1000 if quick else 4000)
    crossing = (float(crossings[0].predicted), "κ* as predicted from updates to ε")
    drawing = Drawing("communication", title, *labels, pd.concat(drawn), logarithmic=False, mark=crossing)
    return Evidence(claims, [drawing], {"Garnet MDP: 5 states, 3 actions, γ = 0.8, H = 10": constants.to_frame()})


def _greedy_slope(end, count: int, n: int) -> list[Claim]:
    seconds = (end("AFedPG", 1000.0) - end("AFedPG", 500.0)) / 500
    why = f"workers communicate side by side, the slope is updates/n = {count / n:.4g}"
    steep, side = "Seconds against κ have slope = updates, κ = 500 to 1000", "... and slope = updates/n"
    return [
        Claim("f", "AFedPG: slope in κ", steep, "Table 1", count, seconds, tolerance=0.05 * count, why_not=why),
        Claim("f", "AFedPG: slope in κ, side by side", side, DERIVED, count / n, seconds, tolerance=1.0),
    ]


def _crossover(times, counts, round_time, h, kappas, end, epsilon) -> list[Claim]:
    """κ* at which Rennala NIGT overtakes AFedPG: of the engine and of the curves against the predicted one."""
    one, other = counts["Rennala NIGT"], counts["AFedPG"]
    predicted = theory.measured_crossover(h, one, round_time, other)
    engine = _zero(lambda kappa: end("AFedPG", kappa) - end("Rennala NIGT", kappa), 0.0, 8.0)
    later = times["AFedPG"] - times["Rennala NIGT"]
    resampled = later[random(6).integers(0, len(later), (2000, len(later)))].mean(1)
    low, high = np.quantile([_crossing(kappas, mean) for mean in resampled], (0.025, 0.975))
    of_tables = theory.crossover(theory.rennala_nigt(h, epsilon, 1.0), theory.afedpg(h, epsilon, 1.0))
    statement = f"Rennala NIGT overtakes AFedPG at κ* as predicted from measured updates to ε, {one} and {other}"
    trained = f"... and where the mean seconds to ε cross, trained at every κ, {len(later)} seeds"
    rows_only = "... and where the two rows of the table cross"
    why = "constants are dropped there, and Rennala NIGT's row is never behind: κ* needs measured updates"
    source, curves = "theory.measured_crossover", _crossing(kappas, later.mean(0))
    interval = (low, high, "95 %, bootstrap")
    return [
        Claim("f", "κ*: engine", statement, source, predicted, engine, tolerance=0.1 * predicted),
        Claim("f", "κ*: curves", trained, source, predicted, curves, "=", 0.1 * predicted, *interval),
        Claim("f", "κ*: tables", rows_only, "Table 1", of_tables, engine, tolerance=0.1 * engine, why_not=why),
    ]


def _zero(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that rises through 0 does so; NaN if it does not."""
    return float(brentq(function, low, high, xtol=1e-9)) if function(low) < 0 < function(high) else math.nan


def _crossing(x: np.ndarray, y: np.ndarray) -> float:
    """The first x at which the straight lines through the points reach 0 from below; NaN if none."""
    up = np.flatnonzero((y[:-1] < 0) & (y[1:] >= 0))
    if not len(up):
        return math.nan
    k = up[0]
    return float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))
