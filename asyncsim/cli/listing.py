"""``asyncsim list``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .terminal import Cell, console, table, texts


def papers_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The papers of a named method."""
    from inspect import signature

    required = [p.name for p in signature(function).parameters.values() if p.default is p.empty]
    return function(**dict.fromkeys(required, 1)).papers


def show() -> None:
    """Show what a scenario may name, the rules of the methods, and the scenarios that there are, by name."""
    import tomllib
    from dataclasses import fields

    from .. import rules
    from ..cluster import NETWORKS, PATTERNS, SPEEDS, TIMES, Cluster, Rollout
    from ..cluster.prices import PRICES
    from ..rl.environments import ENVIRONMENTS, MUJOCO
    from ..scenario import known_methods
    from ..scenario.shipped import known_clusters, known_scenarios, shipped
    from ..scenario.tables import name_of

    out = console()

    def section(title, entries):
        shown = table(title, texts("name"), texts("about"))
        for name, *lines in entries:
            shown.add_row(name, Cell("\n".join(lines), lines[0] if len(lines) == 1 else lines))
        out.print(shown)

    def about(thing):
        return (thing.__doc__ or "").partition("\n")[0]

    def keys(component):
        return ", ".join(field.name for field in fields(component))

    def in_keys(price):
        return ", ".join(f"{key} = {value!r}" for key, value in price(Cluster([1.0], 1.0)).items())

    def title(path):
        try:
            return str(tomllib.loads(path.read_text()).get("title", ""))
        except (OSError, ValueError) as error:
            return f"cannot be read: {error}"

    section("Methods", ((name, about(f), *papers_of(f)) for name, f in known_methods().items()))
    section("Environments", ((name, about(environment)) for name, environment in ENVIRONMENTS.items()))
    section("Environments on the MuJoCo engine", ((name, "as in Gymnasium.") for name in MUJOCO))
    others = (("gymnasium/ID", "any that Gymnasium has."), ("gymnax/NAME", "any that gymnax has."))
    section("Environments of other packages", others)
    section("Rules", ((name, about(getattr(rules, name))) for name in rules.__all__))
    section("Patterns of compute times", ((name, about(pattern)) for name, pattern in PATTERNS.items()))
    times = (*TIMES, Rollout)
    for what, kinds in (("Distributions of compute times", times), ("Speeds", SPEEDS), ("Networks", NETWORKS)):
        section(what, ((name_of(kind), about(kind), f"keys: {keys(kind)}") for kind in kinds))
    section("Prices of communication", ((name, about(price), in_keys(price)) for name, price in PRICES.items()))
    scenarios = ((name, title(path)) for name, path in known_scenarios().items())
    section(f"Scenarios, of experiments/ and of {shipped()}", scenarios)
    section("Clusters alone", ((name, title(path)) for name, path in known_clusters().items()))
