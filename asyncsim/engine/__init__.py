"""The engine: runs a rule on a cluster in simulated time and gives a timeline."""

from .answers import RuleError, Stalled
from .log import Coupling, Used
from .memory import check_memory, check_size, check_update, jobs_of_an_update
from .simulation import check_start, compare, simulate, tally
from .tallying import Tally

__all__ = [
    "Coupling",
    "RuleError",
    "Stalled",
    "Tally",
    "Used",
    "check_memory",
    "check_size",
    "check_start",
    "check_update",
    "compare",
    "jobs_of_an_update",
    "simulate",
    "tally",
]
