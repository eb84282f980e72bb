"""``asyncsim validate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .compiling import keep_compiled
from .options import Output
from .terminal import Cell, bars, console, number, numbers, table, texts


def validate(
    quick: Annotated[bool, typer.Option("--quick", help="Smaller samples: minutes.")] = False,
    output: Output = None,
):
    """Test the paper's claims against engine and replay, then write the table, data and figures.

    A claim that fails is a finding, with its numbers: the exit status is 0.
    """
    from .. import results

    keep_compiled()
    directory = output or Path("results", "validation-quick" if quick else "validation")
    with results.reserve_validation(directory) as verb:
        evidence, seconds = _tested(quick)
        import pandas as pd

        from .. import validation

        claims = [claim for each in evidence.values() for claim in each.claims]
        drawn = {each.name: (each.data, each.labels()) for found in evidence.values() for each in found.drawings}
        known = {name: frame for found in evidence.values() for name, frame in found.constants.items()}
        constants = pd.concat(known, names=["problem", None]).reset_index(level=0).reset_index(drop=True)
        paths = results.save_validation(directory, quick, validation.table(claims), constants, drawn)
    out = console()
    _verdicts(out, claims)
    _constants(out, constants)
    took = ", ".join(f"({letter}) {value:.1f}" for letter, value in seconds.items())
    out.print(f"Seconds: {took}; in all {sum(seconds.values()):.0f}.", soft_wrap=True)
    out.wrote(verb, *paths)


def _tested(quick):
    """Every claim's evidence and seconds; a row of progress each."""
    from time import perf_counter

    import jax

    from ..validation import CLAIMS

    jax.config.update("jax_enable_x64", True)  # exact gradients, exactly enough for second differences
    evidence, seconds = {}, {}
    with bars() as shown:
        about = {letter: (claim.__doc__ or "").partition(":")[0] for letter, claim in CLAIMS.items()}
        rows = {letter: shown.add_task(about[letter], total=None, start=False) for letter in CLAIMS}
        for letter, claim in shown.track(CLAIMS.items(), description="all claims"):
            shown.start_task(rows[letter])
            start = perf_counter()
            evidence[letter] = claim(quick)
            seconds[letter] = perf_counter() - start
            shown.update(rows[letter], total=1, completed=1)
    return evidence, seconds


def _verdicts(out, claims) -> None:
    from math import isnan

    headings = numbers("predicted", "measured", "interval", "tolerance")
    shown = table("", texts("claim"), *headings, texts("verdict"))
    said = {"=": "", "<=": "≤ ", ">=": "≥ "}
    for claim in claims:
        verdict = Cell(claim.verdict if claim.holds else "fails", claim.verdict, "green" if claim.holds else "red")
        shown.add_row(
            f"({claim.letter}) {claim.name}",
            Cell(f"{said[claim.relation]}{claim.predicted:.5g}", claim.predicted),
            number(claim.measured, "{:.5g}"),
            Cell("" if isnan(claim.low) else f"[{claim.low:.4g}, {claim.high:.4g}]", [claim.low, claim.high]),
            number(claim.tolerance, "{:.2g}"),
            verdict,
        )
    out.print(shown)
    failing = [claim for claim in claims if not claim.holds]
    out.print(
        f"{len(claims) - len(failing)} of {len(claims)} hold. Intervals are of 95 % confidence where they are "
        "statistical, else the range seen. Statements and sources: claims.csv.",
        *(f"({claim.letter}) {claim.name}: {claim.verdict}" for claim in failing),
    )


def _constants(out, constants) -> None:
    shown = table("", texts("constants"), *numbers("Δ", "σ", "L_g", "L_h"))
    for problem, rows in constants.groupby("problem", sort=False):
        pairs = zip(rows["value"], rows["standard_error"])
        cells = (Cell(f"{value:.4g}" + f" ± {error:.1g}" * bool(error), value) for value, error in pairs)
        shown.add_row(problem, *cells)
    out.print(shown)
