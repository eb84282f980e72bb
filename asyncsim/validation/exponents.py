"""Claim (g): how gradients and updates to ε grow, with the parameters that theory gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from .. import methods, theory
from ..base import Method
from ..cluster import Cluster
from ..problems import Quadratic, Ridge, TabularMDP
from .evidence import Claim, Drawing, Evidence, Value, rows
from .measurement import Constants, Slope, quadratic_constants, ridge_constants, slope, student, time_to
from .times import simulate
from .training import curve

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
    cases: list[tuple[str, float, Any]] = []
    cases += [("ridge", epsilon, Ridge(slope=2 * epsilon, noise=1 / 12)) for epsilon in ridge]
    cases += [("coin", float(epsilon), COIN) for epsilon in coin]
    found = _measured(cases, seeds)
    fits, drawings = _fits(found)
    claims = _exponents(fits)
    claims += _constants_matter(found, fits, min(ridge))
    quadratic, quadratic_known, quadratic_share = _quadratic(seeds)
    arrived = found[found["criterion"] == "average"]
    share = np.append(arrived["updates"] / arrived["T"], quadratic_share)
    most = "The average of ‖∇J‖ is at most ε after theory's T updates: arrival / T on ridge, coin and a quadratic"
    seen = (share.min(), share.max(), "range")
    claims.append(Claim("g", "arrival / T", most, "Lemmas D.1 and D.2", 1.0, share.max(), "<=", 0.0, *seen))
    constants = {
        f"ridge of slope {cases[0][2].slope:g}": ridge_constants(cases[0][2]),
        "coin: softmax over two arms that pay 1/2 and -1/2": COIN_CONSTANTS,
        f"quadratic, d = {quadratic.dimension}": quadratic_known,
    }
    return Evidence(claims, drawings, {name: own.to_frame() for name, own in constants.items()})


def _measured(cases, seeds: int) -> pd.DataFrame:
    """Updates and gradients to ε of each seed, by both criteria; T and N: as many as theory allows.

    cases: name, ε and problem. ``method, problem, criterion, epsilon, updates, gradients, T, N``.
    """
    found = []
    for name, epsilon, problem in cases:
        known = ridge_constants(problem) if name == "ridge" else COIN_CONSTANTS
        for kind in ("NIGT", "PG"):
            method, chosen = _chosen(kind, epsilon, known)
            timeline = simulate(method, Cluster([1.0]), updates=math.ceil(SHARE[kind, name] * chosen.updates))
            frame = curve(problem, method, timeline, seeds)
            for criterion in ("average", "first hit"):
                reached = time_to(frame, epsilon, criterion == "average")
                for updates, gradients in zip(reached["update"], reached["gradients"]):
                    theirs = (updates, gradients, chosen.updates, chosen.gradients)
                    found.append((kind, name, criterion, epsilon, *theirs))
    columns = ["method", "problem", "criterion", "epsilon", "updates", "gradients", "T", "N"]
    return pd.DataFrame(found, columns=columns)


def _fits(found: pd.DataFrame) -> tuple[dict[tuple[str, str, str, str], Slope], list[Drawing]]:
    """Powers of ε, by method, problem, criterion and what is counted; and pictures of those by the average."""
    fits: dict[tuple[str, str, str, str], Slope] = {}
    drawn: dict[str, list[pd.DataFrame]] = {"gradients": [], "updates": []}
    for (kind, name, criterion), own in found.groupby(["method", "problem", "criterion"], sort=False):
        for unit, bound in (("gradients", "N"), ("updates", "T")):
            measured = {epsilon: student(values) for epsilon, values in own.groupby("epsilon")[unit]}
            mean, low, high = np.transpose(list(measured.values()))
            fit = fits[kind, name, criterion, unit] = slope(list(measured), mean)
            if criterion == "average":
                predicted = own.groupby("epsilon")[bound].first().to_numpy()
                drawn[unit].append(rows(f"{kind}, {name}", list(measured), mean, predicted, low, high, fit.line))
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
    return fits, drawings


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
        gain: Value = (0.5, difference, "=", 0.1, difference - reach, difference + reach, "± 2 standard errors")
        claims.append(Claim("g", f"NIGT - PG, {name}{first}", statement, "Table 1", *gain, why_not=why))
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
    reached = time_to(curve(problem, method, timeline, seeds), epsilon, average=True)
    return problem, known, (reached["update"] / chosen.updates).to_numpy()
