"""``asyncsim bounds``."""

from __future__ import annotations

from typing import Annotated

import typer

from .constants import Known, can_measure
from .options import Preset, Scenario, Set, With, changes_of
from .terminal import Cell, console, number, numbers, table, texts


def bounds(
    scenario: Scenario,
    epsilon: Annotated[
        float | None,
        typer.Option(
            help="The accuracy, in E‖∇J‖ <= epsilon; otherwise 0.1, or what was measured.", show_default=False
        ),
    ] = None,
    sigma: Annotated[float | None, typer.Option(help="σ, noise of one gradient; for the best M.")] = None,
    l_g: Annotated[float | None, typer.Option(help="Lipschitz constant of ∇J; for the best M.")] = None,
    l_h: Annotated[float | None, typer.Option(help="Lipschitz constant of ∇²J; for the best M.")] = None,
    gap: Annotated[float | None, typer.Option(help="Δ = sup J - J(θ_0); for the best M.")] = None,
    measured: Annotated[
        bool, typer.Option("--measured", help="Measure these constants on the problem, along a training run.")
    ] = False,
    updates: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Measured updates to epsilon of Rennala NIGT and of AFedPG, for κ*.", show_default=False),
    ] = None,
    preset: Preset = None,
    code: With = None,
    change: Set = None,
):
    """Show what theory predicts of a scenario: seconds per update, to its stop, and to epsilon.

    Nothing is run, but with --measured, which trains a little.

    Updates and gradients per second are shown at every price of communication that theory can tell. Of a sweep, at
    every point; of parameters that are tuned, for every choice. Constants that are not given are 1, which no real
    problem has: `asyncsim advise` says which method to use, from training.
    """
    from ..scenario import ScenarioError, load

    given = {"sigma": sigma, "L_g": l_g, "L_h": l_h, "Delta": gap}
    if measured and any(value is not None for value in given.values()):
        raise ScenarioError("--measured measures the constants: leave out --sigma, --l-g, --l-h and --gap")
    loaded, found = load(scenario, preset, changes_of(change), code, cluster_will_do=True), []
    for values, point in loaded.points:
        point.check_times()
        try:
            known = Known.measured(point, epsilon) if measured else Known.taken(given, epsilon, can_measure(point))
            found.append((values, point, known, *_predicted(point, known, updates)))
        except ValueError as error:
            raise ScenarioError(f"{scenario}: {error}") from None
    out = console()
    if loaded.taken:
        out.print(loaded.taken, soft_wrap=True)
    for values, point, known, cluster, paces, at_prices, own, expected in found:
        title = ", ".join([loaded.settings.title, *(f"{axis} {value}" for axis, value in values.items())])
        out.print(_to_the_stop(title, point.settings.stop.model_dump(exclude_none=True), paces))
        out.print(_per_second(paces, at_prices))
        out.print(_to_epsilon(known.epsilon, expected))
        for measurement in known.tables():
            out.print(measurement)
        for fact in _facts(known, cluster, paces, own, expected):
            out.print(fact, soft_wrap=True)


def _predicted(point, known, updates):
    """The cluster as formulas take it, paces, paces at every price, whether workers have own problems, prospects."""
    from ..cluster.prices import at_every_price
    from ..theory.prospects import bare, pace, prospects_of

    sizes = [getattr(method.rule, "batch_size", None) for method in point.methods.values()]
    problem = point.settings.problem
    own = getattr(problem, "own_rewards", False) or any(
        isinstance(value, tuple) for value in getattr(problem, "fields", {}).values()
    )
    cluster = bare(point.cluster)
    methods = {run: method for _, run, method in point.every_method}
    paces = {run: pace(method, cluster, point.settings.stale) for run, method in methods.items()}
    at_prices = {
        price: {run: pace(method, bare(priced), point.settings.stale) for run, method in methods.items()}
        for price, priced in at_every_price(point.cluster).items()
        if not priced.queues  # which the formulas leave out
    }
    size = next(filter(None, sizes), None)
    return cluster, paces, at_prices, own, prospects_of(cluster, known.epsilon, own, known.constants, size, updates)


def _or_never(value, unit=""):
    from math import isinf

    return Cell("never", value) if isinf(value) else number(value, f"{{:.5g}}{unit}")


