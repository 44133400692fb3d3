"""Arrays in, numbers out. One metric per file."""

from .constant import is_constant
from .dissimilarities import Dissimilarities
from .half_samples import balanced_halves, half_sample_error
from .imbalance_matrix import ImbalanceMatrix, imbalance_matrix
from .information_imbalance import InformationImbalance, information_imbalance
from .inputs import DegenerateLayerWarning, TieWarning
from .label_overlap import LabelOverlap, label_overlap
from .near_duplicates import NearDuplicates, near_duplicates
from .precision_check import PrecisionWarning
from .preprocessing import clip_quantiles, distinct_samples
from .tie_bounds import TieBounds, tie_bounds

__all__ = [
    "DegenerateLayerWarning",
    "Dissimilarities",
    "ImbalanceMatrix",
    "InformationImbalance",
    "LabelOverlap",
    "NearDuplicates",
    "PrecisionWarning",
    "TieBounds",
    "TieWarning",
    "balanced_halves",
    "clip_quantiles",
    "distinct_samples",
    "half_sample_error",
    "imbalance_matrix",
    "information_imbalance",
    "is_constant",
    "label_overlap",
    "near_duplicates",
    "tie_bounds",
]
