"""Claims about what is learned: (f) to (i). Exact gradients tell when ε is reached."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from .. import methods, theory
from ..base import Method, Problem
from ..cluster import Cluster, sqrt
from ..learning import replay
from ..learning.keys import job_key
from ..problems import Quadratic, Ridge, TabularMDP
from ..rules import Malenia, Rennala
from ..timeline import Timeline
from .evidence import Claim, Drawing, Evidence, rows
from .measurement import (
    Constants,
    ascent,
    noise_level,
    quadratic_constants,
    ridge_constants,
    slope,
    student,
    tabular_constants,
    time_to,
)
from .times import DERIVED, random, simulate

GARNET = TabularMDP.garnet(states=5, actions=3, branching=2, discount=0.8, horizon=10)
MOMENTUM, STEP, GREEDY_STEP = 0.1, 2**-3, 2**-6  # η, and α of the collecting methods and of AFedPG


def _target(problem: Problem) -> float:
    """The ε of measured times: a quarter of ‖∇J(θ_0)‖."""
    return float(jnp.linalg.norm(problem.exact_gradient(ascent(problem, 0.0, 1)[0]))) / 4


def _curve(problem: Problem, method: Method, timeline: Timeline, seeds: int) -> pd.DataFrame:
    evaluations = min(500, len(timeline.updates))
    return replay(timeline, method, problem, seeds=range(seeds), evaluations=evaluations).to_frame()


def _reached(frame: pd.DataFrame, epsilon: float) -> np.ndarray:
    """Updates to ε of each seed; all must get there."""
    updates = time_to(frame, epsilon)["update"]
    if updates.isna().any():
        raise RuntimeError(f"{frame['method'].iloc[0]} did not get to {epsilon} in {frame['update'].max()} updates")
    return updates.to_numpy(int)


# ---- (f)


def communication(quick: bool) -> Evidence:
    """(f) Time to ε against κ: what a communication costs each kind of method, and where they cross."""
    seeds, h, M, epsilon = 64 if quick else 256, sqrt(10), 20, _target(GARNET)
    kappas = np.array([0.0, 1.0, 2.0, 8.0] if quick else [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0])
    runs = {  # a method, and the seconds of its round
        "Rennala NIGT": (methods.rennala_nigt(M, STEP, MOMENTUM), theory.rennala_round(h, M)),
        "Malenia NIGT": (methods.malenia_nigt(M, STEP, MOMENTUM), theory.malenia_round(h, M)),
        "Synchronous NIGT": (methods.synchronous_nigt(STEP, MOMENTUM, 2), theory.synchronous_round(h, 2)),
        "AFedPG": (methods.afedpg(GREEDY_STEP, MOMENTUM), None),
    }
    times, counts = {}, {}  # seconds to ε, shape (seeds, κ); mean updates to ε at κ = 0
    for name, (method, round_time) in runs.items():
        seconds = []
        for kappa in kappas:
            timeline = simulate(method, Cluster(h, kappa), updates=256 if round_time else 2600 if quick else 4000)
            if not seconds or not round_time:  # the updates of collecting methods are the same at every κ
                reached = _reached(_curve(GARNET, method, timeline, seeds), epsilon)
            if not seconds:
                counts[name] = round(reached.mean())
            seconds.append(timeline.updates["time"].to_numpy()[reached - 1])
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


# ---- (g)

COIN = TabularMDP(np.ones((1, 2, 1)), [[0.5, -0.5]], [1.0], discount=0.0, horizon=1)
# With p = P(arm 0): ∇J = p(1-p)(1, -1), ‖∇²J‖ = 2 p(1-p)|1-2p|, E‖g - ∇J‖² = 2 p(1-p)(1/4 - p(1-p)).
COIN_CONSTANTS = Constants(Delta=0.5, sigma=2**-2.5, L_g=27**-0.5, L_h=8**-0.5)
EXPONENTS = {"NIGT": -3.5, "PG": -4.0}
SOURCES = {"NIGT": "Theorem 4.4", "PG": "Table 1"}
SHARE = {  # of theory's T that is run: enough for the average to arrive
    ("NIGT", "ridge"): 0.175,
    ("PG", "ridge"): 0.42,
    ("NIGT", "coin"): 0.18,
    ("PG", "coin"): 0.4,
}


def accuracy(quick: bool) -> Evidence:
    """(g) Gradients and updates to ε: NIGT against vanilla policy gradient, with the parameters that theory gives them.

    Two problems: a ridge that is as bad as theory allows for each ε (its slope is 2ε), and one fixed policy gradient
    problem, a coin: a softmax over two arms that pay ½ and -½. Their constants are exact.
    """
    seeds = 4 if quick else 8
    # σ = 1/12 makes NIGT's M on the ridge ε^-1.5, here a whole number.
    ridge = [M ** (-2 / 3) for M in ((8, 32, 128) if quick else (8, 16, 32, 64, 128, 256))]
    coin = np.geomspace(0.1, 0.035, 3) if quick else np.geomspace(0.1, 0.025, 5)
    cases = [("ridge", epsilon, Ridge(slope=2 * epsilon, noise=1 / 12)) for epsilon in ridge]
    cases += [("coin", float(epsilon), COIN) for epsilon in coin]
    found = []
    for name, epsilon, problem in cases:
        known = ridge_constants(problem) if name == "ridge" else COIN_CONSTANTS
        for kind in ("NIGT", "PG"):
            method, chosen = _chosen(kind, epsilon, known)
            timeline = simulate(method, Cluster([1.0]), updates=math.ceil(SHARE[kind, name] * chosen.updates))
            curve = _curve(problem, method, timeline, seeds)
            for criterion in ("average", "first hit"):
                reached = time_to(curve, epsilon, criterion == "average")
                for updates, gradients in zip(reached["update"], reached["gradients"]):
                    theirs = (updates, gradients, chosen.updates, chosen.gradients)
                    found.append((kind, name, criterion, epsilon, *theirs))
    columns = ["method", "problem", "criterion", "epsilon", "updates", "gradients", "T", "N"]
    found = pd.DataFrame(found, columns=columns)

    fits, drawn = {}, {"gradients": [], "updates": []}
    for (kind, name, criterion), own in found.groupby(["method", "problem", "criterion"], sort=False):
        for unit, bound in (("gradients", "N"), ("updates", "T")):
            measured = {epsilon: student(values) for epsilon, values in own.groupby("epsilon")[unit]}
            mean, low, high = np.transpose(list(measured.values()))
            fit = fits[kind, name, criterion, unit] = slope(list(measured), mean)
            if criterion == "average":
                predicted = own.groupby("epsilon")[bound].first().to_numpy()
                drawn[unit].append(rows(f"{kind}, {name}", list(measured), mean, predicted, low, high, fit.line))

    claims = _exponents(fits)
    claims += _constants_matter(found, fits, min(ridge))
    quadratic, quadratic_known, quadratic_share = _quadratic(seeds)
    arrived = found[found["criterion"] == "average"]
    share = np.append(arrived["updates"] / arrived["T"], quadratic_share)
    most = "The average of ‖∇J‖ is at most ε after theory's T updates: arrival / T on ridge, coin and a quadratic"
    seen = (share.min(), share.max(), "range")
    claims.append(Claim("g", "arrival / T", most, "Lemmas D.1 and D.2", 1.0, share.max(), "<=", 0.0, *seen))
    drawings = [
        Drawing(
            f"{unit}-to-accuracy",
            f"(g) {unit.capitalize()} to ε, with theory's parameters",
            "ε",
            f"{unit} until the average of ‖∇J‖ is ε",
            "theory's number, constants kept",
            pd.concat(parts),
        )
        for unit, parts in drawn.items()
    ]
    constants = {
        f"ridge of slope {cases[0][2].slope:g}": ridge_constants(cases[0][2]),
        "coin: softmax over two arms that pay 1/2 and -1/2": COIN_CONSTANTS,
        f"quadratic, d = {quadratic.dimension}": quadratic_known,
    }
    return Evidence(claims, drawings, {name: own.to_frame() for name, own in constants.items()})


def _chosen(kind: str, epsilon: float, known: Constants) -> tuple[Method, theory.Parameters]:
    """A method with theory's parameters."""
    if kind == "PG":
        chosen = theory.pg_parameters(epsilon, known.sigma, known.L_g, known.Delta)
        return methods.rennala_pg(chosen.batch_size, chosen.step_size), chosen
    chosen = theory.nigt_parameters(epsilon, **known.arguments())
    size = (chosen.batch_size, chosen.step_size, chosen.momentum, chosen.initial_batch_size)
    return methods.rennala_nigt(*size), chosen


