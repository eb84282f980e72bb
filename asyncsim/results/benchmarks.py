"""Benchmarks: a file each, pictures of what was measured at several sizes, and a table of all in the README."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import figures
from .files import json_text, replace_file, write_pictures
from .records import PACKAGES, versions

TABLE = "<!-- table -->"  # stands before and after it


def save_benchmark(directory: Path, name: str, machine: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``<name>.json``, ``<name>.png`` and ``.svg`` where rows have points, and the README's table anew."""
    directory.mkdir(parents=True, exist_ok=True)
    record = {"benchmark": name, "machine": machine, "versions": versions(*PACKAGES, "pytest-benchmark")}
    replace_file(directory / f"{name}.json", json_text(record | {"rows": rows}))
    measured = load_benchmark(directory, name)["rows"]
    if any("points" in row for row in measured):
        write_pictures(directory, {name: figures.scaling(measured)})
    readme = directory / "README.md"
    if readme.exists():
        before, _, after = readme.read_text(encoding="utf-8").split(TABLE)
        replace_file(readme, f"{before}{TABLE}\n\n{benchmark_table(directory)}\n{TABLE}{after}")


def load_benchmark(directory: Path, name: str) -> dict[str, Any]:
    """``benchmark, machine, versions, rows``, as they were written."""
    return json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))


def benchmark_table(directory: Path) -> str:
    """What the files in a directory say, in Markdown: a part per benchmark."""
    parts = []
    for path in sorted(directory.glob("*.json")):
        found = load_benchmark(directory, path.stem)
        machine = found["machine"]
        parts.append(f"**{path.stem}** ({machine['cpu']}, {machine['cores']} cores)\n")
        parts.append("| figure | ours | reference | ratio | wanted | | what bounds it |\n|---|---|---|---|---|---|---|")
        parts += ["| " + " | ".join([*benchmark_cells(row), row["bound"]]) + " |" for row in found["rows"]]
        parts.append("")
    return "\n".join(parts)


def benchmark_cells(row: Mapping[str, Any]) -> list[str]:
    """A row in words: figure, ours, reference, ratio, wanted, whether it was reached."""
    numbers = ("–" if row[key] is None else f"{row[key]:.3g} {row['unit']}" for key in ("ours", "reference"))
    ratio = "–" if row["ratio"] is None else f"{row['ratio']:.3g}"
    verdicts: dict[Any, str] = {True: "yes", False: "no"}
    return [row["name"], *numbers, ratio, row.get("wanted", "–"), verdicts.get(row.get("holds"), "–")]
