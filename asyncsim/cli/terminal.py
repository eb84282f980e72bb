"""How commands print: the console, tables, rows of progress, numbers, and what goes wrong.

rich is imported where it is used, so that help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Column, Table


def complain(line: str) -> None:
    """Print what is wrong, in one line on stderr."""
    print("asyncsim:", " ".join(line.split()), file=sys.stderr)


def console(stderr: bool = False) -> Console:
    """To print with: titles and labels may hold brackets and colons, and are no markup."""
    from rich.console import Console

    width = None if stderr or sys.stdout.isatty() else 120  # a file has no width to fit
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def table(title: str, *columns: Column, **options: Any) -> Table:
    """An empty table with these columns, to be filled with rows and printed."""
    from rich import box
    from rich.table import Table

    made = Table(*columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, **options)
    made.title, made.title_justify, made.title_style = title or None, "left", "bold"
    return made


def texts(heading: str, **options: Any) -> Column:
    """A column of words, methods for example, that are broken where they are long."""
    from rich.table import Column

    return Column(heading, **{"overflow": "fold"} | options)


def numbers(*headings: str) -> list[Column]:
    """Columns of numbers."""
    from rich.table import Column

    return [Column(heading, justify="right", no_wrap=True) for heading in headings]


def number(value: float, form: str = "{:.4g}") -> str:
    """A dash where there is none."""
    from math import isnan

    return "–" if isnan(value) else form.format(value)


@contextmanager
def watched() -> Iterator[Callable[[str], Callable[[Callable[[], tuple[int, float]]], object] | None]]:
    """On a terminal, a row for each simulation; as: from its name, the ``watch`` of `simulate`."""
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Told(ProgressColumn):
        def render(self, task: Any) -> Text:
            jobs, now = task.fields["told"]()
            return Text(f"{jobs} jobs, {now:.6g} simulated s")

    described = TextColumn("{task.description}", markup=False)
    with Progress(described, Told(), SpinnerColumn(), TimeElapsedColumn(), console=console(stderr=True)) as shown:
        yield lambda name: lambda told: shown.add_task(name, total=None, told=told)


def bars(*fields: str) -> Progress:
    """Rows of progress on stderr: what each is of, its fields, a bar, and the time that it has taken."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    # What a row is of is cut where it would leave no room for the rest.
    described = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, max_width=48))
    told = [TextColumn(f"{{task.fields[{field}]:9}}") for field in fields]
    return Progress(described, *told, BarColumn(), TimeElapsedColumn(), console=console(stderr=True))
