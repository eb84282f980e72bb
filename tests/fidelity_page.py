"""Writes what `asyncsim fidelity` found into the guide: ``python tests/fidelity_page.py``."""

import re
from pathlib import Path

import pandas as pd

from asyncsim import results
from asyncsim.experiment.fidelities import report

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "notebooks" / "real-time.md"
PLACES = ("fidelity-fidelity", "fidelity-100-mb-fidelity")  # below results/, and marks of the page


def parts() -> dict[str, str]:
    """What the page has to say of each directory of results that is there."""
    there = [place for place in PLACES if (ROOT / "results" / place).is_dir()]
    return {place: _part(ROOT / "results" / place) for place in there}


def _part(directory: Path) -> str:
    return report(pd.read_csv(directory / "fidelity.csv"), results.load_settings(directory))


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for place, part in parts().items():
        marked = re.compile(f"(<!-- {place} -->\\n).*?(<!-- end -->)", re.DOTALL)
        text = marked.sub(lambda found, part=part: f"{found[1]}\n{part}\n{found[2]}", text)
    PAGE.write_text(text, encoding="utf-8")
