"""One experiment at every price of communication: which of its claims depend on what the paper leaves open.

Each price is an experiment of its own, by the same `protocol`: simulated, tuned and trained under that price, with what
the store has. A price changes seconds. Collecting methods use the same gradients at every price; greedy ones may not.
Where they are the same, only those are computed that come in the time that a cheaper price leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import results
from ..cluster.prices import PRICES
from ..scenario import Scenario, ScenarioError, restore
from ..scenario.tables import name_of
from .protocol import Progress
from .runs import Run, run

if TYPE_CHECKING:
    from ..machines import Machines  # which imports JAX


def priced(scenario: Scenario, price: str) -> Scenario:
    """The scenario with another price, one of `PRICES`. Raises ValueError where its cluster cannot have it."""
    changes: dict[str, Any] = {
        key: value if isinstance(value, str) else {"network": name_of(type(value)), **asdict(value)}
        for key, value in PRICES[price](scenario.cluster).items()
    }
    for key in changes:
        if any(f"{axis}.".startswith(f"cluster.{key}.") for axis in scenario.settings.sweep or ()):
            raise ValueError(f"cluster.{key} is swept")
    if "communication" in changes and len({point.cluster.kappas for _, point in scenario.points}) > 1:
        raise ValueError("κ_i differ between points of the sweep")
    if "communication" in changes:
        changes["communication_exponent"] = None
    data = results.as_data(scenario.settings)
    try:
        changed = restore(
            data | {"cluster": data["cluster"] | changes}, scenario.path, scenario.path.parent, scenario.settings.own
        )
    except ScenarioError as error:
        raise ValueError(f"{error}".removeprefix(f"{scenario.path}: ")) from None
    return replace(changed, preset=scenario.preset)


@dataclass(frozen=True, eq=False)
class AtPrices:
    """A scenario that was run at every price. runs: by price. left_out: those that its cluster cannot have, and why."""

    scenario: Scenario
    runs: Mapping[str, Run]
    left_out: Mapping[str, str]

    def verdicts(self) -> pd.DataFrame:
        """One row per claim, price and point of a sweep: ``claim, price`` and the columns of `statistics.verdicts`.

        ``computed``: how many gradients of the claim's two methods had to be computed for it, with those to tune, at
        all points; the store had the others.
        """
        rows = []
        for claim in self.scenario.claims:
            for price, found in self.runs.items():
                computed: Mapping[str, int] = found.computed_by or {}
                frame = found.verdicts([f"{claim}"])
                frame.insert(1, "price", price)
                rows.append(frame.assign(computed=sum(computed.get(label, 0) for label in (claim.method, claim.other))))
        return pd.concat(rows, ignore_index=True)


def run_at_prices(
    scenario: Scenario,
    progress: Callable[[str], Callable[[Progress], None]] | None = None,
    store: Path | str | bool = True,
    output: Path | None = None,
    force: bool = False,
    on: Machines | None = None,
) -> AtPrices:
    """Run a scenario, as `run` does, at every price that its cluster can have.

    progress: of a price, what to call with its `Progress`. output, force: a directory for prices.csv, as of `run`.
    on: as of `run`.
    Raises ScenarioError where there is nothing to decide: no claims.
    """
    if not scenario.claims:
        raise ScenarioError(f"{scenario.path}: about.claims is missing: give what is to be decided at every price")
    scenarios: dict[str, Scenario] = {}
    left_out: dict[str, str] = {}
    for price in PRICES:  # all are checked before the first is trained
        try:
            scenarios[price] = priced(scenario, price)
        except ValueError as error:
            left_out[price] = f"{error}"
    if output is None:
        return AtPrices(scenario, _run(scenarios, progress, store, on), left_out)
    with results.reserve(output, scenario.settings, force, results.PRICE_FILES):
        found = AtPrices(scenario, _run(scenarios, progress, store, on), left_out)
        clusters = {price: results.as_data(some.settings)["cluster"] for price, some in scenarios.items()}
        results.save_prices(output, scenario.settings, found.verdicts(), clusters, left_out)
    return found


def _run(
    scenarios: Mapping[str, Scenario], progress: Any, store: Path | str | bool, on: Machines | None
) -> dict[str, Run]:
    return {
        price: run(some, progress=None if progress is None else progress(price), store=store, on=on)
        for price, some in scenarios.items()
    }
