"""Measures of one layer."""

from .intrinsic_dimension import (
    GRIDE,
    INTRINSIC_DIMENSION,
    MLE_DIMENSION,
    MLE_DIMENSION_MACKAY,
    TWONN_LIKELIHOOD,
)
from .spectral import EFFECTIVE_RANK, MATRIX_ENTROPY, PARTICIPATION_RATIO

MEASURES = (
    INTRINSIC_DIMENSION,
    TWONN_LIKELIHOOD,
    MLE_DIMENSION,
    MLE_DIMENSION_MACKAY,
    GRIDE,
    PARTICIPATION_RATIO,
    EFFECTIVE_RANK,
    MATRIX_ENTROPY,
)
"""All of them, in the order of tables."""

__all__ = ["MEASURES"]
