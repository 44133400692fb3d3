"""Arrays in, numbers out. One measure a file."""

from .constant import is_constant
from .declaration import Case, LayerMeasure, Measure
from .dissimilarities import Dissimilarities
from .half_samples import balanced_halves, half_sample_error
from .imbalance_matrix import ImbalanceMatrix, imbalance_matrix
from .information_imbalance import InformationImbalance, information_imbalance
from .inputs import DegenerateLayerWarning, TieWarning
from .kernel_measures import (
    cka,
    cka_angular,
    cka_measure,
    distance_correlation,
    distance_covariance,
    hsic,
    hsic_measure,
    rsa,
    rsa_measure,
    rv,
)
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
from .neighbour_measures import (
    cknna,
    cknna_biased,
    cknna_paper,
    cycle_knn,
    joint_rank_jaccard,
    knn_jaccard,
    lcs_knn,
    mutual_knn,
    neighbourhood_overlap,
    rank_similarity,
    second_order_cosine,
)
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
    "cka",
    "cka_angular",
    "cka_measure",
    "cknna",
    "cknna_biased",
    "cknna_paper",
    "clip_quantiles",
    "cycle_knn",
    "describe",
    "distance_correlation",
    "distance_covariance",
    "distinct_samples",
    "effective_rank",
    "find_measures",
    "gride",
    "half_sample_error",
    "hsic",
    "hsic_measure",
    "hubness",
    "imbalance_matrix",
    "information_imbalance",
    "is_constant",
    "joint_rank_jaccard",
    "knn_jaccard",
    "label_overlap",
    "layer_measures",
    "lcs_knn",
    "matrix_entropy",
    "measure",
    "mle_dimension",
    "mutual_knn",
    "near_duplicates",
    "neighbourhood_overlap",
    "pair_measures",
    "participation_ratio",
    "rank_similarity",
    "renyi2_entropy",
    "rsa",
    "rsa_measure",
    "rv",
    "second_order_cosine",
    "tie_bounds",
    "twonn",
]
