"""Where else lanes are trained than in this process: in processes beside it, or on a Ray cluster."""

from .on_ray import OnRay
from .processes import Processes
from .units import Machines, MachinesError, Pool, Stopped, Turns, jax_options, train_on

__all__ = ["Machines", "MachinesError", "OnRay", "Pool", "Processes", "Stopped", "Turns", "jax_options", "train_on"]
