"""Sums over query rows, and the measure that they make."""

from collections.abc import Sequence

import numpy as np


class Sums:
    """Sums over rows. Integers up to 2^53 are exact in float64, far above N * k * 2N.

    Attributes:
        total: Doubled rank sums `[n_k, n_layers, n_layers]`, weighted by row where samples belong to groups.
        squares: Of each row's.
        tied: Number of ranks that another sample shares, same shape.
        tied_neighbours: Number of rows whose k-th neighbour ties with the next `[n_k, n_layers]`.
        rows: Doubled rank sum of every row, if asked for.
    """

    def __init__(self, n_k: int, n_layers: int, n_queries: int, keep_rows: bool, weights: np.ndarray | None) -> None:
        """Start at zero; `weights` are those of the rows, None for one each."""
        shape = (n_k, n_layers, n_layers)
        self.total = np.zeros(shape)
        self.squares = np.zeros(shape)
        self.tied = np.zeros(shape)
        self.tied_neighbours = np.zeros((n_k, n_layers))
        self.rows = np.zeros((*shape, n_queries), np.float32) if keep_rows else None
        self._weights = weights

    def count_tied_neighbours(self, scores: Sequence[np.ndarray], ks: tuple[int, ...], first: int = 0) -> None:
        """Count rows whose k-th neighbour ties with the next.

        Args:
            scores: Of some source layers, those of each row's `max(ks) + 1` nearest `[n_rows, max(ks) + 1]`.
            ks: Numbers of neighbours.
            first: Number of the first of these layers.
        """
        for source, values in enumerate(scores, first):
            for place, k in enumerate(ks):
                self.tied_neighbours[place, source] += np.count_nonzero(values[:, k - 1] == values[:, k])

    def add(self, target: int, doubled: np.ndarray, tied: np.ndarray, at: np.ndarray) -> None:
        """Add the query rows `at`: `[n_rows, n_sources, n_k]` for one target layer."""
        doubled = np.asarray(doubled, np.float64)
        weighted = doubled if self._weights is None else doubled * self._weights[at, None, None]
        self.total[:, :, target] += weighted.sum(0).T
        self.squares[:, :, target] += np.einsum("rak,rak->ka", weighted, weighted)
        self.tied[:, :, target] += tied.sum(0, dtype=np.int64).T
        if self.rows is not None:
            self.rows[:, :, target, at] = doubled.transpose(2, 1, 0)


def row_weights(n_samples: int, queries: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """What a row's ranks are multiplied by, so that a row with fewer samples to rank counts like any other.

    A row whose group has g members ranks N - g others as if there were N - g + 1 samples.

    Example:
        >>> row_weights(6, np.array([0, 5]), np.array([0, 0, 1, 2, 3, 4])).tolist()
        [1.2, 1.0]
    """
    return n_samples / (n_samples - (group_sizes(groups)[queries] - 1))


def group_sizes(groups: np.ndarray) -> np.ndarray:
    """Number of members of every sample's group.

    Example:
        >>> group_sizes(np.array([7, 3, 7])).tolist()
        [2, 1, 2]
    """
    _, which, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return counts[which.reshape(-1)]
