"""asyncsim: asynchronous distributed policy gradients in simulated time."""

import sys
from importlib import import_module
from types import ModuleType

from . import methods, rules, updates
from .base import Method
from .cluster import Cluster

# Imported when they are first asked for: simulating needs no JAX, and a command line that only helps needs no pandas.
_LAZY = {
    "simulate": ".simulate",
    "compare": ".simulate",
    "Stalled": ".simulate",
    "RuleError": ".simulate",
    "Timeline": ".timeline",
    "replay": ".replay",
    "History": ".replay",
    "train": ".coupled",
    "PolicyGradient": ".problems",
    "TabularMDP": ".problems",
    "Quadratic": ".problems",
}

__all__ = ["Cluster", "Method", "methods", "rules", "updates", *_LAZY]


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Importing a submodule puts the module in its package; `simulate` and `replay` stay the functions even so."""

    def __setattr__(self, name, value):
        if name in _LAZY and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
