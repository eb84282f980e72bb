"""The engine: runs a rule on a cluster in simulated time and gives a timeline."""

from .answers import RuleError, Stalled
from .log import Coupling, Used
from .memory import check_memory
from .simulation import compare, simulate

__all__ = ["Coupling", "RuleError", "Stalled", "Used", "check_memory", "compare", "simulate"]
