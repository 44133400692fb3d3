"""What lists of nearest samples by several layers have in common, for all pairs of layers and all k at once.

Everything is a sum over rows of what a few neighbours tell, so rows (or layers) are shared by the cores. Lists are
`[n_layers, n_rows, n_neighbours]`, nearest first; only the largest k of the neighbours are looked at.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .machine_code import shared


def common_counts(columns: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """How many rows have how many of their k nearest samples in common.

    Args:
        columns: `[n_layers, n_rows, n_neighbours]`.
        ks: Numbers of neighbours, in any order.

    Returns:
        Counts of rows `[n_k, n_layers, n_layers, max(ks) + 1]`; the last axis is the number in common.

    Example:
        >>> common_counts(np.array([[[1, 2], [0, 2], [1, 0]], [[2, 1], [0, 2], [1, 0]]]), (1, 2))[:, 0, 1].tolist()
        [[1, 2, 0], [0, 0, 3]]
    """
    from . import neighbour_overlap_loops as loops

    return _by_rows(columns, ks, (max(ks) + 1,), np.int64, loops.count_common)


def common_weights(columns: np.ndarray, ks: Sequence[int], weights: np.ndarray) -> np.ndarray:
    """Sums of weights of the samples in common, by how many are.

    Args:
        columns: `[n_layers, n_rows, n_neighbours]`.
        ks: Numbers of neighbours, in any order.
        weights: Of a sample at place p of one list and q of the other, `[max(ks), max(ks)]`; symmetric.

    Returns:
        Sums over the rows `[n_k, n_layers, n_layers, max(ks) + 1]`; the last axis is the number in common.

    Example:
        >>> columns = np.array([[[1, 2], [0, 2], [1, 0]], [[2, 1], [0, 2], [1, 0]]])
        >>> common_weights(columns, (2,), np.eye(2))[0, 0, 1].tolist()
        [0.0, 0.0, 4.0]
    """
    from . import neighbour_overlap_loops as loops

    def part(lists: Any, every_k: Any, first: int, last: int, places: Any, sums: Any) -> None:
        loops.weigh_common(lists, every_k, np.asarray(weights, np.float64), first, last, places, sums)

    return _by_rows(columns, ks, (max(ks) + 1,), np.float64, part)


def common_subsequences(columns: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """Sums over rows of the length of the longest common subsequence of the k nearest.

    Args:
        columns: `[n_layers, n_rows, n_neighbours]`.
        ks: Numbers of neighbours, in any order.

    Returns:
        Sums `[n_k, n_layers, n_layers]`.

    Example:
        >>> columns = np.array([[[1, 2], [0, 2], [1, 0]], [[2, 1], [0, 2], [1, 0]]])
        >>> common_subsequences(columns, (2,))[0].tolist()
        [[6, 5], [5, 6]]
    """
    from . import neighbour_overlap_loops as loops

    return _by_rows(columns, ks, (), np.int64, loops.sum_subsequences)


def cycles(columns: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """How many samples a step to a neighbour by one layer and a step by another can lead back to.

    Args:
        columns: `[n_layers, n_samples, n_neighbours]`: row i is sample i.
        ks: Numbers of neighbours, in any order.

    Returns:
        Counts `[n_k, n_layers, n_layers]`; `[a, b]` of samples i that are among the k nearest by a of some sample
        among the k nearest of i by b.

    Example:
        >>> cycles(np.array([[[1], [0], [1]], [[2], [2], [0]]]), (1,))[0].tolist()
        [[2, 1], [1, 2]]
    """
    from . import neighbour_overlap_loops as loops

    lists, every_k, order = _laid_out(columns, ks)
    n_rows, n_layers, k_max = lists.shape

    def part(first: int, last: int) -> np.ndarray:
        levels = np.zeros((n_layers, n_layers, k_max), np.int64)
        loops.count_cycles(lists, first, last, levels)
        return levels

    upto = np.cumsum(sum(shared(n_rows, part)), axis=-1)
    return np.moveaxis(upto[..., every_k - 1], -1, 0)[order]


def masked_sums(columns: np.ndarray, values: np.ndarray, ks: Sequence[int], returning: bool) -> np.ndarray:
    """Sums over the samples that are among the k nearest of a row by both of two layers.

    With A the matrix of the values of layer a there and 0 elsewhere, and B that of layer b:

    Args:
        columns: `[n_layers, n_samples, n_neighbours]`: row i is sample i.
        values: Of every layer at its own neighbours, of the same shape.
        ks: Numbers of neighbours, in any order.
        returning: Whether products count only where the row is among both k nearest of its neighbour, too.

    Returns:
        `[4, n_k, n_layers, n_layers]`: sums of the entries of A * B, of A, of B, and of the matrix product A B.

    Example:
        >>> columns = np.array([[[1], [0], [1]], [[1], [2], [0]]])
        >>> masked_sums(columns, np.ones((2, 3, 1)), (1,), returning=False)[:, 0, 0, 1].tolist()
        [1.0, 1.0, 1.0, 0.0]
    """
    from . import neighbour_overlap_loops as loops

    lists, every_k, order = _laid_out(columns, ks)
    n_rows, n_layers, k_max = lists.shape
    found = np.ascontiguousarray(np.asarray(values, np.float64)[..., :k_max].transpose(1, 0, 2))
    returns = np.zeros_like(lists)
    if returning:
        shared(n_rows, lambda first, last: loops.find_returns(lists, first, last, returns))
    sums = np.zeros((len(every_k), n_layers, n_layers, 4))

    def part(first: int, last: int) -> None:
        places = np.full(n_rows, -1, np.int32)
        of_columns, of_rows = np.empty((n_layers, n_rows)), np.empty((n_layers, n_rows))
        for at, k in enumerate(every_k):
            for a in range(first, last):
                loops.sum_masked(lists, found, returns, k, a, places, of_columns, of_rows, sums[at, a])

    shared(n_layers, part)
    return np.moveaxis(sums, -1, 0)[:, order]


def second_order_cosines(columns: np.ndarray, own: np.ndarray, across: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """Sums over rows of the cosine between a row's similarities by two layers, at its neighbours by either.

    Args:
        columns: `[n_layers, n_rows, n_neighbours]`.
        own: Similarities by every layer at its own neighbours, of the same shape.
        across: `[n_layers, n_layers, n_rows, n_neighbours]`; `[a, b]` those by layer a at the neighbours by b.
        ks: Numbers of neighbours, in any order.

    Returns:
        Sums `[n_k, n_layers, n_layers]`.

    Example:
        >>> columns, ones = np.array([[[1], [0], [1]], [[1], [2], [0]]]), np.ones((2, 2, 3, 1))
        >>> second_order_cosines(columns, ones[0], ones, (1,))[0, 0, 1].round(12).item()
        3.0
    """
    from . import neighbour_overlap_loops as loops

    k_max = max(ks)
    similar = np.ascontiguousarray(np.asarray(own, np.float64)[..., :k_max].transpose(1, 0, 2))
    elsewhere = np.asarray(across, np.float64)

    def part(lists: Any, every_k: Any, first: int, last: int, places: Any, sums: Any) -> None:
        loops.sum_cosines(lists, similar, elsewhere, every_k, first, last, places, sums)

    return _by_rows(columns, ks, (), np.float64, part)


def occurrences(columns: np.ndarray, ks: Sequence[int], n_samples: int) -> np.ndarray:
    """How often every sample is among the k nearest of another.

    Args:
        columns: `[n_layers, n_rows, n_neighbours]`.
        ks: Numbers of neighbours, in any order.
        n_samples: All columns are below this.

    Returns:
        Counts `[n_k, n_layers, n_samples]`.

    Example:
        >>> occurrences(np.array([[[1], [0], [1]]]), (1,), 3).tolist()
        [[[1, 2, 0]]]
    """
    from . import neighbour_overlap_loops as loops

    lists, every_k, order = _laid_out(columns, ks)
    counts = np.zeros((len(every_k), lists.shape[1], n_samples), np.int64)
    shared(lists.shape[1], lambda first, last: loops.count_occurrences(lists, every_k, first, last, counts))
    return np.cumsum(counts, axis=0)[order]


def _laid_out(columns: np.ndarray, ks: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lists `[n_rows, n_layers, max(ks)]`, increasing k, and where among these each k is that was asked for."""
    lists = np.ascontiguousarray(np.asarray(columns)[..., : max(ks)].transpose(1, 0, 2), np.int32)
    every_k = np.array(sorted(ks), np.int64)
    return lists, every_k, np.searchsorted(every_k, ks)


def _by_rows(
    columns: np.ndarray, ks: Sequence[int], last_axis: tuple[int, ...], dtype: Any, loop: Callable[..., None]
) -> np.ndarray:
    """Sums of a loop over the rows that fills pairs b >= a, completed by symmetry."""
    lists, every_k, order = _laid_out(columns, ks)
    n_layers, n_samples = lists.shape[1], int(lists.max()) + 1

    def part(first: int, last: int) -> np.ndarray:
        sums = np.zeros((len(every_k), n_layers, n_layers, *last_axis), dtype)
        loop(lists, every_k, first, last, np.full(n_samples, -1, np.int32), sums)
        return sums

    sums = sum(shared(len(lists), part), np.zeros((), dtype))
    below = np.tril_indices(n_layers, -1)
    sums[:, *below] = sums[:, below[1], below[0]]
    return sums[order]
