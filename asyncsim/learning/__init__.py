"""What was learned: replays a timeline on a problem, or trains while it simulates."""

from .coupled import train
from .history import History
from .replaying import replay

__all__ = ["History", "replay", "train"]
