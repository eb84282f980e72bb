"""What every page of a command keeps to."""

import io
import json

from rich.console import Console

from asyncsim.cli.tables import LONGEST, as_rich
from asyncsim.cli.terminal import console


def check_tables(width=80):
    """The tables of the last command fit, with no word cut or broken, and are JSON with a key for each column."""
    tables = console().tables
    assert tables
    for table in tables:
        out = Console(width=width, record=True, file=io.StringIO(), color_system=None)
        out.print(*as_rich(table, width))
        said = out.export_text()
        assert max(map(len, said.splitlines())) <= width
        shown = set(said.split())
        words = [word for row in table.rows for cell in row for word in f"{cell}".split() if len(word) <= LONGEST]
        words += [word for column in table.columns for word in column.heading.split()]
        assert not [word for word in words if word not in shown]
        records = json.loads(json.dumps(table.records(), allow_nan=False))
        assert len(records) == len(table.rows)
        assert all(len(record) == len(table.columns) for record in records), table.columns
