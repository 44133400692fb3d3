"""Arrays in, numbers out. One metric per file."""

from .constant import is_constant
from .half_samples import balanced_halves, half_sample_error
from .imbalance_matrix import ImbalanceMatrix, imbalance_matrix
from .information_imbalance import InformationImbalance, information_imbalance
from .inputs import DegenerateLayerWarning, TieWarning
from .near_duplicates import NearDuplicates, near_duplicates
from .preprocessing import clip_quantiles, distinct_samples

__all__ = [
    "DegenerateLayerWarning",
    "ImbalanceMatrix",
    "InformationImbalance",
    "NearDuplicates",
    "TieWarning",
    "balanced_halves",
    "clip_quantiles",
    "distinct_samples",
    "half_sample_error",
    "imbalance_matrix",
    "information_imbalance",
    "is_constant",
    "near_duplicates",
]
