"""Which finished jobs make an update, and which workers start a new job: one rule per file, in plain Python."""

from .deadline import Deadline
from .fedbuff import FedBuff
from .greedy import Greedy
from .m_synchronous import MSynchronous
from .malenia import Malenia
from .over_sampling import OverSampling
from .over_selection import OverSelection
from .paced import Paced
from .periodic import Periodic
from .rennala import Rennala
from .ringleader import Ringleader
from .ringmaster import Ringmaster
from .streaming import Streaming
from .synchronous import Synchronous

__all__ = [
    "Synchronous",
    "MSynchronous",
    "OverSelection",
    "OverSampling",
    "Rennala",
    "Malenia",
    "Deadline",
    "Periodic",
    "Greedy",
    "Ringmaster",
    "Ringleader",
    "Streaming",
    "Paced",
    "FedBuff",
]
