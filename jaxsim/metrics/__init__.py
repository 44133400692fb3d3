"""Arrays in, numbers out. One metric per file."""

from .imbalance_matrix import ImbalanceMatrix, imbalance_matrix
from .information_imbalance import InformationImbalance, information_imbalance
from .inputs import DegenerateLayerWarning, TieWarning
from .precision_check import PrecisionWarning
from .preprocessing import clip_quantiles, distinct_samples

__all__ = [
    "DegenerateLayerWarning",
    "ImbalanceMatrix",
    "InformationImbalance",
    "PrecisionWarning",
    "TieWarning",
    "clip_quantiles",
    "distinct_samples",
    "imbalance_matrix",
    "information_imbalance",
]
