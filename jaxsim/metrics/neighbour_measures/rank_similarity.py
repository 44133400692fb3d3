"""Rank similarity: whether two layers put the neighbours that they agree on in the same order, nearest first."""

from typing import Any

import numpy as np

from ..declaration import Case, Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, Statistics
from .overlap import TOLERANCE, chances_in_common, mean_over_rows, overlap_of


def rank_weights(k: int) -> np.ndarray:
    """`2 / ((1 + |r - s|) (r + s))` for ranks r and s from 1 to k.

    Example:
        >>> rank_weights(2).round(3).tolist()
        [[1.0, 0.333], [0.333, 0.5]]
    """
    ranks = np.arange(1, k + 1)
    return 2 / ((1 + np.abs(ranks[:, None] - ranks)) * (ranks[:, None] + ranks))


def best_weights(n: int) -> np.ndarray:
    """The most that 0, 1, ..., n - 1 neighbours in common can weigh, `1 + 1/2 + ... + 1/v`; 1 for none.

    Example:
        >>> best_weights(3).tolist()
        [1.0, 1.0, 1.5]
    """
    return np.concatenate([[1.0], np.cumsum(1 / np.arange(1.0, n))])


def _formula(statistics: Statistics) -> Any:
    lists, ks = statistics[Neighbours()], statistics.ks
    sums = overlap_of(lists.columns).common_weights(lists.columns, ks, rank_weights(max(ks)))
    return mean_over_rows((sums / best_weights(sums.shape[-1])).sum(axis=-1), lists)


def _by_chance(case: Case) -> float:
    # Which ranks chance neighbours have in the two lists is any pair of ranks.
    shares = np.arange(case.k + 1) / best_weights(case.k + 1)
    return float(rank_weights(case.k).mean() * (chances_in_common(case) @ shares))


RANK_SIMILARITY = Measure(
    name="rank_similarity",
    title="rank similarity",
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
"""Mean agreement of the ranks of common neighbours, near ones weighing more."""


def rank_similarity(x: Any, y: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Mean agreement of the ranks of the neighbours that two representations have in common.

    For a sample with v common neighbours of ranks r and s, `sum 2 / ((1 + |r - s|) (r + s))` over them by its largest
    possible value, `1 + 1/2 + ... + 1/v`; 0 for a sample without any.

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
        Wang et al., "Towards understanding the instability of network embedding", IEEE TKDE 2022; Klabunde,
        Schumacher, Strohmaier, Lemmerich, "Similarity of neural network models", arXiv 2305.06329.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> round(float(rank_similarity(x, 3 * x + 1, k=10)), 9)
        1.0
    """
    return pair_value(RANK_SIMILARITY, x, y, k=k, metric=metric, precision=precision)
