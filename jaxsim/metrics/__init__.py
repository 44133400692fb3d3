"""Arrays in, numbers out. One metric per file."""

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
    "clip_quantiles",
    "distinct_samples",
    "imbalance_matrix",
    "information_imbalance",
    "near_duplicates",
]
