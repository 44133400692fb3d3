"""Where formulas of neighbours take their sums from, and what such measures share."""

from collections.abc import Sequence
from math import comb
from typing import Any

import jax
import numpy as np
from jaxsim_kernels.host import neighbour_overlap

from ..declaration import Case
from ..statistics import NeighbourLists, Statistics
from . import traced_overlap

TOLERANCE = 1e-3
"""Relative error in float32: rounding may swap the k-th neighbour of a row with the next, whatever is made of it."""


def overlap_of(array: Any) -> Any:
    """The functions of the kernels' `neighbour_overlap` for an array: machine code, or JAX where it is one of JAX's.

    Example:
        >>> overlap_of(np.zeros((1, 2, 1), int)).__name__
        'jaxsim_kernels.host.neighbour_overlap'
    """
    return traced_overlap if isinstance(array, jax.Array) else neighbour_overlap


def mean_over_rows(sums: Any, lists: NeighbourLists, divisors: Sequence[int] | None = None) -> Any:
    """Sums over rows `[n_k, n_layers, n_layers]` by the number of rows, and by a divisor for each k.

    Example:
        >>> lists = NeighbourLists(np.zeros((1, 4, 1), int), np.arange(4))
        >>> mean_over_rows(np.full((1, 1, 1), 2.0), lists).tolist()
        [[[0.5]]]
    """
    of_each = np.ones(sums.shape[0]) if divisors is None else np.asarray(divisors, np.float64)
    return sums / (lists.columns.shape[1] * of_each)[:, None, None]


def check_all_rows(statistics: Statistics, lists: NeighbourLists, name: str) -> None:
    """Refuses the neighbours of only some samples, where those of neighbours are followed.

    Raises:
        ValueError: If there are fewer rows than samples.

    Example:
        >>> lists = NeighbourLists(np.zeros((1, 2, 1), int), np.arange(2))
        >>> check_all_rows(Statistics(2, (1,), (1,), {}), lists, "cycle_knn")
    """
    n_rows = lists.columns.shape[1]
    if n_rows != statistics.n_samples:
        raise ValueError(
            f"{name!r} follows neighbours of neighbours, expected those of all {statistics.n_samples} samples, got "
            f"{n_rows} query rows; leave n_queries out, or measure fewer samples."
        )


def fewest_in_common(case: Case) -> int:
    """Neighbours that two lists of k among N - 1 samples cannot but share.

    Example:
        >>> fewest_in_common(Case(11, 8))
        6
    """
    return max(0, 2 * case.k - (case.n_samples - 1))


def chances_in_common(case: Case) -> np.ndarray:
    """Probabilities that 0, 1, ..., k neighbours are shared by chance: hypergeometric, exactly.

    By exchangeability of samples the neighbours by an independent layer are any k of the N - 1 others.

    Example:
        >>> chances_in_common(Case(5, 2)).round(4).tolist()
        [0.1667, 0.6667, 0.1667]
    """
    others, k = case.n_samples - 1, case.k
    ways = comb(others, k)
    return np.array([comb(k, shared) * comb(others - k, k - shared) / ways for shared in range(k + 1)])
