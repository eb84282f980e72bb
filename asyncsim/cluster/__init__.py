"""How long things take: compute times, speeds and outages, networks, and the patterns that the paper uses."""

from .cluster import Cluster
from .networks import Constant, Jitter, Network, ParameterServer, PerWorker, Ring, Tree
from .patterns import PATTERNS, decreasing, equal, inverse_sqrt, linear, one_straggler, sqrt
from .recordings import read_recording
from .rollouts import Rollout, read_rollouts
from .sampling import stream
from .speeds import Course, Diurnal, Markov, Outage, Phases, Speed, check_outages
from .straggling import Straggling
from .times import ComputeTime, Exponential, Fixed, Gamma, LogNormal, Pareto, Recorded, Uniform

# What a scenario may name, besides a number (Fixed, Constant), a number per worker (PerWorker) and a file (Recorded).
TIMES = (Exponential, LogNormal, Gamma, Pareto, Uniform, Straggling)
SPEEDS = (Phases, Diurnal, Markov)
NETWORKS = (Ring, Tree, ParameterServer)

__all__ = [
    "Cluster",
    "PATTERNS",
    "TIMES",
    "SPEEDS",
    "NETWORKS",
    "decreasing",
    "equal",
    "inverse_sqrt",
    "linear",
    "one_straggler",
    "sqrt",
    "ComputeTime",
    "Fixed",
    "Exponential",
    "LogNormal",
    "Gamma",
    "Pareto",
    "Uniform",
    "Straggling",
    "Recorded",
    "read_recording",
    "Rollout",
    "read_rollouts",
    "stream",
    "Speed",
    "Course",
    "Phases",
    "Diurnal",
    "Markov",
    "Outage",
    "check_outages",
    "Network",
    "Constant",
    "PerWorker",
    "Ring",
    "Tree",
    "ParameterServer",
    "Jitter",
]
