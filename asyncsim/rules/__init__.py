"""Which finished jobs make an update, and which workers start a new job: one rule per file, in plain Python."""

from .fedbuff import FedBuff
from .greedy import Greedy
from .m_synchronous import MSynchronous
from .malenia import Malenia
from .rennala import Rennala
from .ringleader import Ringleader
from .ringmaster import Ringmaster
from .synchronous import Synchronous

__all__ = ["Synchronous", "MSynchronous", "Rennala", "Malenia", "Greedy", "Ringmaster", "Ringleader", "FedBuff"]
