"""``asyncsim prices``."""

from __future__ import annotations

from contextlib import ExitStack

from .comparisons import axis_value, in_short, interval_in_words
from .compiling import keep_compiled
from .options import (
    X64,
    Address,
    Force,
    Jobs,
    Kept,
    On,
    Output,
    Preset,
    Scenario,
    Seeds,
    Set,
    Unkept,
    With,
    changes_of,
)
from .run import machines_of, rows_of_progress, store_of
from .terminal import Cell, console, numbers, table, texts


def prices(
    scenario: Scenario,
    force: Force = False,
    output: Output = None,
    preset: Preset = None,
    store: Kept = None,
    no_store: Unkept = False,
    code: With = None,
    change: Set = None,
    seeds: Seeds = None,
    on: On = None,
    jobs: Jobs = None,
    address: Address = None,
    x64: X64 = False,
):
    """Run a scenario at every price of communication, and show which of its claims depend on it.

    One way, both ways, only those who contribute, each when it is ready, and a server that takes one message at a time.
    Each price is an experiment of its own, tuned like the others. Gradients that the store has are not computed again.
    """
    from dataclasses import replace

    from .. import results
    from ..experiment.prices import run_at_prices
    from ..scenario import load
    from ..scenario.changes import changes_in_name

    keep_compiled(x64)
    machines = machines_of(on, jobs, address)
    changes = changes_of(change, seeds)
    loaded = load(scenario, preset, changes, code)
    more = "-".join(filter(None, (changes_in_name(changes), "prices")))
    directory = output or results.place(loaded.path, preset, more)
    with ExitStack() as shown:

        def progress(price):
            show = shown.enter_context(rows_of_progress())
            return lambda one: show(replace(one, method=f"{price}: {one.method}"))

        found = run_at_prices(loaded, progress, store_of(store, no_store), directory, force, machines)
    _report(found)
    console().wrote("wrote", *(directory / name for name in results.PRICE_FILES))


def _report(found) -> None:
    from ..cluster.prices import PRICES

    axes = found.scenario.axes
    headings = numbers(*axes, "difference", "95 % interval", "verdict", "computed")
    shown = table(found.scenario.settings.title, texts("claim", max_width=40), texts("price"), *headings)
    last = None
    for row in found.verdicts().to_dict("records"):
        shown.add_row(
            Cell(row["claim"] if row["claim"] != last else "", row["claim"]),
            row["price"],
            *(axis_value(row[axis]) for axis in axes),
            in_short(row["difference"], "+"),
            Cell(interval_in_words(row), [row["low"], row["high"]]),
            row["verdict"],
            row["computed"],
        )
        last = row["claim"]
    out = console()
    out.print(shown)
    for price in found.runs:
        out.print(f"{price}: {(PRICES[price].__doc__ or '').partition(chr(10))[0]}", soft_wrap=True)
    for price, why in found.left_out.items():
        out.print(f"{price} is left out: {why}.", soft_wrap=True)
    out.print(
        "Every price is tuned by itself. computed: gradients of the two methods that the store did not have, with "
        "those to tune; a gradient is computed for the first price that needs it.",
        soft_wrap=True,
    )
