"""Measures of two layers' singular vectors and units: Procrustes, canonical correlations, regression, matching."""

from .cca import MEAN_CCA, PWCCA, R2_CCA, SVCCA, mean_cca, pwcca, r2_cca, svcca, svcca_measure
from .gulp import GULP, gulp, gulp_measure
from .matching import (
    HARD_MATCHING,
    PERMUTATION_ANGLE,
    PERMUTATION_DISTANCE,
    SEMI_MATCHING,
    SOFT_MATCHING,
    SOFT_MATCHING_DISTANCE,
    hard_matching,
    semi_matching,
    soft_matching,
    soft_matching_distance,
)
from .overlap import EIGENSPACE_OVERLAP, eigenspace_overlap
from .procrustes import (
    ANGULAR_SHAPE,
    ANGULAR_SHAPE_WHITENED,
    PROCRUSTES,
    SIZE_AND_SHAPE,
    angular_shape,
    angular_shape_measure,
    procrustes,
    size_and_shape,
)
from .regression import LINEAR_REGRESSION, LINEAR_REGRESSION_FEATURES, linear_regression

MEASURES = (
    PROCRUSTES,
    SIZE_AND_SHAPE,
    ANGULAR_SHAPE,
    ANGULAR_SHAPE_WHITENED,
    MEAN_CCA,
    R2_CCA,
    SVCCA,
    PWCCA,
    LINEAR_REGRESSION,
    LINEAR_REGRESSION_FEATURES,
    GULP,
    EIGENSPACE_OVERLAP,
    HARD_MATCHING,
    SEMI_MATCHING,
    SOFT_MATCHING,
    SOFT_MATCHING_DISTANCE,
    PERMUTATION_ANGLE,
    PERMUTATION_DISTANCE,
)

__all__ = [
    "MEASURES",
    "angular_shape",
    "angular_shape_measure",
    "eigenspace_overlap",
    "gulp",
    "gulp_measure",
    "hard_matching",
    "linear_regression",
    "mean_cca",
    "procrustes",
    "pwcca",
    "r2_cca",
    "semi_matching",
    "size_and_shape",
    "soft_matching",
    "soft_matching_distance",
    "svcca",
    "svcca_measure",
]
