"""Advice in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..methods import rennala_nigt
from ..theory.prospects import bare
from .advice import Advice, is_known
from .crossovers import axes_of

GREEDY = (
    "updates to the target are assumed to be as many there as here, where gradients are at most twice as old; where "
    "they are older, as with more workers, it is not predicted."
)
QUANTITIES = {
    "communication": ("κ", "{:.4g} s"),
    "slowest worker": ("the slowest worker's time per gradient", "{:.4g} s"),
    "workers": ("n", "{:.0f}"),
}


def in_words(advice: Advice) -> list[str]:
    """The answer, one sentence or two a line."""
    best, second = advice.best, advice.second
    if not is_known(best):
        longer = "no candidate reached the target with four of five seeds: give a lower --target, or more --minutes"
        return [f"No advice: {longer}."]
    lines = [_use(advice, best)]
    if second is not None:
        lines.append(_against(best, second))
    lines += _batches(advice, best)
    lines += [change_in_words(row, advice) for row in advice.crossovers.to_dict("records")]
    return [*lines, *advice.theory, *_assumptions(advice)]


def _settings(row: Mapping[str, Any]) -> str:
    batch = "" if math.isnan(row["batch_size"]) else f"M = {row['batch_size']:.0f}, "
    return f"{row['method']} with {batch}α = {step_size_in_text(row['step_size'])}, η = {row['momentum']:g}"


def step_size_in_text(step_size: float) -> str:
    """A power of two as one.

    >>> step_size_in_text(0.125), step_size_in_text(0.1)
    ('2^-3', '0.1')
    """
    mantissa, exponent = math.frexp(step_size)
    return f"2^{exponent - 1}" if mantissa == 0.5 else f"{step_size:g}"


def problem_in_words(problem: Any) -> str:
    """What a scenario's table [problem] is: its environment, horizon and policy, or its kind and size."""
    if problem.kind != "policy_gradient":
        given = problem.model_dump(exclude={"kind"}, exclude_none=True)
        numbers = (f"{key} = {value}" for key, value in given.items() if isinstance(value, int | float))
        return f"the {problem.kind} ({', '.join(numbers)})"
    hidden = " and ".join(map(str, problem.hidden))
    policy = f"policy with {hidden} tanh units" if hidden else "policy without hidden layers"
    return f"{problem.environment} (horizon {problem.horizon}, {policy})"


def _use(advice: Advice, best: Mapping[str, Any]) -> str:
    missed = best["seeds"] - best["reached"]
    counted = f", of which {missed} did not come there" if missed else ""
    return (
        f"On {problem_in_words(advice.run.scenario.settings.problem)} use {_settings(best)}: {best['seconds']:.4g} "
        f"simulated seconds until four of five runs are at a return of {advice.target:g} "
        f"[{best['low']:.4g} to {best['high']:.4g}, 95 %], by {best['seeds']} seeds{counted}. This M is for that "
        "problem; another may need another."
    )


