"""Mutual k-nearest neighbours: how many of a sample's neighbours two layers agree on."""

from typing import Any

import numpy as np

from ..declaration import Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, Statistics
from .overlap import TOLERANCE, fewest_in_common, mean_over_rows, overlap_of


def _formula(statistics: Statistics) -> Any:
    lists, ks = statistics[Neighbours()], statistics.ks
    counts = overlap_of(lists.columns).common_counts(lists.columns, ks)
    return mean_over_rows((counts * np.arange(counts.shape[-1])).sum(axis=-1), lists, ks)


MUTUAL_KNN = Measure(
    name="mutual_knn",
    title="mutual k-NN",
    source="Huh et al., ICML 2024; as neighbourhood overlap Doimo et al., NeurIPS 2020",
    orientation="similarity",
    symmetric=True,
    uses_k=True,
    lowest=lambda case: fewest_in_common(case) / case.k,
    highest=constant(1.0),
    equal=constant(1.0),
    independent=lambda case: case.k / (case.n_samples - 1),
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Neighbours()}),
    formula=_formula,
    tolerance=TOLERANCE,
)
"""Mean share of the k nearest samples that two layers have in common."""


def mutual_knn(x: Any, y: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Mean share of the k nearest samples that two representations have in common.

    The neighbourhood overlap of Doimo et al. (`return_data_overlap` of DADApy) is the same number by Euclidean
    distances; Huh et al. take cosine, `metric="cosine"`.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        From 0 to 1, `k / (n_samples - 1)` for independent representations; one for each k if `k` is a tuple. Pure
        under `jax.jit` and `jax.vmap`. Equally near neighbours are taken in index order.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, NaN or infinity.

    Source:
        Huh, Cheung, Wang, Isola, "The Platonic representation hypothesis", ICML 2024; Doimo, Glielmo, Ansuini, Laio,
        "Hierarchical nucleation in deep neural networks", NeurIPS 2020.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> float(mutual_knn(x, 3 * x + 1, k=10))
        1.0
    """
    return pair_value(MUTUAL_KNN, x, y, k=k, metric=metric, precision=precision)


neighbourhood_overlap = mutual_knn
"""The name that Doimo et al. give it."""
