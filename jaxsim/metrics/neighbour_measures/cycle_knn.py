"""Cycle k-NN: whether a step to a neighbour by one layer and a step by another lead back."""

from typing import Any

from ..declaration import Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, Statistics
from .overlap import TOLERANCE, check_all_rows, mean_over_rows, overlap_of


def _formula(statistics: Statistics) -> Any:
    lists = statistics[Neighbours()]
    check_all_rows(statistics, lists, "cycle_knn")
    return mean_over_rows(overlap_of(lists.columns).cycles(lists.columns, statistics.ks), lists)


CYCLE_KNN = Measure(
    name="cycle_knn",
    title="cycle k-NN",
    source="Huh et al., ICML 2024",
    orientation="similarity",
    symmetric=False,
    uses_k=True,
    lowest=constant(0.0),
    highest=constant(1.0),
    # The share of samples with a mutual neighbour.
    equal=None,
    # It depends on how unevenly samples are neighbours of others.
    independent=None,
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Neighbours()}),
    formula=_formula,
    all_rows=True,
    tolerance=TOLERANCE,
)
"""Share of samples that two steps, by one layer and by the other, can lead back to."""


def cycle_knn(x: Any, y: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Share of samples that are among the k nearest by x of one of their k nearest by y.

    Swapping x and y gives another number, and equal representations do not give 1, but the share of samples that are a
    neighbour of one of their neighbours.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`; Huh et al. take cosine.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        From 0 to 1; one for each k if `k` is a tuple. Pure under `jax.jit` and `jax.vmap`.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, NaN or infinity.

    Source:
        Huh, Cheung, Wang, Isola, "The Platonic representation hypothesis", ICML 2024, by the authors' code.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> float(cycle_knn(x, x)), float(cycle_knn(x, x, k=2))
        (0.5, 0.75)
    """
    return pair_value(CYCLE_KNN, x, y, k=k, metric=metric, precision=precision)
