"""The scenarios that have names: those under ``./experiments``, and those that come with the package."""

from __future__ import annotations

from pathlib import Path

from ..base import nearest
from .errors import ScenarioError

HERE = Path("experiments")
CLUSTERS = "clusters"  # in such a folder
PACKAGE = Path(__file__).parents[1]


def shipped() -> Path:
    """The folder that comes with the package: in a checkout it is beside it."""
    inside = PACKAGE / "experiments"
    return inside if inside.is_dir() else PACKAGE.parent / "experiments"


def template(name: str) -> str:
    """A commented scenario to begin with, for a file of this name."""
    text = (PACKAGE / "scenario" / "template.toml").read_text(encoding="utf-8")
    return text.replace("NAME", name)


def known_scenarios() -> dict[str, Path]:
    """Every scenario by its name, which is its file's without ``.toml``; one under ``./experiments`` hides another."""
    return _scenarios(shipped()) | _scenarios(HERE)


def known_clusters() -> dict[str, Path]:
    """Files with no more than a cluster, by name: those in the folders ``clusters``."""
    return _under(shipped() / CLUSTERS) | _under(HERE / CLUSTERS)


def scenarios_here() -> dict[str, Path]:
    """Those under ``./experiments``, the paper's first; all where there are none."""
    found = _scenarios(HERE) or known_scenarios()
    return dict(sorted(found.items(), key=lambda item: item[1].parent.name != "paper"))


def _scenarios(folder: Path) -> dict[str, Path]:
    return {name: path for name, path in _under(folder).items() if path.parent != folder / CLUSTERS}


def _under(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.rglob("*.toml"), key=lambda path: (path.parent, path))}


def scenario_file(given: Path | str) -> Path:
    """The file that is meant by a path, or by a name such as ``quickstart``. Raises ScenarioError."""
    path = Path(given)
    if path.suffix or len(path.parts) != 1 or path.exists():
        return path
    known = known_clusters() | known_scenarios()
    if path.name not in known:
        raise ScenarioError(
            f"scenario={path.name!r} is neither a file nor a scenario's name: {nearest(path.name, list(known))}"
        )
    return known[path.name]
