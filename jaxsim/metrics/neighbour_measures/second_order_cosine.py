"""Second-order cosine similarity: whether a sample is as near to its neighbours by one layer as by the other."""

from typing import Any

from ..declaration import Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, NeighbourSimilarities, Statistics
from .overlap import TOLERANCE, mean_over_rows, overlap_of

_LISTS, _SIMILARITIES = Neighbours("cosine"), NeighbourSimilarities("cosine", across=True)


def _formula(statistics: Statistics) -> Any:
    lists, found = statistics[_LISTS], statistics[_SIMILARITIES]
    cosines = overlap_of(lists.columns).second_order_cosines(lists.columns, found.own, found.across, statistics.ks)
    return mean_over_rows(cosines, lists)


SECOND_ORDER_COSINE = Measure(
    name="second_order_cosine",
    title="second-order cosine",
    source="Hamilton et al., EMNLP 2016; Klabunde et al., arXiv 2305.06329",
    orientation="similarity",
    symmetric=True,
    uses_k=True,
    lowest=constant(-1.0),
    highest=constant(1.0),
    equal=constant(1.0),
    independent=None,
    invariances=frozenset({"sample permutation", "rotation", "scale"}),
    needs=frozenset({_LISTS, _SIMILARITIES}),
    formula=_formula,
    tolerance=TOLERANCE,
)
"""Mean cosine between the cosine similarities of a sample to its neighbours, by one layer and by the other."""


def second_order_cosine(x: Any, y: Any, *, k: Any = 1, precision: str = "highest") -> Any:
    """Mean cosine between a sample's cosine similarities by x and those by y, to its neighbours by either.

    Neighbours are the union of the k nearest by x and by y, by cosine. The code of ReSi takes cosine distances in the
    place of similarities: then unrelated representations score 0.8 to 0.99, here about 0.

    Args:
        x: `[n_samples, n_features_x]`, no row zero.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        From -1 to 1; one for each k if `k` is a tuple. Pure under `jax.jit` and `jax.vmap`. NaN where a sample is
        orthogonal to all of its neighbours.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, NaN, infinity, or a row of zeros.

    Source:
        Hamilton, Leskovec, Jurafsky, "Cultural shift or linguistic drift?", EMNLP 2016; Klabunde, Schumacher,
        Strohmaier, Lemmerich, "Similarity of neural network models", arXiv 2305.06329.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> round(float(second_order_cosine(x, 3 * x, k=10)), 9)
        1.0
    """
    return pair_value(SECOND_ORDER_COSINE, x, y, k=k, precision=precision)
