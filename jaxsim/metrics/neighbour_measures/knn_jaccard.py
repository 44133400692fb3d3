"""Jaccard index of neighbourhoods: what two layers agree on, as a share of what either takes for near."""

from typing import Any

import numpy as np

from ..declaration import Case, Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, Statistics
from .overlap import TOLERANCE, chances_in_common, fewest_in_common, mean_over_rows, overlap_of


def jaccard_of(k: int, n: int) -> np.ndarray:
    """Jaccard index of two sets of k that have 0, 1, ..., n - 1 elements in common; 0 beyond k.

    Example:
        >>> jaccard_of(2, 4).round(3).tolist()
        [0.0, 0.333, 1.0, 0.0]
    """
    shared = np.arange(n)
    return np.where(shared <= k, shared / np.maximum(2 * k - shared, 1), 0.0)


def _formula(statistics: Statistics) -> Any:
    lists, ks = statistics[Neighbours()], statistics.ks
    counts = overlap_of(lists.columns).common_counts(lists.columns, ks)
    indices = np.stack([jaccard_of(k, counts.shape[-1]) for k in ks])
    return mean_over_rows((counts * indices[:, None, None]).sum(axis=-1), lists)


def _by_chance(case: Case) -> float:
    return float(chances_in_common(case) @ jaccard_of(case.k, case.k + 1))


KNN_JACCARD = Measure(
    name="knn_jaccard",
    title="k-NN Jaccard",
    source="Klabunde et al., arXiv 2305.06329",
    orientation="similarity",
    symmetric=True,
    uses_k=True,
    lowest=lambda case: float(jaccard_of(case.k, case.k + 1)[fewest_in_common(case)]),
    highest=constant(1.0),
    equal=constant(1.0),
    independent=_by_chance,
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Neighbours()}),
    formula=_formula,
    tolerance=TOLERANCE,
)
"""Mean Jaccard index of the k nearest samples."""


def knn_jaccard(x: Any, y: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Mean Jaccard index of the sets of the k nearest samples.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        From 0 to 1; one for each k if `k` is a tuple. Pure under `jax.jit` and `jax.vmap`. The declaration gives the
        exact expectation for independent representations.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, NaN or infinity.

    Source:
        Klabunde, Schumacher, Strohmaier, Lemmerich, "Similarity of neural network models", arXiv 2305.06329.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> float(knn_jaccard(x, 3 * x + 1, k=10))
        1.0
    """
    return pair_value(KNN_JACCARD, x, y, k=k, metric=metric, precision=precision)