def _against(best: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    ratio = f"{second['ratio']:.3g} times as fast as {_settings(second)} [{_ratios(second)}]"
    if not is_known(second):
        ratio = f"at least {ratio}"
    if second["verdict"] == "slower":
        return f"It is {ratio}, the best of another method."
    needed = f"about {_seeds(second)} seeds would decide"
    return f"Whether it is ahead of every other method is undecided: it is {ratio}; {needed}."


def _ratios(row: Mapping[str, Any]) -> str:
    return f"{row['ratio_low']:.2g} to {row['ratio_high']:.2g}"


def _seeds(row: Mapping[str, Any]) -> str:
    needed = row["seeds_to_decide"]
    return f"{needed:.0f}" if needed < 10**6 else "more than a million"


def _batches(advice: Advice, best: Mapping[str, Any]) -> list[str]:
    """Which other M of the same method may be as good."""
    same = advice.table[advice.table["method"] == best["method"]].iloc[1:]
    close = same[same["verdict"] == "undecided"].sort_values("batch_size")
    if not len(same):
        return []
    if not len(close):
        return [
            f"Every other M that was tried is slower; the next is {_settings(same.iloc[0])} [{_ratios(same.iloc[0])}]."
        ]
    each = "; ".join(
        f"M = {row['batch_size']:.0f} [{_ratios(row)}], {_seeds(row)} seeds" for row in close.to_dict("records")
    )
    return [f"Not told apart from it, with ratios of seconds, and how many seeds would decide: {each}."]


def change_in_words(row: Mapping[str, Any], advice: Advice) -> str:
    """One crossover, with the predicted seconds on its two sides."""
    name, form = QUANTITIES[row["axis"]]
    if row["axis"] == "communication" and advice.run.scenario.cluster.jitter:
        name += " with its mean jitter"
    grows = "grows" if row["way"] == "up" else "falls"
    what = "another method" if row["what"] == "method" else "another M"
    if not row["other"]:
        return f"{name}: {what} is first at no value that was tried, {_reach(row, advice)}."
    sides = (
        f"{row['label']} {row['before']:.4g} and {row['after']:.4g} s, "
        f"{row['other']} {row['other_before']:.4g} and {row['other_after']:.4g} s"
    )
    verdicts = advice.table.set_index("label")["verdict"]
    unsure = " (undecided here, so unsure where)" if verdicts[row["other"]] == "undecided" else ""
    return (
        f"When {name} {grows} to {form.format(row['value'])}, {row['other']} becomes first{unsure}; "
        f"before and after, {sides}."
    )


def _reach(row: Mapping[str, Any], advice: Advice) -> str:
    """How far was tried, and of whom nothing was predicted on the way."""
    rows = advice.predicted[advice.predicted["axis"] == row["axis"]]
    up = row["way"] == "up"
    rows = rows[rows["factor"] >= 1] if up else rows[rows["factor"] <= 1]
    own = rows[(rows["label"] == advice.best["label"]) & rows["seconds"].notna()]
    form = QUANTITIES[row["axis"]][1]
    value = form.format(own["value"].max() if up else own["value"].min())
    others = rows[rows["seconds"].isna() & (rows["label"] != advice.best["label"])]
    unknown = [*others["label"].unique(), *advice.left_out]
    without = f" (not predicted, or not all the way: {'; '.join(unknown)})" if unknown else ""
    return f"{'up' if up else 'down'} to {value}{without}"


def theory_in_words(advice: Advice) -> list[str]:
    """Theory's best M with constants that are measured for it, beside the one that trained best. Trains a little."""
    from ..validation.batches import WHY_ANOTHER_BATCH, theorys_batch

    table, run = advice.table, advice.run
    rows = table[table["method"] == "rennala_nigt"]
    if not len(rows):
        return []
    first = rows.iloc[0]
    batch_size, step_size = int(first["batch_size"]), float(first["step_size"])
    try:
        cluster = bare(run.scenario.cluster)
        found = theorys_batch(run.scenario.problem(), rennala_nigt(batch_size, step_size), cluster)
    except ValueError as error:
        return [f"Theory says no M here: {error}."]
    theirs, epsilon, constants = found
    said = "more than 10^7" if math.isnan(theirs) else f"{theirs:.0f}"
    known = ", ".join(f"{key} = {value:.3g}" for key, value in constants.items())
    line = (
        f"Best M of Rennala NIGT: {batch_size} by training, {said} by theory for ε = {epsilon:g} with measured {known}."
    )
    return [line] if theirs == batch_size else [line, WHY_ANOTHER_BATCH]


def _assumptions(advice: Advice) -> list[str]:
    """What predictions take for granted, and what was left out."""
    lines = []
    methods = {row["method"] for row in advice.table.to_dict("records")}
    if len(advice.predicted):
        lines.append(
            "Predicted: measured updates to the target, simulated on the changed cluster; nothing is trained for it. "
            "Only the first change each way was looked for: beyond it, yet another one may be first."
        )
        cluster = advice.run.scenario.cluster
        if cluster.speeds or cluster.outages:
            lines.append(
                "Speeds or outages depend on the second: on a changed cluster other workers contribute, so that "
                "gradients are others, and predictions hold on average only."
            )
        known = {axis.name for axis in axes_of(cluster)}
        if unchanged := [name for axis, (name, _) in QUANTITIES.items() if axis not in known]:
            lines.append(f"Not changed, for its times have no finite mean: {'; '.join(unchanged)}.")
        if "afedpg" in methods and "afedpg" not in advice.left_out:
            lines.append(f"afedpg: {GREEDY}")
        if "synchronous_nigt" in methods:
            lines.append("synchronous_nigt: not predicted for other numbers of workers, for n is its M.")
        if advice.run.scenario.problem().workers is not None:
            lines.append("Workers have problems of their own: who contributes is assumed not to matter.")
    if advice.left_out:
        lines.append(f"Not at the target with four of five seeds, so not predicted: {'; '.join(advice.left_out)}.")
    if advice.at_the_edge:
        lines.append(f"The best step size is the smallest or largest that was tried: {'; '.join(advice.at_the_edge)}.")
    return lines
