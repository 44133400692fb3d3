"""Measures of two layers by whom they take for near: a file for each."""

from .cknna import CKNNA, CKNNA_BIASED, CKNNA_PAPER, cknna, cknna_biased, cknna_paper
from .cycle_knn import CYCLE_KNN, cycle_knn
from .joint_rank_jaccard import JOINT_RANK_JACCARD, joint_rank_jaccard
from .knn_jaccard import KNN_JACCARD, knn_jaccard
from .lcs_knn import LCS_KNN, lcs_knn
from .mutual_knn import MUTUAL_KNN, mutual_knn, neighbourhood_overlap
from .rank_similarity import RANK_SIMILARITY, rank_similarity
from .second_order_cosine import SECOND_ORDER_COSINE, second_order_cosine

MEASURES = (
    MUTUAL_KNN,
    KNN_JACCARD,
    CKNNA,
    CKNNA_PAPER,
    CKNNA_BIASED,
    CYCLE_KNN,
    LCS_KNN,
    RANK_SIMILARITY,
    JOINT_RANK_JACCARD,
    SECOND_ORDER_COSINE,
)
"""All of them, in the order that tables list them in."""

__all__ = [
    "MEASURES",
    "cknna",
    "cknna_biased",
    "cknna_paper",
    "cycle_knn",
    "joint_rank_jaccard",
    "knn_jaccard",
    "lcs_knn",
    "mutual_knn",
    "neighbourhood_overlap",
    "rank_similarity",
    "second_order_cosine",
]
