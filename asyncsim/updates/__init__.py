"""Steps of the server: pure functions on flat vectors, for maximisation. One file per paper."""

from .afedpg import AFedPG
from .delay_adaptive import DelayAdaptivePG
from .harpg import HARPG
from .local import LocalSteps
from .mvr import MVR
from .nigt import NIGT
from .optax import Optax
from .vanilla import VanillaPG

__all__ = ["NIGT", "AFedPG", "VanillaPG", "DelayAdaptivePG", "MVR", "HARPG", "LocalSteps", "Optax"]
