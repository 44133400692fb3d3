"""Inference: how sure a study's numbers are, and what chance alone would have given.

Tests shuffle which sample of one space belongs to which of the other; intervals come from balanced
half-samples or from the query rows. Resampling with replacement is no option: duplicates become each other's
neighbours.
"""

from jaxsim.metrics.calibration.correction import corrected_p_values
from jaxsim.study.inference.intervals import Interval, half_sample_interval, query_subsampling_interval
from jaxsim.study.inference.permutation_tests import ExtremumTest, PermutationTest, extremum_test, permutation_test
from jaxsim.study.inference.smoothness_difference import SmoothnessDifference, smoothness_difference

__all__ = [
    "ExtremumTest",
    "Interval",
    "PermutationTest",
    "SmoothnessDifference",
    "corrected_p_values",
    "extremum_test",
    "half_sample_interval",
    "permutation_test",
    "query_subsampling_interval",
    "smoothness_difference",
]
