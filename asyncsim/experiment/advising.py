"""`advise`: which method, which M and which step size for a cluster, within some minutes of real time.

1. A gradient is timed. 2. A pilot, Rennala NIGT with one M, says how far this problem is learned, how soon, and with
which steps: from it follow the target, if none is given, and for how long candidates are simulated. 3. All candidates
are tuned on five seeds and trained on five others. 4. So it is known about how soon the target is reached; for three
times as long they are trained again, with step sizes next to their best, on five to 160 seeds, as far as there is time,
and in the end only those that may be first. Each is an ordinary experiment, and the store shares curves between them.
5. The runs are read (see `advice`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ..base import Problem
from ..scenario import Scenario, ScenarioError
from .advice import Advice, ranked
from .budget import Cost, Watch, cost, round_number, whole_lanes
from .candidates import AROUND, WIDE, Case, candidates, pilot
from .crossovers import axes_of
from .protocol import Progress
from .runs import Run, run
from .tuning import arrival, four_of_five, score
from .wording import step_size_in_text, theory_in_words

SEEDS = (160, 80, 40, 20, 10, 5)
WAY = 0.7  # of the way from θ_0 to what the pilot reached: the target, if none is given
PILOT_SHARE, SAFE_SHARE = 0.1, 0.6  # of the time that is left
PILOT_GRADIENTS = 10_000  # per lane, at most
PROGRAMS = 3  # that are compiled to measure theory's constants
RIVAL = 2.0  # times as long as the best: candidates that may take less have more step sizes tried
ENOUGH = 20  # seeds, before a candidate that is told to be slower is left behind
LONGER = 3.0  # times as long as the pilot took to the target, and then as the best candidate

Steps: TypeAlias = dict[str, set[float]]  # sizes, of each candidate's label


def advise(
    case: Case,
    target: float | None = None,
    minutes: float = 10.0,
    store: Path | str | bool = True,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[], Callable[[Progress], None] | None] = lambda: None,
) -> Advice:
    """Train candidates, and say which is best on the cluster.

    target: a return; None: that of the case, or else 70 % of the way that the pilot came. minutes: of real time.
    store: as of `run`.
    say: called with what is done next, and why. progress: gives, for each of the experiments, what to call as `run`
        does.
    Raises ScenarioError where nothing is learned, or the target is reached without learning.
    """
    if not 0 < minutes < math.inf:
        raise ScenarioError(f"minutes={minutes} is no budget: give minutes > 0")
    watch = Watch.of(minutes)
    target = case.target if target is None else target
    for note in case.notes:
        say(note)
    with TemporaryDirectory() as nowhere:  # the experiments share curves in any case
        home = nowhere if store is False else store
        first = pilot(case, case.alone().cluster, 1, target)
        axes_of(first.cluster)  # what cannot be changed is told before anything is trained
        problem, (method,) = first.problem(), first.methods.values()
        price = cost(method, first.cluster, problem, case.evaluate_every)
        say(f"A gradient takes {1000 * price.gradient:.2g} ms here, and a program {price.compiling:.2g} s to compile.")
        aim, price = _pilot(case, first, target, price, watch, home, say, progress)
        own = problem.workers is not None
        until = _horizon(case, aim, price, watch, own, say)
        runs = _trained(case, until, aim, price, watch, own, home, say, progress)
    found = Advice.of(runs[-1], minutes, earlier=runs[:-1])
    found = replace(found, theory=tuple(_theory(found, problem, price, watch)))
    return replace(found, spent=watch.spent)


def _pilot(case, first: Scenario, target, price: Cost, watch: Watch, home, say, progress) -> tuple[Aim, Cost]:
    """Rennala NIGT with every step size, for as long as a part of the time allows; and what a gradient took in it."""
    (method,) = first.methods.values()
    rule: Any = method.rule
    batch = rule.batch_size
    settings = first.settings
    lanes = whole_lanes(len(WIDE), len(settings.tuning_seeds or ()), len(settings.seeds))
    fits = (PILOT_SHARE * watch.left - price.compiling) / (lanes * price.gradient)
    gradients = int(max(10 * batch, min(round_number(max(fits, 1.0)), PILOT_GRADIENTS)))
    say(f"Pilot: rennala_nigt with M = {batch}, {len(WIDE)} step sizes, {gradients} gradients each at most.")
    before = watch.spent
    found = run(pilot(case, first.cluster, gradients, target), store=home, progress=progress())
    if (found.computed or 0) > lanes * gradients / 2:  # the store had no more than half
        price = replace(price, gradient=(watch.spent - before) / (found.computed or 1))
    if target is None:
        target = _own_target(found, say)
        found = run(pilot(case, first.cluster, gradients, target), store=home)  # the step size that is soonest there
    elif _seconds_to(found, target) == math.inf:
        found = run(pilot(case, first.cluster, gradients, None), store=home)  # the one with the best return
    return _aim(found, target, say), price


def _seconds_to(found: Run, target: float) -> float:
    """When four of five of the pilot's seeds were at the target; infinite where they were not."""
    curves, end = found.tuned(), found.timelines["rennala_nigt"].end
    times = [arrival(curve, end, target) for _, curve in curves.groupby("seed")]
    return float(four_of_five(np.nan_to_num(times, nan=math.inf)))