def _exponents(fits) -> list[Claim]:
    """Of ε: on the ridge they are attained, on the coin they bound."""
    claims = []
    units = {"gradients": EXPONENTS, "updates": dict.fromkeys(EXPONENTS, -2.0)}
    for name, criterion in (("ridge", "average"), ("coin", "average"), ("coin", "first hit")):
        where = "the ridge of slope 2ε" if name == "ridge" else "the two-armed coin"
        what = "the average of ‖∇J‖ is ε" if criterion == "average" else "‖∇J‖ is ε for the first time"
        relation = "=" if name == "ridge" else ">="
        first = "" if criterion == "average" else ", first hit"
        for unit, exponents in units.items():
            for kind, exponent in exponents.items():
                fit = fits[kind, name, criterion, unit]
                statement = f"{unit.capitalize()} until {what} on {where}: ε^{exponent:g}"
                statement += " or better" if relation == ">=" else ""
                title = f"{kind}, {name}: {unit}{first}"
                value = (exponent, fit.value, relation, 0.1, *fit.interval)
                claims.append(Claim("g", title, statement, SOURCES[kind], *value))
        nigt, pg = (fits[kind, name, criterion, "gradients"] for kind in EXPONENTS)
        difference, reach = nigt.value - pg.value, 2 * math.hypot(nigt.error, pg.error)
        statement = f"... so that NIGT gains ε^0.5 on PG on {where}"
        why = (
            "with steps of length α the average of ‖∇J‖ stays near Δ/(α t); with plain ones it falls as log t / t here"
        )
        value = (0.5, difference, "=", 0.1, difference - reach, difference + reach, "± 2 standard errors")
        claims.append(Claim("g", f"NIGT - PG, {name}{first}", statement, "Table 1", *value, why_not=why))
    return claims


