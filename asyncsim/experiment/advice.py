"""What a run of candidates says: which is best, how sure that is, and what would change it.

Seconds to the target are those by which four of five seeds are there. They are known where a few seeds never reach it,
and do not depend on how long the run was, as a mean does; where more do not, the end of the run is a lower bound, and
is said to be one. Ratios of two have paired bootstrap intervals over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .crossovers import Candidate, axes_of, crossovers
from .runs import Run
from .statistics import ratio_interval, seconds_interval, seeds_to_tell
from .tuning import four_of_five

TABLE = (
    *("label", "method", "batch_size", "step_size", "momentum"),
    *("seconds", "low", "high", "reached", "seeds", "updates"),
    *("ratio", "ratio_low", "ratio_high", "verdict", "seeds_to_decide"),
)


@dataclass(frozen=True, eq=False)
class Advice:
    """The answer.

    run: of all candidates. minutes, spent: the budget of real time, and the seconds that it took.
    table: a row per candidate, the best first: ``label, method, batch_size`` (NaN: every gradient is an update),
        ``step_size``; ``momentum``, η; ``seconds, low, high``: simulated, until four of five seeds are there, and the
        95 % interval; ``reached``, by how many of ``seeds``; ``updates`` by then; ``ratio``, how many times as
        long as the best, with ``ratio_low, ratio_high``; ``verdict``: ``best``, ``slower``, or ``undecided`` where the
        interval holds 1, with ``seeds_to_decide``. Those that were left behind come last, as they were on fewer seeds.
    crossovers, predicted: as `crossovers.crossovers` has them.
    left_out: candidates that did not reach it with four of five seeds, so that nothing is predicted of them.
    theory: sentences about theory's best M beside the measured one.
    """

    run: Run
    minutes: float
    spent: float
    table: pd.DataFrame
    crossovers: pd.DataFrame
    predicted: pd.DataFrame
    left_out: tuple[str, ...] = ()
    theory: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Run, minutes: float = math.inf, spent: float = 0.0, earlier: Sequence[Run] = ()) -> Advice:
        """Read a run of candidates, with a target.

        earlier: runs with candidates that this one has no more, which were slower there; longer ones, which tell after
            how many updates those come there that do not in this one.
        """
        table, scenario = ranked(run), run.scenario
        for before in reversed(earlier):
            rows = ranked(before)
            table = pd.concat([table, rows[~rows["label"].isin(table["label"])]], ignore_index=True)
        measured: dict[str, Candidate] = {}
        for each in (*earlier, run):
            measured |= measured_candidates(each)
        found = pd.DataFrame(), pd.DataFrame()
        if table["label"].iloc[0] in measured:
            best, seed = table["label"].iloc[0], scenario.settings.cluster.seed
            found = crossovers(axes_of(scenario.cluster), measured, best, seed)
        return cls(run, minutes, spent, table, *found, tuple(each for each in table["label"] if each not in measured))

    @property
    def target(self) -> float:
        """The return that is to be reached."""
        target: Any = self.run.scenario.settings.target_return
        return target

    @property
    def best(self) -> Mapping[str, Any]:
        """The first row of the table."""
        return self.table.iloc[0].to_dict()

    @property
    def second(self) -> Mapping[str, Any] | None:
        """The best row of another method."""
        others = self.table[self.table["method"] != self.best["method"]]
        return others.iloc[0].to_dict() if len(others) else None

    @property
    def at_the_edge(self) -> tuple[str, ...]:
        """Candidates of the run that may be first, and whose best step size is the smallest or the largest there."""
        grids, rows = self.run.scenario.step_sizes, self.table[self.table["verdict"] != "slower"]
        steps = [(label, grids[label], step) for label, step in zip(rows["label"], rows["step_size"]) if label in grids]
        return tuple(label for label, grid, step in steps if step in (min(grid), max(grid)))

    def tuned_curves(self) -> pd.DataFrame:
        """The curves of the best candidate of each method."""
        curves = self.run.tuned()
        return curves[curves["method"].isin(self.firsts)]

    @property
    def firsts(self) -> tuple[str, ...]:
        """The best candidate of each method, the best first."""
        return tuple(self.table.drop_duplicates("method")["label"])


def ranked(run: Run) -> pd.DataFrame:
    """One row per candidate, as `Advice.table` has them."""
    measured, settings = run.per_seed(), run.scenario.settings
    tables: Any = settings.methods
    steps = run.tuned().groupby("method")["step_size"].first()
    updates = {label: np.array([*seeds.values()]) for label, seeds in arrivals(run).items()}
    seconds = {
        label: lanes["time"].fillna(lanes["end"]).to_numpy() for label, lanes in measured.groupby("method", sort=False)
    }
    reached = measured.groupby("method")["time"].count()
    order = sorted(seconds, key=lambda label: (four_of_five(seconds[label]), -reached[label]))
    rows = []
    for label in order:
        own, first = seconds[label], seconds[order[0]]
        low, high = seconds_interval(own)
        rows.append(
            {
                "label": label,
                "method": tables[label].method,
                "batch_size": float(_batch_size(run, label)),
                "step_size": steps[label],
                "momentum": _momentum(run, label),
                "seconds": four_of_five(own),
                "low": low,
                "high": high,
                "reached": reached[label],
                "seeds": len(own),
                "updates": four_of_five(np.nan_to_num(updates[label], nan=np.inf)),
                **(_against(own, first) if label != order[0] else _BEST),
            }
        )
    return pd.DataFrame(rows, columns=[*TABLE])


def is_known(row: Mapping[str, Any]) -> bool:
    """Whether four of five of a candidate's seeds reached the target: otherwise its seconds are a lower bound."""
    return 5 * row["reached"] >= 4 * row["seeds"]


