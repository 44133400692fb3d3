"""Statistics of neighbours from whole matrices in float64 NumPy: an oracle that shares no code with what it tests."""

from functools import lru_cache

import numpy as np

from jaxsim.metrics.statistics import (
    NeighbourLists,
    Neighbours,
    NeighbourSimilarities,
    SimilaritiesAtNeighbours,
    Statistics,
)


def unit_rows(x, metric="cosine"):
    x = np.asarray(x, np.float64)
    if metric == "correlation":
        x = x - x.mean(1, keepdims=True)
    return x if metric in ("euclidean", "inner product") else x / np.linalg.norm(x, axis=1, keepdims=True)


def nearness(x, metric):
    """What falls with distance, `[n_samples, n_samples]`; -inf where a sample is compared with itself."""
    if metric == "euclidean":
        x = np.asarray(x, np.float64)
        near = -np.array([((row - x) ** 2).sum(1) for row in x])
    else:
        rows = unit_rows(x, metric)
        near = rows @ rows.T
    np.fill_diagonal(near, -np.inf)
    return near


def neighbours(x, metric, k):
    """The k nearest of every sample, equally near ones in index order."""
    x = np.ascontiguousarray(x, np.float64)
    return _ordered(x.tobytes(), x.shape, metric)[:, :k]


@lru_cache(maxsize=8)
def _ordered(content, shape, metric):
    x = np.frombuffer(content).reshape(shape)
    return np.argsort(-nearness(x, metric), axis=1, kind="stable")


def statistics(layers, ks, metric, rows=None):
    """Statistics by any metric, filed under the one that a user asks for and under the cosine that measures name."""
    n = len(layers[0])
    rows = np.arange(n) if rows is None else rows
    columns = np.stack([neighbours(x, metric, max(ks)) for x in layers])[:, rows]
    units = [unit_rows(x, metric) for x in layers]
    across = np.array([[(own[rows][:, None] * own[lists]).sum(-1) for lists in columns] for own in units])
    own = np.array([across[place, place] for place in range(len(layers))])
    means = np.array([unit[rows] @ unit[rows].mean(0) for unit in units])
    found: dict = {}
    for name in (None, "cosine"):
        found[Neighbours(name)] = NeighbourLists(columns, rows)
        for crossed in (False, True):
            found[NeighbourSimilarities(name, crossed)] = SimilaritiesAtNeighbours(own, across, means)
    return Statistics(n, tuple(ks), tuple(x.shape[1] for x in layers), found)
