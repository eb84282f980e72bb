"""How commands answer: lines and tables as text, or all of it as one JSON document; progress; and what goes wrong.

rich is imported where it is used, so that help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .tables import Column, Table, as_rich

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def complain(line: str) -> None:
    """Print what is wrong, in one line on stderr."""
    print("asyncsim:", " ".join(line.split()), file=sys.stderr)


@dataclass
class Page:
    """What a command says on stdout: at once, as text, or in the end, as a document, where ``--json`` is given.

    as_json: whether it is. goes_on: whether an interrupted command goes on where it was when it is given again.
    """

    as_json: bool = False
    goes_on: bool = False
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def print(self, *things: Table | str, style: str | None = None, **_: Any) -> None:
        """Tables, and sentences of any length: a terminal breaks them between words, a file has a line of each."""
        out = None if self.as_json else _console()
        for thing in things:
            if isinstance(thing, Table):
                self.tables.append(thing)
                if out is not None:
                    out.print(*as_rich(thing, out.width))
            else:
                self.notes.append(thing)
                if out is not None:
                    out.print(thing, style=style, soft_wrap=not out.is_terminal)

    def wrote(self, verb: str, *paths: Any) -> None:
        """The files that were written, or which others they replaced."""
        self.files += [f"{path}" for path in paths]
        if self.as_json:
            self.notes += [verb] * (verb != "wrote")
        else:
            print(f"{verb}:", *paths, sep="\n  ")

    @property
    def interrupted(self) -> str:
        """What is said of an interrupted command."""
        return "interrupted" + self.goes_on * ": the same command goes on from what the store has kept by now"

    def close(self) -> None:
        """Print the document, if it is one."""
        if self.as_json:
            import json

            tables = [{"title": table.title, "rows": table.records()} for table in self.tables]
            document = {"tables": tables, "notes": self.notes, "files": self.files}
            print(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))


_page: ContextVar[Page] = ContextVar("page")


def new_page() -> Page:
    """The page of a command that begins."""
    page = Page()
    _page.set(page)
    return page


def console() -> Page:
    """The page of the command that runs."""
    return _page.get(None) or new_page()


def _console(stderr: bool = False) -> Console:
    """To print with: titles and labels may hold brackets and colons, and are no markup."""
    import os

    from rich.console import Console

    width = None if stderr or sys.stdout.isatty() or "COLUMNS" in os.environ else 120  # a file has no width to fit
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def table(title: str, *columns: Column) -> Table:
    """An empty table with these columns, to be filled with rows and printed."""
    return Table(title, columns)


def texts(heading: str, max_width: int | None = None) -> Column:
    """A column of words, methods for example, that are broken where they are long."""
    return Column(heading, words=True, max_width=max_width)


def numbers(*headings: str) -> list[Column]:
    """Columns of numbers."""
    return [Column(heading) for heading in headings]


class Cell(NamedTuple):
    """What a table shows, the value that JSON has, and a colour."""

    text: str
    value: Any
    style: str = ""

    def __str__(self) -> str:
        return self.text


def number(value: float, form: str = "{:.4g}") -> Cell:
    """A number as this form has it; a dash where there is none."""
    return Cell("–" if value != value else form.format(value), value)


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
    with Progress(described, Told(), SpinnerColumn(), TimeElapsedColumn(), console=_console(stderr=True)) as shown:
        yield lambda name: lambda told: shown.add_task(name, total=None, told=told)


def bars(*fields: str) -> Progress:
    """Rows of progress on stderr, if it is a terminal: what each is of, its fields, a bar, time taken and left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.table import Column

    # What a row is of is cut where it would leave no room for the rest.
    described = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, max_width=32))
    told = [TextColumn(f"{{task.fields[{field}]:9}}") for field in fields]
    left = TextColumn("left:"), TimeRemainingColumn(compact=True)
    out = _console(stderr=True)
    times = BarColumn(bar_width=14), TimeElapsedColumn(), *left
    return Progress(described, *told, *times, console=out, disable=not out.is_terminal)


def steps(what: str, items: Iterable, total: int) -> Iterator:
    """The items one by one, with a row of progress. what: they are of; total: how many there are."""
    with bars() as shown:
        yield from shown.track(items, total, description=what)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A row of progress for what takes unknown time."""
    with bars() as shown:
        shown.add_task(what, total=None)
        yield