@dataclass(frozen=True)
class Aim:
    """What the pilot found.

    target: a return. step_size: the pilot's best. seconds: simulated, that candidates should have to come there.
    """

    target: float
    step_size: float
    seconds: float


def _own_target(found: Run, say) -> float:
    """A return that the pilot came to, and a number of three digits."""
    curves, end = found.tuned(), found.timelines["rennala_nigt"].end
    start, late = _start(curves), score(curves, end)
    target = float(f"{start + WAY * (late - start):.3g}")
    luckiest = curves.loc[curves["update"] == 0, "eval_return"].max()  # what a few episodes return by chance
    if not late > target > luckiest:
        raise ScenarioError(
            f"{found.scenario.path}: the pilot learned nothing, from a return of {start:.3g} to {late:.3g}: "
            "give more --minutes, or a --target"
        )
    say(
        f"Target: a return of {target:g}, {WAY:.0%} of the way that the pilot came, from {start:.3g} to {late:.3g}; "
        "--target sets another one."
    )
    return target


def _start(curves: pd.DataFrame) -> float:
    """The mean return at θ_0."""
    return float(curves.loc[curves["update"] == 0, "eval_return"].mean())


def _aim(found: Run, target: float, say) -> Aim:
    curves, end = found.tuned(), found.timelines["rennala_nigt"].end
    start = _start(curves)
    if target <= start:
        raise ScenarioError(
            f"{found.scenario.path}: the return at θ_0 is {start:.4g}, so that target={target:g} is reached without "
            f"training: give a --target above {start:.4g}"
        )
    step_size, seconds = float(curves["step_size"].iloc[0]), _seconds_to(found, target)
    if seconds == math.inf:
        say(f"The pilot was not there within {end:.4g} simulated seconds.")
        return Aim(target, step_size, round_number(LONGER**2 * end, up=True))
    say(f"The pilot was there after {seconds:.4g} simulated seconds, with α = {step_size_in_text(step_size)}.")
    return Aim(target, step_size, round_number(LONGER * max(seconds, end / 1000), up=True))


def _horizon(case, aim: Aim, price: Cost, watch: Watch, own: bool, say) -> float:
    """For how long candidates are simulated: as long as they should be, or what there is time for."""
    tried = candidates(case, case.alone().cluster, aim.step_size, aim.seconds, aim.target, SEEDS[-1], own)
    compiling, training = len(tried.methods) * price.compiling, _gradients(tried) * price.gradient * _lanes(SEEDS[-1])
    share = max(0.1 * watch.left, SAFE_SHARE * watch.left - compiling) / training
    until = aim.seconds if share >= 1 else round_number(aim.seconds * share)
    say(
        f"Candidates: {len(tried.methods)} of method and M, with {len(AROUND)} step sizes each, "
        f"for {until:.4g} simulated seconds; about {(compiling + min(share, 1.0) * training) / 60:.1f} of the "
        f"{watch.seconds / 60:g} minutes."
    )
    if share < 1:
        say(f"They should have {aim.seconds:.4g}, and will, if it goes faster than in the pilot.")
    return until


