"""What a step is. Pure functions on flat vectors; maximisation. One file per paper."""

from .afedpg import AFedPG
from .delay_adaptive import DelayAdaptivePG
from .nigt import NIGT
from .optax import Optax
from .vanilla import VanillaPG

__all__ = ["NIGT", "AFedPG", "VanillaPG", "DelayAdaptivePG", "Optax"]
