"""What ``settings.json`` records: the scenario or validation, and what it ran on. No dates, no names of machines."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from ..scenario import Settings
from .directories import kept
from .files import json_text

# What results depend on, if it is there: a simulation, and what is learned.
SIMULATES = ("asyncsim", "simpy", "numpy", "scipy", "pandas")
PACKAGES = (*SIMULATES, "matplotlib", "jax", "jaxlib", "mujoco", "mujoco-mjx", "gymnasium", "box2d", "gymnax")


def write_settings(directory: Path, record: Mapping[str, Any]) -> None:
    """Write ``settings.json``."""
    (directory / "settings.json").write_text(json_text(record), encoding="utf-8")


def digests(directory: Path, scenario: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of what a folder of results holds, pictures left out, and of the scenario; by name."""
    files = sorted(path for path in directory.iterdir() if path.suffix in (".csv", ".safetensors"))
    found = {"scenario": json.dumps(scenario, sort_keys=True).encode()} | {
        path.name: path.read_bytes() for path in files
    }
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


def check_whole(directory: Path | str, *names: str) -> None:
    """Raises OSError unless these files, or ``"scenario"``, are what was written; older folders do not tell."""
    home = kept(directory)
    try:
        record = load_settings(home)
        scenario, written = record.get("scenario") or {}, record.get("sha256") or {}
        now = digests(home, scenario) if written else {}
        wrong = [name for name in names if name in written and written[name] != now.get(name)]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise OSError(f"{directory}: settings.json is damaged: run it again, with --force") from None
    if wrong:
        raise OSError(f"{directory}: {wrong[0]} is not what was written: run it again")


def load_settings(directory: Path | str) -> dict[str, Any]:
    """``scenario``: the scenario as data; ``versions``, ``platform``, ``floats``: what it ran on."""
    return json.loads((kept(directory) / "settings.json").read_text(encoding="utf-8"))


def settings_in(directory: Path | str) -> dict[str, Any]:
    """As `load_settings`, but empty where the file cannot be read."""
    try:
        return dict(load_settings(directory))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def as_data(settings: Settings) -> dict[str, Any]:
    """A scenario as JSON has it."""
    return json.loads(settings.model_dump_json())


def is_of(settings: Settings, written: Any) -> bool:
    """Whether a scenario in a file is this one. A key that is not in the file, for it is new, had its default."""
    every, given = (json.loads(settings.model_dump_json(exclude_defaults=without)) for without in (False, True))

    def filled(written, every, given):
        if not (isinstance(written, dict) and isinstance(every, dict)):
            return written
        known = {key: filled(value, every.get(key), given.get(key, {})) for key, value in written.items()}
        return {key: value for key, value in every.items() if key not in given} | known

    return filled(written, every, given) == every


def extends(settings: Settings, written: Any) -> bool:
    """Whether a scenario in a file is this one with fewer seeds."""
    try:
        fewer = settings.model_copy(update={"seeds": tuple(written["seeds"])})
        return set(fewer.seeds) < set(settings.seeds) and is_of(fewer, written)
    except (KeyError, TypeError):
        return False


def made_on_others(written: Mapping[str, Any]) -> str:
    """``, made with jax 0.8.1 (now 0.9.0)``, of what has another version than in a record."""
    now, then = versions(*PACKAGES), dict(written.get("versions") or {})
    others = [f"{name} {then[name]} (now {now[name]})" for name in now if then.get(name, now[name]) != now[name]]
    return f", made with {', '.join(others)}" if others else ""


def versions(*packages: str) -> dict[str, str]:
    """Python's, and of the packages that are there."""
    there = {name: version(name) for name in packages if any(distributions(name=name))}
    return {"python": platform.python_version(), **there}


OPTIONS = {  # of JAX, that a user may have reasons to choose, with its defaults
    "jax_default_matmul_precision": None,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
}


def surroundings() -> dict[str, Any]:
    """What results may depend on besides their settings: versions, platform, width of floats, options of JAX."""
    import jax

    chosen = {name: getattr(jax.config, name) for name in OPTIONS}
    others = {name: value for name, value in chosen.items() if value != OPTIONS[name]}
    return {
        "versions": versions(*PACKAGES),
        "platform": {"system": platform.system(), "machine": platform.machine(), "jax": jax.default_backend()},
        "floats": "float64" if jax.config.jax_enable_x64 else "float32",  # type: ignore[attr-defined]
        **({"options": others} if others else {}),
    }
