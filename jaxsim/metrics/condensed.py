"""Distances of all pairs of samples, for the few measures that cannot be streamed."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxsim_kernels import Metric
from jaxsim_kernels.prepare import prepared_rows
from jaxtyping import Float
from scipy.spatial.distance import pdist, squareform

_SHARE_OF_MEMORY = 0.25
_TIMES_HELD = 3
"""Distances, their ranks, and one more for what is worked out from them."""


def condensed_bytes(n_samples: int, n_layers: int) -> int:
    """Memory that measures of ranks of distances take.

    Example:
        >>> condensed_bytes(4096, 24) >> 20
        4606
    """
    return _TIMES_HELD * n_layers * (n_samples * (n_samples - 1) // 2) * 8


def check_condensed(n_samples: int, n_layers: int, budget: int | None = None) -> None:
    """Refuses more pairs of samples than the memory holds.

    Args:
        n_samples: Number of samples.
        n_layers: Number of layers.
        budget: Bytes; None for a quarter of the machine's memory.

    Raises:
        ValueError: Says what is needed and what to do.

    Example:
        >>> check_condensed(1000, 2)
    """
    needed = condensed_bytes(n_samples, n_layers)
    allowed = int(_SHARE_OF_MEMORY * machine_bytes()) if budget is None else budget
    if needed > allowed:
        raise ValueError(
            f"expected the distances of all pairs to fit {allowed:,} bytes, but ranks of the distances of "
            f"{n_samples:,} samples in {n_layers} layers take {needed:,}; give a larger budget, fewer samples or "
            "layers, or compare distances by Pearson's correlation (rsa), which streams."
        )


def condensed_distances(
    layers: Sequence[Any], metrics: Sequence[Metric], budget: int | None = None
) -> Float[np.ndarray, "n_layers n_pairs"]:
    """Distances of all pairs i < j in every layer, by differences in float64.

    Args:
        layers: `[n_samples, n_features]`, or `[n_samples, n_samples]` distances for `precomputed`.
        metrics: Of each; `cosine` and `correlation` give their dissimilarities, from 0 to 2.
        budget: Bytes; None for a quarter of the machine's memory.

    Returns:
        Distances, rows of the upper triangle one after the other.

    Raises:
        ValueError: If they do not fit.

    Example:
        >>> condensed_distances([np.array([[0.0], [1.0], [3.0]])], ["euclidean"]).tolist()
        [[1.0, 3.0, 2.0]]
    """
    check_condensed(layers[0].shape[0], len(layers), budget)

    def of_layer(x: Any, metric: Metric) -> np.ndarray:
        if metric == "precomputed":
            return squareform(np.asarray(x[:], np.float64), checks=False)
        features, scale = prepared_rows(x, metric)
        if metric == "euclidean":
            return pdist(features) * scale
        return pdist(features, "sqeuclidean") * scale**2 / 2

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(of_layer, layers, metrics)))


def condensed_of(distances: np.ndarray, n_samples: int, members: np.ndarray) -> np.ndarray:
    """The distances of pairs of some samples, from those of all.

    Example:
        >>> condensed_of(np.array([[1.0, 3.0, 2.0]]), 3, np.array([0, 2])).tolist()
        [[3.0]]
    """
    first, second = np.triu_indices(len(members), 1)
    i, j = members[first], members[second]
    return distances[:, i * n_samples - i * (i + 1) // 2 + j - i - 1]


def machine_bytes() -> int:
    """Memory of this machine.

    Example:
        >>> machine_bytes() > 1 << 20
        True
    """
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 << 30
