"""What ``settings.json`` records: the scenario or validation, and what it ran on. No dates, no names of machines."""

from __future__ import annotations

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


def load_settings(directory: Path | str) -> dict[str, Any]:
    """``scenario``: the scenario as data; ``versions``, ``platform``, ``floats``: what it ran on."""
    return json.loads((kept(directory) / "settings.json").read_text(encoding="utf-8"))


def settings_in(directory: Path | str) -> dict[str, Any]:
    """As `load_settings`, but empty where the file cannot be read."""
    try:
        return dict(load_settings(directory))
    except (OSError, ValueError, TypeError):
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


def surroundings() -> dict[str, Any]:
    """What results may depend on besides their settings: versions, platform and the width of floats."""
    import jax

    return {
        "versions": versions(*PACKAGES),
        "platform": {"system": platform.system(), "machine": platform.machine(), "jax": jax.default_backend()},
        "floats": "float64" if jax.config.jax_enable_x64 else "float32",  # type: ignore[attr-defined]
    }
