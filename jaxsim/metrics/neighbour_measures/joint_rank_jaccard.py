"""Joint rank and Jaccard similarity: how many neighbours two layers agree on, times how well on their ranks."""

from typing import Any

import numpy as np

from ..declaration import Case, Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, Statistics
from .knn_jaccard import jaccard_of
from .overlap import TOLERANCE, chances_in_common, mean_over_rows, overlap_of
from .rank_similarity import best_weights, rank_weights


def _formula(statistics: Statistics) -> Any:
    lists, ks = statistics[Neighbours()], statistics.ks
    sums = overlap_of(lists.columns).common_weights(lists.columns, ks, rank_weights(max(ks)))
    n = sums.shape[-1]
    factors = np.stack([jaccard_of(k, n) / best_weights(n) for k in ks])
    return mean_over_rows((sums * factors[:, None, None]).sum(axis=-1), lists)


def _by_chance(case: Case) -> float:
    n = case.k + 1
    shares = np.arange(n) * jaccard_of(case.k, n) / best_weights(n)
    return float(rank_weights(case.k).mean() * (chances_in_common(case) @ shares))


JOINT_RANK_JACCARD = Measure(
    name="joint_rank_jaccard",
    title="joint rank and k-NN Jaccard",
    source="Wang et al., IEEE TKDE 2022; Klabunde et al., arXiv 2305.06329",
    orientation="similarity",
    symmetric=True,
    uses_k=True,
    lowest=constant(0.0),
    highest=constant(1.0),
    equal=constant(1.0),
    independent=_by_chance,
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Neighbours()}),
    formula=_formula,
    tolerance=TOLERANCE,
)
"""Mean over samples of the Jaccard index of neighbourhoods times their rank similarity."""


def joint_rank_jaccard(x: Any, y: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Mean over samples of the Jaccard index of their neighbourhoods times the rank similarity of these.

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
        As for `rank_similarity`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> round(float(joint_rank_jaccard(x, 3 * x + 1, k=10)), 9)
        1.0
    """
    return pair_value(JOINT_RANK_JACCARD, x, y, k=k, metric=metric, precision=precision)
