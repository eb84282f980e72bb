"""Policies that were kept with a run, as data: to be played, or to begin with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base import nearest
from .tables import Index, Table

POLICIES = "policies.safetensors"


@dataclass(frozen=True, eq=False)
class Policy:
    """The last iterate of a lane, or of one that diverged the last with a finite return, and what is needed to use it.

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


def read_policies(path: Path) -> tuple[Policy, ...] | None:
    """The policies in this file; None where there is none. Raises OSError where they cannot be read."""
    if not path.exists():
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            records = json.loads(file.metadata()["policies"])
            return tuple(Policy(**record, params=file.get_tensor(f"{k}")) for k, record in enumerate(records))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise OSError(f"{path}: {error}: give the file as `asyncsim run` wrote it") from None


def chosen(policies: Sequence[Policy], method: str | None, seed: int | None) -> list[Policy]:
    """Those of this method, and of this seed; None: of any. Raises ValueError where there is none, one line."""
    found = list(policies)
    for key, wanted in (("method", method), ("seed", seed)):
        if wanted is not None:
            known = list(dict.fromkeys(f"{getattr(policy, key)}" for policy in found))
            found = [policy for policy in found if getattr(policy, key) == wanted]
            if not found:
                raise ValueError(f"{key}={wanted!r} has no policy here: {nearest(f'{wanted}', known)}")
    return found


class StartTable(Table):
    """A trained policy to begin with, which `asyncsim run --policies` has kept.

    results: the directory of its run, relative to the scenario file's; no sweep's.
    method: the label of the policy's, if there are several.
    seed: of the policy, if there are several.
    sha256: hex digest of its parameters. It is filled in where it is not given, so that settings say which policy.
    """

    results: str
    method: str | None = None
    seed: Index | None = None
    sha256: str | None = None

    def read(self, folder: Path) -> tuple[StartTable, np.ndarray]:
        """This table with the digest, and θ_0, shape (d,). Raises ValueError, one line."""
        try:
            found = read_policies(folder / self.results / POLICIES)
        except OSError as error:
            raise ValueError(f"results={self.results!r}: {error}") from None
        if not found:
            raise ValueError(f"results={self.results!r} has no policies: give the directory of a run with --policies")
        one, *others = chosen(found, self.method, self.seed)
        if others:
            raise ValueError(
                f"results={self.results!r} has {1 + len(others)} such policies: give method and seed of one"
            )
        params = one.params
        digest = hashlib.sha256(params.tobytes()).hexdigest()
        if self.sha256 not in (None, digest):
            raise ValueError(f"sha256={self.sha256!r} is not of results={self.results!r}, whose digest is {digest}")
        return self.model_copy(update={"sha256": digest}), params
