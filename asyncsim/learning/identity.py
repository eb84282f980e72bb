"""What a curve depends on, as a key under which it can be found again.

A lane's key stands for the problem, the update without its step size, the seed, the step size, how often it is
evaluated, the programs and the packages. Where a run is in its timeline is said by a digest of what its updates used so
far: version, worker, index and weight of each gradient. Seconds are not in it: where they alone differ, the curve is
the same.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..base import Problem
from ..timeline import Timeline

PACKAGES = ("jax", "jaxlib", "numpy", "mujoco", "mujoco-mjx", "gymnasium", "gymnax", "optax")
ROOMS = ("learning", "problems", "rl", "updates")  # that curves depend on, beside base.py
RANDOM = ("jax_default_prng_impl", "jax_threefry_partitionable")


class Nameless(TypeError):
    """Something that has no name which is the same in another process, as a function has none."""


def curve_settings(problem: Problem, update: Any, evaluate_every: int, shapes: tuple[int, int]) -> dict[str, Any]:
    """All that the curves of a method on a problem depend on, besides timeline, seed and step size, as JSON has it.

    shapes: of the programs, how many lanes and pooled jobs. Raises Nameless.
    """
    return {
        "problem": _described(problem),
        "update": _described(update),
        "evaluate_every": evaluate_every,
        "programs": [*shapes, _package_source()],
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "floats": jnp.result_type(float).name,
        "random": [f"{getattr(jax.config, option, None)}" for option in RANDOM],
        "products": f"{jax.config.jax_default_matmul_precision}",  # type: ignore[attr-defined]
        "device": [
            platform.machine(),
            jax.default_backend(),
            jax.devices()[0].device_kind,
            os.environ.get("XLA_FLAGS", ""),
        ],
    }


def lane_key(settings: Mapping[str, Any], seed: int, step_size: float) -> str:
    """A lane's key: hexadecimal digits."""
    every = {**settings, "seed": int(seed), "step_size": float(step_size).hex()}
    return hashlib.sha256(json.dumps(every, sort_keys=True).encode()).hexdigest()


def prefix_digests(timeline: Timeline) -> list[bytes]:
    """What the first 0, 1, 2, ... updates used, as digests."""
    offsets, version, worker, index, weight, again = timeline.batches()
    uses = np.stack([version, worker, index, weight.view(np.int64), again], axis=1, dtype=np.int64)
    running = hashlib.sha256()
    found = [running.digest()[:16]]
    for low, high in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
        running.update(b"update" + uses[low:high].tobytes())
        found.append(running.copy().digest()[:16])
    return found


def _described(value: Any) -> Any:
    """A value as JSON has it, to the last bit; of a dataclass, with its class and the code that it comes from."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, np.generic):
        return _described(value.item())
    if isinstance(value, np.ndarray | jax.Array):
        array = np.ascontiguousarray(value)
        return [array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest()]
    if isinstance(value, tuple | list):
        return [type(value).__name__, *map(_described, value)]
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: _described(getattr(value, field.name)) for field in fields(value)}
        return {"class": f"{type(value).__module__}.{type(value).__qualname__}", "source": _source(type(value)), **own}
    raise Nameless(f"{value!r} has no name that is the same in another process")


def _source(kind: type) -> str:
    """Of a class from elsewhere, the code of its module; this package's is in the key anyway."""
    if kind.__module__.split(".")[0] == __package__.split(".")[0]:
        return ""
    try:
        return _digest_of_code(inspect.getsource(inspect.getmodule(kind) or kind))
    except (OSError, TypeError):
        raise Nameless(f"the source of {kind!r} is not at hand") from None


@cache
def _package_source() -> str:
    home = Path(__file__).parents[1]
    files = sorted(file for room in ROOMS for file in (home / room).rglob("*.py"))
    files.append(home / "base.py")
    code = {file.relative_to(home).as_posix(): file.read_text(encoding="utf-8") for file in files}
    digests = [f"{file} {_digest_of_code(source)}" for file, source in code.items()]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest_of_code(source: str) -> str:
    """Of what Python runs: neither comments nor docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            first.value = ast.Constant("")
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
