"""Arrays in, numbers out. One metric per file."""

from .imbalance_matrix import ImbalanceMatrix, imbalance_matrix
from .information_imbalance import InformationImbalance, information_imbalance
from .inputs import DegenerateLayerWarning, TieWarning

__all__ = [
    "DegenerateLayerWarning",
    "ImbalanceMatrix",
    "InformationImbalance",
    "TieWarning",
    "imbalance_matrix",
    "information_imbalance",
]
