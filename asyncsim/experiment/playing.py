"""Kept policies in Gymnasium: does what was trained here do the same there?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import results
from ..results import Policy
from ..scenario import ScenarioError
from ..scenario.errors import told, validated
from ..scenario.policies import chosen
from ..scenario.problems import PolicyGradientTable


def kept_policies(directory: Path | str, method: str | None = None, seed: int | None = None) -> list[Policy]:
    """The policies that were kept with a run: of this method, and of this seed. Raises ScenarioError where none was."""
    every = results.load_policies(directory)
    if not every:
        raise ScenarioError(f"{directory}: no policies are here: give the directory of a run with --policies")
    try:
        return chosen(every, method, seed)
    except ValueError as error:
        raise ScenarioError(f"{directory}: {error}") from None


def best_of(policies: list[Policy]) -> Policy:
    """The one with the highest recorded return; of equals the first."""
    return max(policies, key=lambda policy: -np.inf if policy.eval_return is None else policy.eval_return)


def played(
    policies: list[Policy], episodes: int, filmed: Policy | None = None
) -> Iterator[tuple[Policy, np.ndarray, list[np.ndarray], float]]:
    """Each policy with its returns in Gymnasium, shape (episodes,); of the one that is filmed, frames and their rate.

    Raises ScenarioError where Gymnasium has no such environment, before the first is played.
    """
    from ..rl.playing import check_playable, play

    tables = [_table(policy) for policy in policies]
    for table in tables:
        told("problem", table, check_playable, table.environment)
    for policy, table in zip(policies, tables):
        problem: Any = told("problem", table, table.build, 1)
        run = table.environment, problem.policy_network, policy.params, table.horizon, episodes, policy is filmed
        yield policy, *told("problem", table, play, *run, table.fields)


def _table(policy: Policy) -> PolicyGradientTable:
    if policy.problem.get("kind", "policy_gradient") != "policy_gradient":
        raise ScenarioError(f"problem.kind={policy.problem['kind']!r} has no episodes to play: give a policy_gradient")
    table = validated(PolicyGradientTable, dict(policy.problem), "problem")
    every = [value for value in table.fields.values() if isinstance(value, tuple)]
    if table.fields and (every or not table.environment.startswith("gymnasium/")):
        raise ScenarioError(
            f"problem.fields={table.fields!r}: policies of environments with other constants, or with one for each "
            "worker, cannot be played: give a run without fields"
        )
    return table
