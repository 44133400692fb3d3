"""How good and how bad a prediction of a space full of ties can be.

Delta(A -> B) averages the ranks in B of neighbours in A. Whatever A is, these are k other samples, so for every sample
the mean of the k smallest ranks in its row of B is the least there can be and the mean of the k largest the most.
Without ties that is the floor (k + 1) / N and 2 - (k + 1) / N. In a space of few distinct points the least rank is the
mid-rank of all samples at the same point: with 55 classes as one-hot vectors 0.035 where (k + 1) / N says 0.0027.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxsim_kernels import check_metric
from jaxsim_kernels.directions import normalised_rows
from jaxsim_kernels.reference import conditional_ranks
from jaxtyping import Float, Int

from .dissimilarities import Dissimilarities
from .inputs import as_representation, check_ks

MOST_ROWS = 512
"""Where most samples are points of their own, bounds are means over no more rows than this, evenly spaced."""


@dataclass(frozen=True)
class TieBounds:
    """The range of Delta(any space -> this one).

    Attributes:
        floor: The least value, for every k `[n_k]`; (k + 1) / N without ties.
        ceiling: The largest value `[n_k]`; 2 - (k + 1) / N without ties.
        n_distinct: Number of different samples in the space.
    """

    floor: Float[np.ndarray, " n_k"]
    ceiling: Float[np.ndarray, " n_k"]
    n_distinct: int


def tie_bounds(
    x: Any,
    *,
    k: Any = 1,
    metric: str = "euclidean",
    strict: bool = False,
    queries: Int[np.ndarray, " n_queries"] | None = None,
    groups: Int[np.ndarray, " n_samples"] | None = None,
) -> TieBounds:
    """The least and the largest value that Delta(any space -> x) can take, given the ties in x.

    Where fewer than half of the samples are different points they are worked out from the sizes of the groups, for all
    rows; elsewhere from rows of distances, in float64 by direct differences.

    Args:
        x: `[n_samples, n_features]`, or `Dissimilarities`.
        k: Number of neighbours, or several as a tuple.
        metric: `euclidean`, `cosine` or `correlation`.
        strict: Tied samples get the first rank of their group instead of the mean rank. (How ties in the other space
            are broken makes no difference: any k samples may be neighbours there.)
        queries: Sample indices of the query rows; all by default.
        groups: Group of every sample; samples of one group are not ranked among each other.

    Returns:
        Floor and ceiling for every k, in the order given.

    Raises:
        ValueError: For k out of range or arrays that are not two-dimensional.

    Example:
        >>> bounds = tie_bounds(np.eye(2)[[0, 0, 0, 1, 1]])
        >>> bounds.floor.round(3).tolist(), bounds.ceiling.round(3).tolist()
        ([0.52], [1.32])
    """
    metric = check_metric(metric)
    x = as_representation(x, "x")
    ks = check_ks(k, x.shape[0])
    queries = np.arange(x.shape[0]) if queries is None else np.asarray(queries)
    apart = np.arange(x.shape[0]) if groups is None else groups
    if isinstance(x, Dissimilarities):
        floor, ceiling = _from_rows(lambda row: x[row : row + 1][0], ks, _spaced(queries), strict, apart)
        return TieBounds(floor, ceiling, len(x))
    rows = normalised_rows(np.asarray(x[:]), metric)
    points, place, sizes = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    place = place.ravel()
    if 2 * len(points) < len(rows) and groups is None:
        weights = np.bincount(place[queries], minlength=len(points))
        floor, ceiling = _from_groups(points, sizes, weights, ks, strict)
    else:
        floor, ceiling = _from_rows(
            lambda row: ((rows - rows[row]) ** 2).sum(axis=1), ks, _spaced(queries), strict, apart
        )
    return TieBounds(floor, ceiling, len(points))


def _from_rows(
    distances_from: Callable[[int], np.ndarray],
    ks: Sequence[int],
    queries: np.ndarray,
    strict: bool,
    groups: np.ndarray,
) -> Float[np.ndarray, "2 n_k"]:
    """Bounds from the ranks of all others in every row."""
    sums = np.zeros((2, len(ks)))
    for row in queries:
        others = np.asarray(distances_from(int(row)), np.float64)[groups != groups[row]]
        ranks = np.sort(conditional_ranks(others[None], "strict" if strict else "mid")[0])
        sums += 2 / (len(others) + 1) * np.array([[part.mean() for part in parts] for parts in _ends(ranks, ks)])
    return sums / len(queries)


def _ends(ranks: np.ndarray, ks: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [ranks[:k] for k in ks], [ranks[-k:] for k in ks]


def _from_groups(
    points: np.ndarray, sizes: np.ndarray, weights: np.ndarray, ks: Sequence[int], strict: bool
) -> Float[np.ndarray, "2 n_k"]:
    """Bounds from the distances between the distinct points, and how many samples lie at each."""
    n, sums = int(sizes.sum()), np.zeros((2, len(ks)))
    for point in np.flatnonzero(weights):
        distances = ((points - points[point]) ** 2).sum(axis=1)
        others = sizes.copy()
        others[point] -= 1
        levels, at = np.unique(distances, return_inverse=True)
        tied = np.bincount(at.ravel(), weights=others, minlength=len(levels)).astype(np.int64)
        tied = tied[tied > 0]
        before = np.cumsum(tied) - tied
        ranks = before + 1.0 if strict else before + (tied + 1) / 2
        for side, step in enumerate((1, -1)):
            upto = np.cumsum(tied[::step])
            for place, k in enumerate(ks):
                taken = np.diff(np.minimum(upto, k), prepend=0)
                sums[side, place] += weights[point] * (taken * ranks[::step]).sum() / k
    return 2 / n * sums / weights.sum()


def _spaced(queries: np.ndarray) -> np.ndarray:
    """At most `MOST_ROWS` of them, evenly spaced."""
    if len(queries) <= MOST_ROWS:
        return queries
    return queries[np.linspace(0, len(queries) - 1, MOST_ROWS).round().astype(np.int64)]
