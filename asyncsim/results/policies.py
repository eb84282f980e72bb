"""The policies of a run, as one file of tensors: safetensors, which holds numbers and text, and no code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..scenario.policies import POLICIES, Policy, read_policies
from .directories import kept


def write_policies(path: Path, policies: Sequence[Policy]) -> None:
    """One tensor per policy, by its number; the rest is JSON, under one key, for the order of several is random."""
    from safetensors.numpy import save_file

    records = [{key: value for key, value in asdict(policy).items() if key != "params"} for policy in policies]
    about = json.dumps(records, ensure_ascii=False, allow_nan=False)
    save_file({f"{k}": policy.params for k, policy in enumerate(policies)}, path, {"policies": about})


def load_policies(directory: Path | str) -> tuple[Policy, ...] | None:
    """The policies that were kept with a run; None where none were. Raises OSError where they cannot be read."""
    return read_policies(kept(directory) / POLICIES)
