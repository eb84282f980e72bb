"""What was learned: replays a timeline on a problem, or trains while it simulates."""

from .coupled import train
from .lanes import History, replay

__all__ = ["History", "replay", "train"]
