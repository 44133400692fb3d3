"""Arrays in, numbers out. One measure a file."""

from .constant import is_constant
from .declaration import Case, LayerMeasure, Measure
from .dissimilarities import Dissimilarities
from .half_samples import balanced_halves, half_sample_error
from .imbalance_matrix import ImbalanceMatrix, imbalance_matrix
from .information_imbalance import InformationImbalance, information_imbalance
from .inputs import DegenerateLayerWarning, TieWarning
from .label_overlap import LabelOverlap, label_overlap
from .layer_measures import (
    Gride,
    effective_rank,
    gride,
    hubness,
    matrix_entropy,
    mle_dimension,
    participation_ratio,
    renyi2_entropy,
    twonn,
)
from .measure import describe, measure
from .near_duplicates import NearDuplicates, near_duplicates
from .precision_check import PrecisionWarning
from .preprocessing import clip_quantiles, distinct_samples
from .registry import find_measures, layer_measures, pair_measures
from .statistics import (
    CondensedDistances,
    Imbalances,
    KernelSums,
    NeighbourDistances,
    NeighbourLists,
    Neighbours,
    NeighbourSimilarities,
    Spectra,
    Statistics,
    Sums,
)
from .tie_bounds import TieBounds, tie_bounds

__all__ = [
    "Case",
    "CondensedDistances",
    "DegenerateLayerWarning",
    "Dissimilarities",
    "Gride",
    "ImbalanceMatrix",
    "Imbalances",
    "InformationImbalance",
    "KernelSums",
    "LabelOverlap",
    "LayerMeasure",
    "Measure",
    "NearDuplicates",
    "NeighbourDistances",
    "NeighbourLists",
    "NeighbourSimilarities",
    "Neighbours",
    "PrecisionWarning",
    "Spectra",
    "Statistics",
    "Sums",
    "TieBounds",
    "TieWarning",
    "balanced_halves",
    "clip_quantiles",
    "describe",
    "distinct_samples",
    "effective_rank",
    "find_measures",
    "gride",
    "half_sample_error",
    "hubness",
    "imbalance_matrix",
    "information_imbalance",
    "is_constant",
    "label_overlap",
    "layer_measures",
    "matrix_entropy",
    "measure",
    "mle_dimension",
    "near_duplicates",
    "pair_measures",
    "participation_ratio",
    "renyi2_entropy",
    "tie_bounds",
    "twonn",
]
