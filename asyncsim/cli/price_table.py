"""What came out of claims at every price of communication, as Markdown: ``asyncsim reproduce --prices``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .comparisons import in_short, interval_in_words, needed
from .reproductions import as_code, as_text


def price_table(scenarios: Mapping[str, Path]) -> str:
    """A row for each claim of the scenarios without a sweep that `asyncsim prices` was run of, a column per price."""
    from .. import results
    from ..cluster.prices import PRICES
    from ..scenario import load

    head = ("scenario", "claim", *PRICES)
    rows = [head, ("---",) * len(head)]
    for name, path in scenarios.items():
        directory = results.place(path, None, "prices")
        if not directory.exists() or load(path).axes:
            continue
        for claim, found in results.load_prices(directory).groupby("claim", sort=False):
            said = {row["price"]: _outcome(row) for row in found.to_dict("records")}
            rows.append((as_text(name), as_code(f"{claim}"), *(said.get(price, "–") for price in PRICES)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _outcome(row: Mapping[str, Any]) -> str:
    seeds = needed(row["seeds_to_decide"])
    more = f"; {seeds} seeds" * (row["verdict"] == "undecided" and seeds != "")
    return f"*{row['verdict']}*, {in_short(row['difference'])} ({interval_in_words(dict(row))}{more})"
