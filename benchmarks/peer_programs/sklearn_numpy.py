"""All pairs with what everyone has: scikit-learn's neighbours and NumPy's argsort."""

from collections.abc import Sequence

import numpy as np


def imbalance_by_argsort(layers: Sequence[np.ndarray], k: int = 1) -> np.ndarray:
    """Information imbalance of all ordered pairs; one N x N rank matrix at a time.

    Args:
        layers: `[n_samples, n_features]`.
        k: Number of neighbours.

    Returns:
        `[n_layers, n_layers]`, Delta(source -> target).

    Example:
        >>> x = np.random.default_rng(0).normal(size=(20, 3))
        >>> float(imbalance_by_argsort([x])[0, 0])
        0.1
    """
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    n = len(layers[0])
    # Without queries, kneighbors leaves every sample out of its own neighbours.
    nearest = [
        NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors(return_distance=False) for x in layers
    ]
    values = np.empty((len(layers), len(layers)))
    rows = np.arange(n)[:, None]
    for target, x in enumerate(layers):
        distances = pairwise_distances(x)
        np.fill_diagonal(distances, -1)
        order = np.argsort(distances, axis=1)
        ranks = np.empty((n, n), np.int32)
        np.put_along_axis(ranks, order, np.arange(n, dtype=np.int32)[None], axis=1)
        for source, columns in enumerate(nearest):
            values[source, target] = 2 / n * ranks[rows, columns].mean()
    return values
