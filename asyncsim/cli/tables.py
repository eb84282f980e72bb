"""Tables as values: rows for JSON, and text that fits the width that there is.

A table that is too wide breaks its headings between words, then its words, and then goes on in a second table below.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table as Drawn

LONGEST = 26  # letters of a word that is not broken
GAP = 2  # between columns


@dataclass(frozen=True)
class Column:
    """A heading; whether words stand below it, which may be broken, or numbers; how wide it is at most."""

    heading: str
    words: bool = False
    max_width: int | None = None


@dataclass
class Table:
    """A title, columns and rows. A cell is text or a number, or both: a `terminal.Cell`."""

    title: str
    columns: Sequence[Column]
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add_row(self, *cells: Any) -> None:
        """One cell for each column; those at the end may be missing."""
        if len(cells) > len(self.columns):
            raise TypeError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(cells + ("",) * (len(self.columns) - len(cells)))

    def records(self) -> list[dict[str, Any]]:
        """The rows as JSON has them, by heading: null where there is no number, and infinities as words."""
        headings = [column.heading for column in self.columns]
        return [{name: _plain(getattr(cell, "value", cell)) for name, cell in zip(headings, row)} for row in self.rows]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else f"{value}"
    return value if value is None or isinstance(value, bool | int | float | str) else f"{value}"


def as_rich(table: Table, width: int) -> Iterator[Any]:
    """What rich prints: the title, and a table, or several, of which each begins with the first columns of words."""
    from rich.text import Text

    wanted = [_wanted(column, [f"{row[k]}" for row in table.rows]) for k, column in enumerate(table.columns)]
    first = next((k for k, column in enumerate(table.columns) if not column.words), len(table.columns))
    chosen: list[int] = []
    if table.title:
        yield Text(table.title, "bold")
    for k in range(len(table.columns)):
        if k > first and sum(wanted[j][0] + GAP for j in [*chosen, k]) - GAP > width:
            yield from (_drawn(table, chosen, wanted, width), "")
            chosen = [*range(first)]
        chosen.append(k)
    yield _drawn(table, chosen, wanted, width)


def _wanted(column: Column, texts: Sequence[str]) -> tuple[int, int]:
    """The least width of a column, and the one at which nothing is broken."""
    from rich.cells import cell_len

    longest = max((cell_len(word) for word in column.heading.split()), default=0)
    whole = max(map(cell_len, [column.heading, *texts]))
    if not column.words:
        least = max([longest, *map(cell_len, texts)])
        return least, max(whole, least)
    words = max((cell_len(word) for text in texts for word in text.split()), default=0)
    least = max(longest, min(words, LONGEST))
    return least, max(least, min(whole, column.max_width or whole))


def _drawn(table: Table, chosen: Sequence[int], wanted: Sequence[tuple[int, int]], width: int) -> Drawn:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    widths = {k: wanted[k][1] for k in chosen}
    for words in (False, True):  # headings give way before words do, the widest first
        while sum(widths.values()) + GAP * (len(chosen) - 1) > width:
            wide = [k for k in chosen if table.columns[k].words == words and widths[k] > wanted[k][0]]
            if not wide:
                break
            widths[max(wide, key=widths.__getitem__)] -= 1
    drawn = Drawn(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for k in chosen:
        column = table.columns[k]
        look: Any = {"overflow": "fold"} if column.words else {"justify": "right", "no_wrap": True}
        heading = textwrap.wrap(column.heading, widths[k], break_long_words=False, break_on_hyphens=False)
        drawn.add_column(Text("\n".join(heading)), width=widths[k], **look)
    for row in table.rows:
        drawn.add_row(*(Text(f"{row[k]}", getattr(row[k], "style", "")) for k in chosen))
    return drawn
