"""Training in real time: workers are processes that compute gradients, and the rule decides as in simulated time."""

from .fleet import Fleet, fleet_of
from .training import Live, check_live, train_live

__all__ = ["Fleet", "Live", "check_live", "fleet_of", "train_live"]
