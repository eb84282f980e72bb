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
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_path
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..base import Problem
from ..timeline import Timeline

OPTIONS = ("jax_default_matmul_precision", "jax_default_prng_impl", "jax_threefry_partitionable")
PACKAGES = ("jax", "jaxlib", "numpy", "mujoco", "mujoco-mjx", "gymnasium", "box2d", "gymnax", "optax")
OURS = __package__.partition(".")[0]
ROOMS = ("learning", "problems", "rl", "updates")  # that curves depend on, beside base.py


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
        **{name: f"{getattr(jax.config, name)}" for name in OPTIONS},
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
    """A value as JSON has it, to the last bit; of a dataclass, with its class and the code that it comes from.

    A dataclass may have ``code``, further classes whose code it runs.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, np.generic):
        return _described(value.item())
    if isinstance(value, np.ndarray | jax.Array) and isinstance(value.dtype, np.dtype) and not value.dtype.hasobject:
        array = np.ascontiguousarray(value)
        return [array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest()]
    if isinstance(value, partial):
        return ["partial", *map(_described, (value.func, value.args, sorted(value.keywords.items())))]
    if isinstance(value, type | FunctionType):
        home, name = value.__module__, value.__qualname__
        # Not where it was made in a function, whose code may close over numbers.
        if getattr(sys.modules.get(home), name, None) is value:
            return {"name": f"{home}.{name}", "source": _source(value), "version": _version(home.partition(".")[0])}
    if type(value) in (tuple, list):
        return [type(value).__name__, *map(_described, value)]
    kind = type(value)
    if is_dataclass(kind) and "<locals>" not in kind.__qualname__:  # whose code may close over other numbers
        names = {field.name for field in fields(value)} | {
            name
            for name in getattr(value, "__dict__", ())
            if not isinstance(inspect.getattr_static(kind, name, None), cached_property)
        }
        own = {name: _described(getattr(value, name)) for name in sorted(names)}
        if further := getattr(value, "code", ()):
            own["code"] = [_described(one) for one in further]
        return {"class": f"{kind.__module__}.{kind.__qualname__}", "source": _source(kind), **own}
    raise Nameless(f"{value!r} has no name that is the same in another process")


def _source(kind: Any) -> dict[str, str]:
    """Of what comes from elsewhere, the code of its module and of those that it imports; ours is in the key anyway."""
    if kind.__module__.partition(".")[0] == OURS:
        return {}
    try:
        source = inspect.getsource(inspect.getmodule(kind) or kind)
    except (OSError, TypeError):
        raise Nameless(f"the source of {kind!r} is not at hand") from None
    found, left = {}, [(kind.__module__, getattr(inspect.getmodule(kind), "__package__", None), source)]
    while left:
        name, package, source = left.pop()
        found[name] = _digest_of_code(source)
        for other in _imported(source, package or ""):
            if other not in found and (own := _own_module(other)):
                found[other] = ""  # begun
                left.append((other, *own))
    return found


def _imported(source: str, package: str) -> list[str]:
    """What a module of a package imports, by absolute names; some of them may be no modules but what is in them."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            names += [home, *(f"{home}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(names))


def _own_module(name: str) -> tuple[str, str] | None:
    """The package of a module of the user's own, and its source; None for an installed one, and for what is none."""
    spec = None
    try:
        for part in (name.partition(".")[0], name):  # so nobody else's package is imported on the way to its parts
            spec = find_spec(part)
            places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
            if spec is None or part == OURS or any(_installed(Path(place)) for place in places if place):
                return None
        if spec is not None and f"{spec.origin}".endswith(".py"):
            return spec.parent or "", Path(f"{spec.origin}").read_text(encoding="utf-8")
    except (ImportError, ValueError, AttributeError, OSError):
        pass
    return None


def _installed(file: Path) -> bool:
    homes = [Path(get_path(name)) for name in ("stdlib", "platstdlib")]
    return bool({"site-packages", "dist-packages"} & {*file.parts}) or any(map(file.is_relative_to, homes))


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