def _constants_matter(found: pd.DataFrame, fits, epsilon: float) -> list[Claim]:
    """The better exponent has the larger constant."""
    last = (
        found[(found["criterion"] == "average") & (found["epsilon"] == epsilon)].groupby("method")["gradients"].mean()
    )
    nigt, pg = (fits[kind, "ridge", "average", "gradients"] for kind in EXPONENTS)
    meet = epsilon * math.exp(math.log(nigt.line[0] / pg.line[0]) / (pg.value - nigt.value))
    even = (
        6 * 24**0.5 * 143 / 288
    ) ** -2  # where 6Δ√24 L_g/ε² · 144 √(L_h ε)/L_g σ²/ε² is (288/143) L_g Δ/ε² · 144 σ²/ε²
    statement = f"With theory's parameters NIGT needs no more gradients than PG on the ridge, ε = {epsilon:.3f}"
    why = f"the fitted lines meet at ε = {meet:.2g}, their bounds at ε = {even:.2g} L_g²/L_h"
    ratio = last["NIGT"] / last["PG"]
    return [Claim("g", "NIGT / PG: gradients", statement, "Table 1", 1.0, ratio, "<=", why_not=why)]


def _quadratic(seeds: int) -> tuple[Quadratic, Constants, np.ndarray]:
    """Where L_h = 0, NIGT's M is 1; the share of theory's T that it takes."""
    problem, epsilon = Quadratic(dimension=4, noise=0.05), 0.1
    known = quadratic_constants(problem)
    method, chosen = _chosen("NIGT", epsilon, known)
    timeline = simulate(method, Cluster([1.0]), updates=chosen.updates)
    reached = time_to(_curve(problem, method, timeline, seeds), epsilon, average=True)
    return problem, known, (reached["update"] / chosen.updates).to_numpy()


# ---- (h)


def aggregation(quick: bool) -> Evidence:
    """(h) Aggregation: mean and variance of a round's average, over independent rounds at one point."""
    runs, h, sizes = 2000 if quick else 10_000, sqrt(10), (5, 10, 20, 40, 80)
    point = ascent(GARNET, 2.0, 8)[-1]
    exact, level = np.asarray(GARNET.exact_gradient(point)), noise_level(GARNET, point, 20 * runs, seed=1)
    jobs = Jobs.sample(GARNET, point, theory.malenia_jobs(h, 80), runs)  # Rennala's are among them
    about, reach = f"h = √i, n = 10, {runs} rounds", stats.norm.ppf(0.975)
    claims, drawn = [], []
    for rule, source in ((Rennala, "Algorithm 2"), (Malenia, "Algorithm 4")):
        timelines = [simulate(rule(M), Cluster(h), updates=1) for M in sizes]
        squares = np.stack([((jobs.averages(each) - exact) ** 2).sum(1) for each in timelines], 1)
        mean, ratio = squares.mean(0), sizes * squares.mean(0) / level.mean
        weights = np.array([(each.batches().weight ** 2).sum() for each in timelines])
        error = ratio * np.hypot(squares.std(0, ddof=1) / runs**0.5 / mean, level.error / level.mean)
        name = rule.__name__
        bounded = f"The variance of a round's average is at most σ²/M: largest of M = 5 to 80, {about}"
        exactly = "... and is σ² times the sum of the squared weights: the M where it is farthest off"
        for title, statement, k, predicted, relation in (
            (f"{name}: variance · M/σ²", bounded, int(ratio.argmax()), 1.0, "<="),
            (f"{name}: variance, exactly", exactly, int(abs((ratio - sizes * weights) / error).argmax()), None, "="),
        ):
            predicted = predicted or sizes[k] * weights[k]
            seen = (ratio[k] - reach * error[k], ratio[k] + reach * error[k], "95 %")
            claims.append(Claim("h", title, statement, source, predicted, ratio[k], relation, 3 * error[k], *seen))
        low, high = np.transpose([(each.low, each.high) for each in map(student, squares.T)])
        drawn.append(rows(name, sizes, mean, level.mean / np.array(sizes), low, high))
    claims += _bias(h, point, runs)
    labels = ("M, gradients a round asks for", "E‖average - ∇J‖²", "σ²/M")
    drawing = Drawing("variance", f"(h) Variance of a round's average, {about}", *labels, pd.concat(drawn))
    return Evidence(claims, [drawing])


