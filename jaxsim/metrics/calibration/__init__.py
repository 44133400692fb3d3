"""What measures are by chance: nulls from shuffled pairings and from exact moments, calibrated scores, p-values."""

from .calibrate import calibrate
from .correction import corrected_p_values

__all__ = ["calibrate", "corrected_p_values"]
