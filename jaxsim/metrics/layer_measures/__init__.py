"""Measures of one layer."""

from .gride import GRIDE, Gride, gride
from .hubness import HUBNESS, hubness
from .mle_dimension import MLE_DIMENSION, MLE_DIMENSION_MACKAY, mle_dimension
from .spectral import (
    EFFECTIVE_RANK,
    MATRIX_ENTROPY,
    PARTICIPATION_RATIO,
    RENYI2_ENTROPY,
    effective_rank,
    matrix_entropy,
    participation_ratio,
    renyi2_entropy,
)
from .twonn import INTRINSIC_DIMENSION, TWONN_LIKELIHOOD, twonn

MEASURES = (
    INTRINSIC_DIMENSION,
    TWONN_LIKELIHOOD,
    MLE_DIMENSION,
    MLE_DIMENSION_MACKAY,
    GRIDE,
    PARTICIPATION_RATIO,
    EFFECTIVE_RANK,
    MATRIX_ENTROPY,
    RENYI2_ENTROPY,
    HUBNESS,
)
"""All of them, in the order of tables."""

__all__ = [
    "MEASURES",
    "Gride",
    "effective_rank",
    "gride",
    "hubness",
    "matrix_entropy",
    "mle_dimension",
    "participation_ratio",
    "renyi2_entropy",
    "twonn",
]
