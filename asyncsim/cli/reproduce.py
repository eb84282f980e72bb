"""``asyncsim reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import X64, Address, Engine, Force, Jobs, Kept, On, Output, Seeds, Set, Unkept, Yes
from .price_table import price_table
from .reproductions import draw_overview, markdown, show_reproductions
from .run import run
from .terminal import console


def reproduce(
    name: Annotated[str | None, typer.Argument(help="A scenario's name, for example humanoid-equal.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="quick: minutes; paper: the file as it stands; otherwise quick where the file has it.",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show what there is and what came out of it.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print what came out as the README has it.")] = False,
    overview: Annotated[
        bool, typer.Option("--overview", help="Draw the paper's figures, and what came out, on one page.")
    ] = False,
    prices: Annotated[
        bool, typer.Option("--prices", help="Print what came out at every price, as the guide has it.")
    ] = False,
    force: Force = False,
    output: Output = None,
    engine: Engine = None,
    store: Kept = None,
    no_store: Unkept = False,
    change: Set = None,
    seeds: Seeds = None,
    yes: Yes = False,
    on: On = None,
    jobs: Jobs = None,
    address: Address = None,
    x64: X64 = False,
):
    """Reproduce one of the paper's figures, or one of ours: run the scenario of this name.

    A run that was killed goes on from its last checkpoint.
    """
    from ..base import nearest
    from ..scenario import ScenarioError, load
    from ..scenario.shipped import known_scenarios, scenarios_here

    scenarios = scenarios_here() if listed or table or overview or prices or name is None else known_scenarios()
    if table:
        return console().print(markdown(scenarios), soft_wrap=True)
    if prices:
        return console().print(price_table(scenarios), soft_wrap=True)
    if overview:
        return console().wrote("wrote", *draw_overview(scenarios, Path("experiments/paper"), output))
    if listed or name is None:
        return show_reproductions(scenarios)
    if name not in scenarios:
        raise ScenarioError(f"name={name!r} is no scenario's name: {nearest(name, list(scenarios))}")
    if preset not in (None, "quick", "paper"):
        raise ScenarioError(f"preset={preset!r} is unknown: give quick or paper")
    if preset is None:
        preset = "quick" if load(scenarios[name]).settings.quick else "paper"
    chosen = None if preset == "paper" else preset
    where: Any = {"on": on, "jobs": jobs, "address": address, "x64": x64}
    run(scenarios[name], force, output, chosen, engine, store, no_store, change=change, seeds=seeds, yes=yes, **where)