def _bias(h, point, runs: int) -> list[Claim]:
    """Workers with their own rewards: who computes more counts more with Rennala."""
    own = TabularMDP.garnet(states=5, actions=3, branching=2, discount=0.8, horizon=10, workers=len(h))
    gradients = np.asarray(jax.jit(jax.vmap(lambda worker: own.exact_gradient(point, worker)))(jnp.arange(len(h))))
    exact = gradients.mean(0)
    bias = theory.rennala_jobs(h, 20) / 20 @ gradients - exact
    size = float(np.linalg.norm(bias))
    jobs, claims = Jobs.sample(own, point, theory.malenia_jobs(h, 20), runs), []
    biased = "Ten workers with their own rewards: a round's mean misses ∇J by Σ (M_i/M) ∇J_i - ∇J (its length, M = 20)"
    unbiased = "... and by nothing (along Rennala's bias)"
    for rule, statement, predicted in ((Rennala(20), biased, size), (Malenia(20), unbiased, 0.0)):
        along = (jobs.averages(simulate(rule, Cluster(h), updates=1)) - exact) @ (bias / size)
        mean, low, high = student(along)
        value = (predicted, mean, "=", 3 * along.std(ddof=1) / runs**0.5, low, high, "95 %")
        claims.append(Claim("h", f"{type(rule).__name__}: bias", statement, "section 5", *value))
    return claims


@dataclass(frozen=True, eq=False)
class Jobs:
    """Gradients of the same jobs at one point in many independent runs."""

    worker: np.ndarray  # (jobs,)
    index: np.ndarray  # (jobs,)
    gradients: np.ndarray  # (runs, jobs, d)

    @classmethod
    def sample(cls, problem: Problem, point, counts: np.ndarray, runs: int) -> Jobs:
        """``counts`` jobs of each worker, at version 0."""
        worker, index = np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(k) for k in counts])

        def gradient(seed, worker, index):
            keys = job_key(seed, 0, worker, index)[None]
            return problem.gradient(point, keys, worker[None], jnp.ones(1))[0]

        def run(seed):
            return jax.vmap(gradient, (None, 0, 0))(seed, jnp.asarray(worker), jnp.asarray(index))

        seeds = jnp.arange(runs, dtype=jnp.uint32)
        return cls(worker, index, np.asarray(jax.jit(lambda seeds: jax.lax.map(run, seeds, batch_size=50))(seeds)))

    def averages(self, timeline: Timeline) -> np.ndarray:
        """The weighted mean that the first update uses, in each run, shape (runs, d)."""
        batches, weights = timeline.batches(), np.zeros(len(self.worker))
        for worker, index, weight in zip(batches.worker, batches.index, batches.weight):
            weights[(self.worker == worker) & (self.index == index)] = weight
        return np.einsum("j,rjd->rd", weights, self.gradients)


# ---- (i)


def speedup(quick: bool) -> Evidence:
    """(i) Equal workers: n of them are n times as fast, until there are as many as gradients in an update."""
    seeds, M, epsilon = 32 if quick else 128, 32, _target(GARNET)
    workers = np.array([1, 2, 4, 8, 16, 32, 64, 128])
    method = methods.rennala_nigt(M, STEP, MOMENTUM)
    timelines = [simulate(method, Cluster(np.ones(n)), updates=256) for n in workers]
    per_update = np.array([each.end / 256 for each in timelines])
    updates = np.stack([_reached(_curve(GARNET, method, each, seeds), epsilon) for each in timelines], 1)
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
    value = (-1.0, fit.value, "=", window, *fit.interval)
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
