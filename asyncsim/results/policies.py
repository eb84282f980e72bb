"""The policies of a run, as one file of tensors: safetensors, which holds numbers and text, and no code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .directories import kept

POLICIES = "policies.safetensors"


@dataclass(frozen=True, eq=False)
class Policy:
    """The last iterate of a lane, and what is needed to use it.

    method: its label. point: the value of each axis of a sweep. tuned: as in curves; empty where only α is tuned.
    updates: that were applied. eval_return: of this iterate, as it is evaluated in training; None where it diverged.
    problem: the scenario's table, with defaults filled in. params: θ, shape (d,).
    """

    method: str
    point: Mapping[str, Any]
    tuned: str
    step_size: float
    seed: int
    updates: int
    eval_return: float | None
    problem: Mapping[str, Any]
    params: np.ndarray


def write_policies(path: Path, policies: Sequence[Policy]) -> None:
    """One tensor per policy, by its number; the rest is JSON, under one key, for the order of several is random."""
    from safetensors.numpy import save_file

    records = [{key: value for key, value in asdict(policy).items() if key != "params"} for policy in policies]
    about = json.dumps(records, ensure_ascii=False, allow_nan=False)
    save_file({f"{k}": policy.params for k, policy in enumerate(policies)}, path, {"policies": about})


def load_policies(directory: Path | str) -> tuple[Policy, ...] | None:
    """The policies that were kept with a run; None where none were. Raises OSError where they cannot be read."""
    path = kept(directory) / POLICIES
    if not path.exists():
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            records = json.loads(file.metadata()["policies"])
            return tuple(Policy(**record, params=file.get_tensor(f"{k}")) for k, record in enumerate(records))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise OSError(f"{Path(directory, POLICIES)}: {error}: give the file as `asyncsim run` wrote it") from None
