"""The K nearest samples of every sample of one layer, streamed in blocks of rows; N x N never exists."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .neighbours import nearest
from .padding import padded_samples
from .scores import gram, half_squared_norms

_STRIP_BYTES = 1 << 25
_FEWEST_ROWS = 8


def nearest_samples(x: np.ndarray, k: int, dtype: np.dtype | type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Indices and Euclidean distances of the K nearest other samples of every sample.

    Distances come from products of centred features, so in float32 those below about 1e-3 of a sample's distance from
    the mean are lost in rounding, and the order of neighbours with them. Recompute small ones from the features.

    Args:
        x: `[n_samples, n_features]`, finite.
        k: How many, at most `n_samples` - 1.
        dtype: Of the products, float32 or float64; float64 is worked out on the CPU.

    Returns:
        Columns `[n_samples, k]` (int32) and distances `[n_samples, k]` (float64), nearest first, ties in index order.

    Example:
        >>> columns, distances = nearest_samples(np.array([[0.0], [1.0], [3.0]]), 1)
        >>> columns.tolist(), distances.round(3).tolist()
        ([[1], [0], [1]], [[1.0], [1.0], [2.0]])
    """
    n_samples, dtype = len(x), np.dtype(dtype)
    n_columns = padded_samples(n_samples)
    features = np.zeros((n_columns, x.shape[1]), dtype)
    features[:n_samples] = x - np.mean(x, axis=0, dtype=np.float64)
    n_rows = max(_FEWEST_ROWS, min(n_columns, _STRIP_BYTES // (dtype.itemsize * n_columns)))
    found = np.empty((n_samples, k), np.int32), np.empty((n_samples, k), np.float64)
    device = jax.local_devices(backend="cpu")[0] if dtype == np.float64 else None
    with jax.enable_x64(dtype == np.float64), jax.default_device(device):
        placed = jnp.asarray(features)
        half_norms = half_squared_norms(placed, n_samples)
        wide = np.asarray(half_norms, np.float64)
        for start in range(0, n_samples, n_rows):
            # The last block reaches back, so that all blocks have one shape.
            first = max(0, min(start, n_samples - n_rows))
            rows = np.minimum(np.arange(first, first + n_rows, dtype=np.int32), n_samples - 1)
            scores, columns = _block(placed, half_norms, jnp.asarray(rows), k)
            stop = min(first + n_rows, n_samples)
            squared = 2 * (np.asarray(scores, np.float64) + wide[rows, None])
            found[0][first:stop] = np.asarray(columns)[: stop - first]
            found[1][first:stop] = np.sqrt(np.maximum(squared, 0))[: stop - first]
    return found


@partial(jax.jit, static_argnames="k")
def _block(features: jax.Array, half_norms: jax.Array, rows: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    strip = gram(features[rows], features)
    strip = jnp.where(rows[:, None] == jnp.arange(features.shape[0], dtype=rows.dtype), -jnp.inf, strip)
    return nearest(strip, half_norms, k)