_BEST = {"ratio": 1.0, "ratio_low": 1.0, "ratio_high": 1.0, "verdict": "best", "seeds_to_decide": math.nan}


def _against(own: np.ndarray, first: np.ndarray) -> dict[str, Any]:
    low, high = ratio_interval(own, first)
    ratio, decided = four_of_five(own) / four_of_five(first), low > 1
    return {
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "verdict": "slower" if decided else "undecided",
        "seeds_to_decide": math.nan if decided else seeds_to_tell(ratio, low, high, len(own)),
    }


def _batch_size(run: Run, label: str) -> float:
    """M; of a synchronous method n, NaN where every gradient is an update."""
    rule: Any = run.methods[label].rule
    if rule.communication == "gradient":
        return math.nan
    return getattr(rule, "batch_size", run.scenario.cluster.workers)


def _momentum(run: Run, label: str) -> float:
    """η; 1, all of the new gradient, of a method without momentum."""
    update: Any = run.methods[label].update
    return getattr(update, "momentum", 1.0)


def measured_candidates(run: Run) -> dict[str, Candidate]:
    """The candidates that reached the target with four of five seeds, and after how many updates.

    A seed that did not reach it counts with all updates that it had, as its seconds count with the end.
    """
    tables: Any = run.scenario.settings.methods
    found, steps = {}, run.tuned().groupby("method")["step_size"].first()
    for label, seeds in arrivals(run).items():
        if is_known({"reached": np.isfinite([*seeds.values()]).sum(), "seeds": len(seeds)}):
            method, last = run.methods[label], len(run.timelines[label].updates)
            update: Any = method.update
            method = replace(method, update=replace(update, step_size=float(steps[label])))
            updates = tuple(last if math.isnan(update) else int(update) for update in seeds.values())
            delay = float(run.timelines[label].delays().mean())
            found[label] = Candidate(tables[label].method, method, updates, delay, run.scenario.settings.stale)
    return found


def arrivals(run: Run) -> dict[str, dict[int, float]]:
    """After how many updates each candidate's seeds were first evaluated at the target, NaN where they never were."""
    target: Any = run.scenario.settings.target_return
    rows = run.tuned()
    first = (
        rows["update"].where(rows["eval_return"] >= target).groupby([rows["method"], rows["seed"]], sort=False).min()
    )
    return {label: dict(own.droplevel(0)) for label, own in first.groupby(level=0, sort=False)}
