"""What is maximised: returns of policies on environments, tabular MDPs, and functions with exact gradients."""

from .policy_gradient import PolicyGradient
from .quadratic import Quadratic
from .ridge import Ridge
from .tabular import TabularMDP

__all__ = ["PolicyGradient", "TabularMDP", "Quadratic", "Ridge"]
