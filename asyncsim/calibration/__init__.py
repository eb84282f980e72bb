"""From a log to a cluster: fits of every worker's times, and how well they tell what they were not fitted to.

`families` and `mixtures` fit and give intervals, `fits` chooses and tests, `checking` simulates what was held out.
"""

from .calibrating import Calibration, calibrate
from .fits import LEVEL, Fit, drift, fit_all

__all__ = ["LEVEL", "Calibration", "Fit", "calibrate", "drift", "fit_all"]
