"""asyncsim: asynchronous distributed policy gradients in simulated time."""

import os
import platform
from importlib import import_module
from typing import TYPE_CHECKING

from . import methods, rules, updates
from .base import Method
from .cluster import Cluster

if TYPE_CHECKING:
    from .engine import RuleError, Stalled, compare, simulate
    from .experiment import Run, run
    from .learning import History, replay, train
    from .problems import PolicyGradient, Quadratic, TabularMDP
    from .timeline import Timeline

# XLA compiles for the processor that it finds, and programs for AVX-512 round otherwise than those for AVX2. With this
# flag, which it reads when it computes for the first time, they round alike on all of them.
if platform.machine() in ("x86_64", "AMD64") and "xla_cpu_max_isa" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa=AVX2".strip()

# Imported when they are first asked for: simulating needs no JAX, and a command line that only helps needs no pandas.
_ROOMS = {
    "engine": ("RuleError", "Stalled", "compare", "simulate"),
    "experiment": ("Run", "run"),
    "learning": ("History", "replay", "train"),
    "problems": ("PolicyGradient", "Quadratic", "TabularMDP"),
    "timeline": ("Timeline",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Cluster",
    "Method",
    "methods",
    "rules",
    "updates",
    "simulate",
    "compare",
    "Stalled",
    "RuleError",
    "Timeline",
    "replay",
    "History",
    "train",
    "PolicyGradient",
    "TabularMDP",
    "Quadratic",
    "run",
    "Run",
]


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
