"""Writes what is computed into the guide, between marks: ``python tests/guide_parts.py``.

A part begins with a line ``<!-- DIRECTORY -->``, of results, and ends with ``<!-- end -->``.
"""

import re
from pathlib import Path

import pandas as pd

from asyncsim import results
from asyncsim.experiment.fidelities import report

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "notebooks" / name for name in ("real-time.md", "scale.md")]
MARKED = re.compile(r"(<!-- ([\w/-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def parts(page: Path) -> dict[str, tuple[str, str]]:
    """What stands in each part of a page, and what should; of those whose results are there."""
    found = {place: text for _, place, text, _ in MARKED.findall(page.read_text(encoding="utf-8"))}
    there = {place: ROOT / "results" / place for place in found if (ROOT / "results" / place).is_dir()}
    return {place: (found[place], _part(directory)) for place, directory in there.items()}


def _part(directory: Path) -> str:
    if (directory / "fidelity.csv").exists():
        words = report(pd.read_csv(directory / "fidelity.csv"), results.load_settings(directory))
    else:
        words = "".join(f"> {line}\n>\n" for line in (directory / "sentences.txt").read_text().splitlines())
        words = words.removesuffix(">\n")
    return f"\n{words}\n"


def written(page: Path) -> str:
    """The page with what should stand in its parts."""
    should = {place: part for place, (_, part) in parts(page).items()}
    text = page.read_text(encoding="utf-8")
    return MARKED.sub(lambda part: f"{part[1]}{should.get(part[2], part[3])}{part[4]}", text)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(written(path), encoding="utf-8")
