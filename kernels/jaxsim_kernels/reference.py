"""Float64 NumPy reference: every quantity by its definition, with no thought for speed or memory.

Distances come from direct differences, ranks from sorted full rows, so that nothing here shares an error with the
streaming kernels that are tested against it.
"""

from typing import Literal

import numpy as np

Ties = Literal["index", "expected"]
RankOfTies = Literal["mid", "strict"]


def squared_distances(x: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances by direct differences.

    Args:
        x: Representation, `[n_samples, n_features]`.

    Returns:
        `[n_samples, n_samples]` float64, with `inf` on the diagonal: a sample is not its own neighbour.

    Example:
        >>> squared_distances(np.array([[0.0], [3.0]]))[0, 1]
        np.float64(9.0)
    """
    x = np.asarray(x, np.float64)
    out = np.empty((len(x), len(x)))
    for i, row in enumerate(x):
        out[i] = ((x - row) ** 2).sum(1)
    np.fill_diagonal(out, np.inf)
    return out


def conditional_ranks(distances: np.ndarray, rank_of_ties: RankOfTies = "mid") -> np.ndarray:
    """Rank of every other sample by distance, row by row; the nearest has rank 1.

    Args:
        distances: `[n_rows, n_samples]`, `inf` where a sample is to be left out.
        rank_of_ties: `"mid"` is the mean of the first and the last rank of a tie group, `"strict"` the first.

    Returns:
        Ranks `[n_rows, n_samples]` in float64.

    Example:
        >>> conditional_ranks(np.array([[np.inf, 2.0, 1.0, 2.0]]))[0, 1:]
        array([2.5, 1. , 2.5])
    """
    ranks = np.empty(distances.shape)
    for i, row in enumerate(distances):
        ordered = np.sort(row)
        less = np.searchsorted(ordered, row, "left")
        upto = np.searchsorted(ordered, row, "right")
        ranks[i] = 1 + less if rank_of_ties == "strict" else 1 + less + (upto - less - 1) / 2
    return ranks


def neighbour_weights(distances: np.ndarray, k: int, ties: Ties = "index") -> np.ndarray:
    """Membership of every sample among the k nearest of each row.

    Args:
        distances: `[n_rows, n_samples]`, `inf` where a sample is to be left out.
        k: Number of neighbours.
        ties: `"index"` takes equally near samples in index order; `"expected"` gives a tie group that straddles
            place k equal shares of the places that are left.

    Returns:
        Weights `[n_rows, n_samples]`, each row summing to k.

    Example:
        >>> neighbour_weights(np.array([[np.inf, 2.0, 1.0, 2.0]]), 2, "expected")
        array([[0. , 0.5, 1. , 0.5]])
    """
    weights = np.zeros(distances.shape)
    for i, row in enumerate(distances):
        order = np.argsort(row, kind="stable")
        if ties == "index":
            weights[i, order[:k]] = 1.0
            continue
        last = row[order[k - 1]]
        inside, tied = row < last, row == last
        weights[i, inside] = 1.0
        weights[i, tied] = (k - inside.sum()) / tied.sum()
    return weights


def information_imbalance(
    x: np.ndarray, y: np.ndarray, k: int = 1, ties: Ties = "index", rank_of_ties: RankOfTies = "mid"
) -> float:
    """Information imbalance Delta_k(x -> y) by its definition.

    Args:
        x: Source representation, `[n_samples, n_features_x]`.
        y: Target representation, `[n_samples, n_features_y]`.
        k: Number of neighbours.
        ties: Choice among equally near neighbours, see `neighbour_weights`.
        rank_of_ties: Rank of tied samples, see `conditional_ranks`.

    Returns:
        Delta, from (k + 1) / N for equal spaces to about 1 for independent ones.

    Source:
        Glielmo, Zeni, Cheng, Csanyi, Laio, PNAS Nexus 2022, eq. 1, averaged over the k nearest.

    Example:
        >>> x = np.arange(5.0)[:, None] ** 2
        >>> information_imbalance(x, x)
        0.4
    """
    weights = neighbour_weights(squared_distances(x), k, ties)
    ranks = conditional_ranks(squared_distances(y), rank_of_ties)
    n = len(ranks)
    return float(2.0 / (n * n * k) * (weights * np.where(weights > 0, ranks, 0.0)).sum())