def _trained(case, until: float, aim: Aim, price: Cost, watch: Watch, own: bool, home, say, progress) -> list[Run]:
    """All candidates on five seeds, for longer if there is time; and then on more seeds, as long as the best needs.

    Each time the store has what was trained before. Later runs are no longer than they have to be: so there is time for
    more seeds. On these every candidate has the step size that was its best on five, and one that may be first or not
    far from it also half and double; as long as the best of these is the last one tried, the next one follows. More
    seeds still are for those that are left (see `_left`).
    """
    cluster, seeds, spent = case.alone().cluster, SEEDS[-1], watch.spent

    def made(until: float, seeds: int, tried: Steps | None = None) -> Scenario:
        return candidates(case, cluster, aim.step_size, until, aim.target, seeds, own, tried)

    now = made(until, seeds)
    far, whole = run(now, store=home, progress=progress()), _gradients(now)
    computed = far.computed or 0
    each = (watch.spent - spent) / computed if computed > whole * _lanes(seeds) / 2 else price.gradient
    room = SAFE_SHARE * watch.left / (each * whole)  # lanes of all candidates
    longer = min(aim.seconds, round_number(until * (1 + room / _lanes(seeds))))
    if longer > 1.3 * until:
        until = longer
        say(f"There is time for {until:.4g} simulated seconds.")
        far = run(made(until, seeds), store=home, progress=progress())
    # Real seconds that a lane takes for a simulated one.
    took = {label: each * _gradients(far.scenario, label) / until for label in far.scenario.methods}

    def fits(steps: Steps, near: float, seeds: int) -> bool:
        """Whether there is time for this many seeds to tune on, and as many to report."""
        lanes = {label: seeds * (len(every) + 1) for label, every in steps.items()}
        return near * sum(took[label] * count for label, count in lanes.items()) <= SAFE_SHARE * watch.left

    runs, count, near = [far], 0, until
    tried: Steps = {label: {step} for label, step in far.tuned().groupby("method")["step_size"].first().items()}
    while True:
        rows = ranked(runs[-1])
        further = _neighbours(rows, tried)
        wider = {label: steps | further.get(label, set()) for label, steps in tried.items()}
        near = min(near, round_number(LONGER * rows["seconds"].min(), up=True))
        if count and further and fits(further, near, count):
            say(f"The best step size is the smallest or largest that was tried: {'; '.join(further)}.")
        else:
            left = _left(rows) if count >= ENOUGH else {*tried}
            wider = {label: steps for label, steps in wider.items() if label in left}
            count = next((more for more in SEEDS if more > count and fits(wider, near, more - count)), 0)
            if not count:
                return runs
            say(f"There is time for {count} seeds and {near:.4g} simulated seconds with {len(wider)} candidates.")
        tried = wider
        runs.append(run(made(near, count, tried), store=home, progress=progress()))


def _left(rows: pd.DataFrame) -> set[str]:
    """The candidates that are not told to be slower than the best, and the best one of another method.

    rows: as of `ranked`.
    """
    others = rows[rows["method"] != rows["method"].iloc[0]]
    return {*rows.loc[rows["verdict"] != "slower", "label"], *others["label"].head(1)}


def _neighbours(rows: pd.DataFrame, tried: Steps) -> Steps:
    """Half and double the best step size, where they were not tried, of the candidates that may be nearly first."""
    rivals = rows[rows["ratio_low"] < RIVAL]
    every = {row.label: {row.step_size / 2, 2 * row.step_size} - tried[row.label] for row in rivals.itertuples()}
    return {label: steps for label, steps in every.items() if steps}


def _theory(found: Advice, problem: Problem, price: Cost, watch: Watch) -> list[str]:
    """Theory beside the answer, if there is time left to measure its constants."""
    from ..validation.gradients import how_many

    rows = found.table[found.table["method"] == "rennala_nigt"]
    gradients = how_many(problem, int(rows["batch_size"].iloc[0]))
    # One lane has one core, and `price.gradient` is a share of all.
    seconds = gradients * price.gradient * (os.cpu_count() or 1) + (PROGRAMS * price.compiling if gradients else 0.0)
    if seconds <= watch.left:
        return theory_in_words(found)
    return [
        f"Theory's best M is left out: measuring its constants takes about {seconds:.2g} s, and {watch.left:.2g} s of "
        f"{watch.seconds / 60:g} minutes are left; with more --minutes it is said, or by `asyncsim bounds --measured`."
    ]


def _gradients(scenario: Scenario, *labels: str) -> float:
    """Of one lane of each of these candidates, together; of all, where none is named."""
    return float(sum(scenario.simulate(label).updates["gradients"].sum() for label in labels or scenario.methods))


def _lanes(seeds: int) -> float:
    return whole_lanes(len(AROUND), seeds, seeds)
