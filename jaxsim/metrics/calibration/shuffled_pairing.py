"""Information imbalance under shuffled pairings of the samples, for many shuffles at the cost of one measurement.

A shuffled pairing changes neither the neighbours in one space nor the ranks in the other, only which rank is looked
up: with sample i of the source paired with sample pi(i) of the target,

    Delta_pi(A -> B) = 2 / (N M k) * sum over query rows i, sum over j in NN_k^A(i) of r^B[pi(i), pi(j)].

So neighbours and ranks are made once, a block of rows at a time, and every shuffle only gathers from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxsim_kernels import check_metric
from jaxsim_kernels.prepare import host_features
from jaxtyping import Float, Int
from scipy.stats import rankdata

_BLOCK_BYTES = 1 << 26
_GATHERED = 1 << 21


def draw_shuffles(
    n_samples: int, queries: Int[np.ndarray, " n_queries"], n_shuffles: int, seed: int
) -> Int[np.ndarray, "shuffles n_samples"]:
    """The true pairing and random ones that keep the query rows among themselves.

    Samples are shuffled within the queries and within the rest. Such shuffles form a group, so a test against them
    is exact, and only the ranks of the query rows are ever needed.

    Args:
        n_samples: Number of samples N.
        queries: Query rows, sorted.
        n_shuffles: Number of random shuffles.
        seed: Of the shuffles.

    Returns:
        Row 0 is 0..N-1; row s, column i is the target's sample that shuffle s pairs with sample i of the source.

    Example:
        >>> shuffles = draw_shuffles(4, np.array([1, 3]), 2, seed=0)
        >>> shuffles[0].tolist(), np.sort(shuffles[:, [1, 3]]).tolist()
        ([0, 1, 2, 3], [[1, 3], [1, 3], [1, 3]])
    """
    rng = np.random.default_rng([seed, 2])
    rest = np.setdiff1d(np.arange(n_samples), queries)
    shuffles = np.empty((n_shuffles + 1, n_samples), np.int32)
    shuffles[0] = np.arange(n_samples)
    for shuffle in shuffles[1:]:
        shuffle[queries] = rng.permutation(queries)
        shuffle[rest] = rng.permutation(rest)
    return shuffles


def inverse_shuffles(shuffles: Int[np.ndarray, "shuffles n_samples"]) -> Int[np.ndarray, "shuffles n_samples"]:
    """The same pairings seen from the target.

    Example:
        >>> inverse_shuffles(np.array([[1, 2, 0]])).tolist()
        [[2, 0, 1]]
    """
    inverse = np.empty_like(shuffles)
    np.put_along_axis(inverse, shuffles.astype(np.int64), np.arange(shuffles.shape[1], dtype=shuffles.dtype), axis=1)
    return inverse


def shuffled_imbalances(
    sources: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    shuffles: Int[np.ndarray, "shuffles n_samples"],
    queries: Int[np.ndarray, " n_queries"],
    *,
    k: int,
    metric: str,
) -> Float[np.ndarray, "shuffles n_sources n_targets"]:
    """Delta of every source to every target under every shuffle.

    Neighbours are taken in index order where equally near, and ranks of tied samples are their mean, as in
    `imbalance_matrix`. Distances are float64 on the host.

    Cost: one pass of M x N distances per source and per target, a sort of M rows per target, and
    shuffles x M x k x sources x targets look-ups. Memory: the features, the neighbours, and one block of rows of all
    targets; N x N is never held.

    Args:
        sources: Representations `[n_samples, n_features]`.
        targets: Representations of as many samples.
        shuffles: From `draw_shuffles`: keep the query rows among themselves.
        queries: Query rows.
        k: Number of neighbours.
        metric: "euclidean", "cosine" or "correlation".

    Returns:
        The values.
    """
    n, m = shuffles.shape[1], len(queries)
    place = np.full(n, -1, np.int64)
    place[queries] = np.arange(m)
    neighbours = [_neighbours(host_features(np.asarray(x), check_metric(metric)), queries, k) for x in sources]
    prepared = [host_features(np.asarray(y), check_metric(metric)) for y in targets]
    # Which query row of the source is paired with each query row of the target.
    partner = place[inverse_shuffles(shuffles)[:, queries]]
    sums = np.zeros((len(shuffles), len(sources), len(targets)))
    for start, stop in _blocks(m, n, len(targets)):
        ranks = [_ranks(y, queries[start:stop]) for y in prepared]
        rows = np.arange(stop - start)[None, :, None]
        step = max(1, _GATHERED // ((stop - start) * k))
        for first in range(0, len(shuffles), step):
            some = shuffles[first : first + step]
            own = partner[first : first + step, start:stop]
            which = np.arange(len(some))[:, None, None]
            for a, nearest in enumerate(neighbours):
                columns = some[which, nearest[own]]
                for b, of_target in enumerate(ranks):
                    sums[first : first + step, a, b] += of_target[rows, columns].sum(axis=(1, 2), dtype=np.float64)
    return sums * (2 / (n * m * k))


def _scores(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Numbers that order every row like its distances, infinite to itself."""
    scores = (x * x).sum(axis=1) / 2 - x[rows] @ x.T
    scores[np.arange(len(rows)), rows] = np.inf
    return scores


def _neighbours(x: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """The k nearest samples of every query, `[n_queries, k]`; equally near ones in index order."""
    nearest = np.empty((len(queries), k), np.int64)
    for start, stop in _blocks(len(queries), len(x), 1):
        scores = _scores(x, queries[start:stop])
        if k == 1:
            nearest[start:stop, 0] = scores.argmin(axis=1)
        else:
            nearest[start:stop] = np.argsort(scores, axis=1, kind="stable")[:, :k]
    return nearest


def _ranks(y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mid-ranks of all samples by distance from some rows, float32 (exact to 2^23), the row itself last."""
    return rankdata(_scores(y, rows), axis=1).astype(np.float32)


def _blocks(n_rows: int, n_samples: int, n_layers: int) -> Iterator[tuple[int, int]]:
    """Bounds of the blocks of rows that fit the memory."""
    step = max(1, _BLOCK_BYTES // (8 * n_samples * n_layers))
    for start in range(0, n_rows, step):
        yield start, min(start + step, n_rows)
