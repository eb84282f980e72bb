"""A file with no more than a cluster, for commands that train nothing: what is taken for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .clusters import ClusterTable
from .errors import ScenarioError, told, validated

# These decide nothing without training.
UNUSED: dict[str, Any] = {"seeds": [0], "step_sizes": [1.0], "problem": {"kind": "quadratic"}}


def completed(data: dict[str, Any], folder: Path) -> tuple[dict[str, Any], str]:
    """The data with what is missing beside the cluster; and what of it matters, in a sentence.

    Of n workers: ``stop.gradients`` is 100 n; the methods are Synchronous NIGT, Rennala NIGT and Malenia NIGT with
    M = n, and AFedPG. folder: of recordings.
    """
    said, whole = [], UNUSED | data
    if "cluster" not in data or {"stop", "methods"} <= {*data}:
        return whole, ""
    n = _workers(data, folder)
    if "stop" not in data:
        whole["stop"] = {"gradients": 100 * n}
        said.append(f"stop.gradients = {100 * n}, which is 100 n")
    if "methods" not in data:
        in_rounds: dict[str, Any] = {name: {"batch_size": n} for name in ("rennala_nigt", "malenia_nigt")}
        whole["methods"] = {"synchronous_nigt": {}, **in_rounds, "afedpg": {}}
        said.append(f"the methods {', '.join(whole['methods'])}, with M = n = {n}")
    return whole, f"Not in the file, and so taken: {'; '.join(said)}."


def _workers(data: dict[str, Any], folder: Path) -> int:
    def parameters(workers: int, otherwise: str) -> int:
        if "problem" in data:
            return 1  # of no effect on the number of workers
        raise ScenarioError(
            "cluster.communication depends on the number of the policy's parameters, "
            f"and there is no [problem] with a policy: {otherwise}"
        )

    table = validated(ClusterTable, data["cluster"], "cluster")
    return told("cluster", table, table.build, folder, parameters)[1].workers
