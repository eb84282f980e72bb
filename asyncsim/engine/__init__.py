"""The engine: runs a rule on a cluster in simulated time and gives a timeline."""

from .log import Used
from .simulation import Coupling, RuleError, Stalled, compare, simulate

__all__ = ["Coupling", "RuleError", "Stalled", "Used", "compare", "simulate"]
