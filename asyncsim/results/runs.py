"""A run's directory: settings, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ..scenario import Settings
from ..scenario.sweeps import are_words, axes
from .directories import held, kept, whole
from .files import read_csv, write_csv, write_pictures
from .policies import POLICIES, Policy, write_policies
from .records import (
    as_data,
    check_whole,
    digests,
    extends,
    is_of,
    made_on_others,
    settings_in,
    surroundings,
    write_settings,
)

TABLES = ("curves.csv", "summary.csv", "per_seed.csv", "comparison.csv")
FILES = ("settings.json", *TABLES, "curves.png", "curves.svg")  # always
# Of tuning seeds; of a sweep of one quantity; of two; of workers whose worlds differ.
SOMETIMES = (
    "tuning.csv",
    POLICIES,  # where they are asked for
    *("time_to_target.png", "time_to_target.svg"),
    *("map.csv", "map.png", "map.svg"),
    *("by_worker.csv", "by_worker.png", "by_worker.svg"),
)
ADVICE = ("advice.csv", "advice.txt", "crossovers.csv", "advice.png", "advice.svg")  # beside those of its run


@contextmanager
def reserve_advice(
    directory: Path, cluster: Mapping[str, Any], problem: Mapping[str, Any], force: bool = False
) -> Iterator[str]:
    """As `reserve`, of advice: of the same tables [cluster] and [problem], it is replaced."""
    with held(directory, FILES + SOMETIMES + ADVICE) as home:
        written = (settings_in(home).get("scenario") or {}) if (home / "advice.csv").exists() else {}
        if not (home.exists() and any(home.iterdir())):
            yield "wrote"
        elif (written.get("cluster"), written.get("problem")) == (cluster, problem):
            yield f"replaced the same cluster's advice{made_on_others(settings_in(home))}"
        elif force:
            yield "replaced other results"
        else:
            raise FileExistsError(f"{directory} holds other results: give --force to replace them, or --output")


@contextmanager
def reserve(
    directory: Path, settings: Settings, force: bool = False, ours: Sequence[str] = FILES + SOMETIMES
) -> Iterator[str]:
    """Nobody else writes here until this is left. As: what saving will have done.

    That is ``"wrote"``, or which results it ``"replaced"``, and, where they were made on other versions, on which.
    Raises BlockingIOError where another run is writing; FileExistsError where something would be lost: another
    scenario's results (unless ``force``), or files that are not ours.
    """
    with held(directory, ours) as home:
        written = settings_in(home)
        if not (home.exists() and any(home.iterdir())):
            yield "wrote"
        elif is_of(settings, written.get("scenario")):
            yield f"replaced the same scenario's results{made_on_others(written)}"
        elif extends(settings, written.get("scenario")):
            yield "extended the same scenario's results by seeds"
        elif force:
            yield "replaced another scenario's results"
        else:
            raise FileExistsError(
                f"{directory} holds another scenario's results: give --force to replace them, or --output"
            )


def save(
    directory: Path,
    settings: Settings,
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Any],
    policies: Sequence[Policy] | None = None,
    texts: Mapping[str, str] = {},
) -> list[Path]:
    """Write a run's directory, whole or not at all; return the files.

    tables, pictures, texts: frames, figures and words, by the names of their files. policies: None: there is no file.
    """
    with whole(directory) as new:
        for name, frame in tables.items():
            write_csv(new / f"{name}.csv", frame)
        write_pictures(new, pictures)
        for name, text in texts.items():
            (new / f"{name}.txt").write_text(text, encoding="utf-8")
        if policies is not None:
            write_policies(new / POLICIES, policies)
        scenario = as_data(settings)
        write_settings(new, {"scenario": scenario, **surroundings(), "sha256": digests(new, scenario)})
    return [path for name in FILES + SOMETIMES + ADVICE if (path := Path(directory) / name).exists()]


def save_overview(place: Path, figure: Any) -> list[Path]:
    """Write a picture of several runs beside their directories; return its files."""
    place.parent.mkdir(parents=True, exist_ok=True)
    write_pictures(place.parent, {place.name: figure})
    return [place.with_suffix(ending) for ending in (".png", ".svg")]


def load_curves(directory: Path | str) -> pd.DataFrame:
    """The rows of every method, seed and step size, as `History.to_frame` had them."""
    return _table(directory, "curves")


def load_tuning(directory: Path | str) -> pd.DataFrame | None:
    """As `load_curves`, of the tuning seeds; None where there were none."""
    return _table(directory, "tuning") if (kept(directory) / "tuning.csv").exists() else None


def load_summary(directory: Path | str) -> pd.DataFrame:
    """One row per method at its tuned step size, and point of a sweep."""
    return _table(directory, "summary")


def load_per_seed(directory: Path | str) -> pd.DataFrame:
    """What each method reached with each seed, at each point of a sweep."""
    return _table(directory, "per_seed")


def load_comparison(directory: Path | str) -> pd.DataFrame:
    """The difference between each two methods, by each measure, at each point of a sweep."""
    return _table(directory, "comparison")


def load_prices(directory: Path | str) -> pd.DataFrame:
    """What came of each claim at every price of communication, of a directory that `save_prices` wrote."""
    return _table(directory, "prices")


def load_by_worker(directory: Path | str) -> pd.DataFrame | None:
    """What each worker's own world has of each method; None where all workers have the same world."""
    return _table(directory, "by_worker") if (kept(directory) / "by_worker.csv").exists() else None


def _table(directory: Path | str, name: str) -> pd.DataFrame:
    home = kept(directory)
    check_whole(directory, f"{name}.csv")
    words = ["method", "tuned", "other", "measure", "claim", "price", "verdict"]
    try:
        swept = axes((settings_in(home).get("scenario") or {}).get("sweep"))
        words += [axis for axis, values in swept.items() if are_words(values)]
        return read_csv(home / f"{name}.csv", words)
    except (ValueError, TypeError, AttributeError):  # of pandas, and of numbers
        raise OSError(f"{directory}: {name}.csv is damaged: run it again") from None
