"""Distances of samples to their neighbours, by differences in float64.

Scores order the samples of a row; as distances they would carry the rounding of the features' norms, which for close
neighbours is most of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxsim_kernels import Metric
from jaxsim_kernels.prepare import prepared_rows
from jaxtyping import Float, Int

_CHUNK_VALUES = 1 << 22


def distances_at(
    layers: Sequence[Any],
    columns: Int[np.ndarray, "n_layers n_rows n_neighbours"],
    rows: Int[np.ndarray, " n_rows"],
    metrics: Sequence[Metric],
) -> Float[np.ndarray, "n_layers n_rows n_neighbours"]:
    """Distances of rows to their neighbours by every layer, in the units of the layer.

    Args:
        layers: `[n_samples, n_features]` with row slices, or `[n_samples, n_samples]` distances for `precomputed`.
        columns: Which samples are the neighbours.
        rows: Which samples the rows are.
        metrics: Of each layer; `cosine` and `correlation` give distances between rows of length one, from 0 to 2.

    Returns:
        The distances; equal samples are at 0.

    Example:
        >>> x = np.array([[0.0], [1.0], [3.0]])
        >>> distances_at([x], np.array([[[1], [0], [1]]]), np.arange(3), ["euclidean"]).ravel().tolist()
        [1.0, 1.0, 2.0]
    """
    return np.stack([_of_layer(x, own, rows, metric) for x, own, metric in zip(layers, columns, metrics, strict=True)])


def _of_layer(x: Any, columns: np.ndarray, rows: np.ndarray, metric: Metric) -> np.ndarray:
    if metric == "precomputed":
        given = np.asarray(x[:])
        return given[rows[:, None], columns].astype(np.float64)
    features, scale = prepared_rows(x, metric)
    found = np.empty(columns.shape)
    step = max(1, _CHUNK_VALUES // (columns.shape[1] * features.shape[1]))
    for start in range(0, len(rows), step):
        at = slice(start, start + step)
        moved = features[columns[at]] - features[rows[at], None]
        found[at] = np.einsum("rkd,rkd->rk", moved, moved)
    return np.sqrt(found) * scale
