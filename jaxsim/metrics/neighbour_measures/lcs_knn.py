"""Longest common subsequence of neighbour lists: how many neighbours two layers name in the same order."""

from typing import Any

from ..declaration import Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, Statistics
from .overlap import TOLERANCE, mean_over_rows, overlap_of


def _formula(statistics: Statistics) -> Any:
    lists = statistics[Neighbours()]
    return mean_over_rows(overlap_of(lists.columns).common_subsequences(lists.columns, statistics.ks), lists)


LCS_KNN = Measure(
    name="lcs_knn",
    title="common subsequence of k-NN",
    source="Huh et al., ICML 2024",
    orientation="similarity",
    symmetric=True,
    uses_k=True,
    lowest=constant(0.0),
    highest=lambda case: float(case.k),
    equal=lambda case: float(case.k),
    independent=None,
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Neighbours()}),
    formula=_formula,
    tolerance=TOLERANCE,
)
"""Mean length of the longest common subsequence of the lists of the k nearest samples."""


def lcs_knn(x: Any, y: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Mean length of the longest common subsequence of the lists of the k nearest samples, nearest first.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`; Huh et al. take cosine.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        From 0 to k (it is not divided by k); one for each k if `k` is a tuple. Pure under `jax.jit` and `jax.vmap`.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, NaN or infinity.

    Source:
        Huh, Cheung, Wang, Isola, "The Platonic representation hypothesis", ICML 2024, by the authors' code.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> float(lcs_knn(x, 3 * x + 1, k=10))
        10.0
    """
    return pair_value(LCS_KNN, x, y, k=k, metric=metric, precision=precision)