def _to_the_stop(title, stop, paces):
    """The table of seconds per update, and how many updates there are when the scenario stops."""
    from math import isinf

    relations = {"=": "", "<=": "≤ ", "~": "≈ "}
    ends = ", ".join(f"{key} = {value:g}" for key, value in stop.items())
    headings = ("per update", "computing", "communicating", "gradients", "cancelled", "updates", "end")
    shown = table(f"{title or 'Predicted'} (stop: {ends})", texts("method"), *numbers(*headings))
    for label, pace in paces.items():
        updates, end = pace.at_stop(stop)
        seconds = pace.seconds if not isinf(pace.computation) else pace.computation
        total = f"{_or_never(seconds, ' s')}"
        shown.add_row(
            label,
            Cell(relations[pace.relation] * total[0].isdigit() + total, seconds),
            _or_never(pace.computation, " s"),
            _or_never(pace.communication, " s"),
            _or_never(pace.gradients),
            number(pace.cancelled, "{:.1%}"),
            _or_never(updates),
            _or_never(end, " s"),
        )
    return shown


def _per_second(paces, at_prices):
    """The table of rates, and what they would be at other prices."""
    shown = table(
        "Per simulated second; then gradients at every price",
        texts("method"),
        *numbers("updates", "gradients", *at_prices),
    )
    for run, pace in paces.items():
        others = (at_prices[price][run].rates[1] for price in at_prices)
        shown.add_row(run, *(number(rate, "{:.3g}") for rate in (*pace.rates, *others)))
    return shown


def _to_epsilon(epsilon, expected):
    """The table of seconds to the accuracy."""
    title = f"Seconds to E‖∇J‖ ≤ {epsilon:g}, constants and logs dropped"
    shown = table(title, texts("method"), *numbers("computing", "communicating", "total"))
    for name, row in expected.rows.items():
        least = {"synchronous_nigt": (0,), "afedpg": (1,), "lower_bound": (0, 1)}.get(name, ())
        parts = [float(part) for part in (*row, row.total)]
        bounded = {*least, 2} if least else ()
        shown.add_row(name, *(Cell("≥ " * (k in bounded) + f"{part:.4g}", part) for k, part in enumerate(parts)))
    return shown


def _facts(known, cluster, paces, own, expected) -> list[str]:
    from math import isnan

    from ..theory import fastest_workers

    n, M = len(cluster.h), expected.batch_size
    return [
        f"least of the rows with a guarantee: {expected.recommended}"
        + (", for workers with problems of their own" if own else "")
        + "; the rows have no constants, and are no advice: `asyncsim advise` trains",
        f"fastest workers that matter: {expected.fastest_workers} of {n} at M = ε^-1.5 = {M:.4g}"
        + "".join(
            f"; {int(fastest_workers(cluster.h, pace.gradients))} at {label}'s M"
            for label, pace in paces.items()
            if label.startswith("rennala") and not isnan(pace.gradients)
        ),
        *_with_constants(known, cluster, expected),
        f"κ* at which Rennala NIGT overtakes AFedPG: {_or_never(expected.crossover, ' s')} by the two rows"
        + (
            f", {_or_never(expected.measured_crossover, ' s')} by measured updates"
            if expected.measured_crossover is not None
            else "; give --updates for a number that has constants in it"
        ),
        *cluster.notes,
    ]


def _with_constants(known, cluster, expected) -> list[str]:
    """The best M, and what the theorems say where constants were measured."""
    if known.how == "not told":
        from ..validation.gradients import UNTOLD

        return [f"best M of Rennala NIGT: not known, for {UNTOLD}"]
    best = f"best M of Rennala NIGT for these constants: {_or_never(expected.best_batch_size)}, with "
    best += ", ".join(f"{key} = {value:.4g}" for key, value in known.constants.items()) + f", which are {known.how}"
    if known.how == "measured":
        return [best, *_theorems(known, cluster)]
    return [f"{best}: give --measured" if known.measurable else best]


def _theorems(known, cluster) -> list[str]:
    """What the theorems say with constants, and why training may find another M."""
    from ..theory import theorem_4_4, theorem_5_1
    from ..validation.batches import WHY_ANOTHER_BATCH

    found = (
        theorem(cluster.h, known.epsilon, cluster.round_kappa, **known.constants)
        for theorem in (theorem_4_4, theorem_5_1)
    )
    rennala, malenia = (f"{float(each.total):.4g} s" for each in found)
    return [
        f"with these constants: {rennala} by Theorem 4.4 (Rennala NIGT), {malenia} by Theorem 5.1 (Malenia NIGT), up "
        "to a universal constant",
        WHY_ANOTHER_BATCH,
    ]
