"""Advice in a directory: what `Run.save` writes of its run, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import figures, results
from .advice import Advice
from .candidates import Case
from .crossovers import axes_of
from .runs import Saved
from .wording import in_words


def advised(
    case: Case, directory: Path | None, force: bool, answer: Callable[[], Advice]
) -> tuple[Advice, Saved | None]:
    """The answer, saved to a directory that is reserved before it is sought; None: to none.

    Raises FileExistsError where the directory holds something else (unless ``force``).
    """
    if directory is None:
        return answer(), None
    settings = results.as_data(case.alone().settings)
    with results.reserve_advice(directory, settings["cluster"], settings["problem"], force) as verb:
        found = answer()
        return found, Saved(verb, tuple(_write(directory, found)))


def _write(directory: Path, found: Advice) -> list[Path]:
    run = found.run
    tables = run.tables() | {"advice": found.table, "crossovers": found.crossovers}
    pictures = {"curves": run.plot(), "advice": picture(found)}
    text = "\n".join(in_words(found)) + "\n"
    return results.save(directory, run.scenario.settings, tables, pictures, texts={"advice": text})


def picture(found: Advice):
    """Curves, and predicted seconds with the crossovers (see `figures.advice`)."""
    cluster, data = found.run.scenario.cluster, results.as_data(found.run.scenario.settings)
    here = {axis.name: axis.value(1.0) for axis in axes_of(cluster)}
    if not np.any(cluster.kappas) and not cluster.jitter:
        here.pop("communication", None)
    return figures.advice(found.tuned_curves(), data, found.predicted, found.crossovers, here)
