"""What may be done to representations before they are compared: explicit, and recorded with the result.

Both steps are views that work row by row, so that a layer on disk stays there.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

_CHUNK_BYTES = 1 << 24


def clip_quantiles(x: Any, quantiles: Any = (0.05, 0.95)) -> "ClippedRows":
    """Clip every sample's features to that sample's own quantiles, as users do against a few huge activations.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices, real.
        quantiles: Lower and upper, 0 <= low < high <= 1; interpolated linearly.

    Returns:
        A view of the same shape, float32 for inputs of up to 32 bits of floating point and float64 for others, clipped
        as it is read.

    Raises:
        ValueError: If the quantiles are not two numbers in order between 0 and 1.

    Example:
        >>> np.asarray(clip_quantiles(np.array([[0.0, 1.0, 2.0, 3.0, 400.0]]), (0.0, 0.75)))
        array([[0., 1., 2., 3., 3.]])
    """
    return ClippedRows(x, checked_quantiles(quantiles))


def checked_quantiles(quantiles: Any) -> tuple[float, float]:
    """Lower and upper quantile as floats.

    Raises:
        ValueError: If they are not two numbers in order between 0 and 1.

    Example:
        >>> checked_quantiles([0.05, 0.95])
        (0.05, 0.95)
    """
    try:
        low, high = (float(each) for each in quantiles)
    except (TypeError, ValueError):
        low = high = float("nan")
    if not 0 <= low < high <= 1:
        raise ValueError(f"expected two quantiles with 0 <= low < high <= 1 to clip to, got {quantiles!r}.")
    return low, high


def distinct_samples(layers: Mapping[str, Any]) -> np.ndarray:
    """Which samples remain when of several that are equal in every layer only the first is kept.

    A photograph that is in a folder twice is such a pair: each copy is the other's nearest neighbour everywhere, which
    makes layers look alike.

    Args:
        layers: Name -> `[n_samples, n_features]`; equal means equal bit by bit, in all of them.

    Returns:
        Indices in increasing order.

    Example:
        >>> distinct_samples({"x": np.array([[1.0], [2.0], [1.0]])}).tolist()
        [0, 1]
    """
    arrays = list(layers.values())
    n_samples = arrays[0].shape[0]
    widest = sum(x.shape[1] * np.dtype(x.dtype).itemsize for x in arrays)
    step = max(1, _CHUNK_BYTES // widest)
    seen: dict[bytes, int] = {}
    for start in range(0, n_samples, step):
        chunks = [np.ascontiguousarray(x[start : start + step]) for x in arrays]
        for row in range(len(chunks[0])):
            digest = hashlib.sha256()
            for chunk in chunks:
                digest.update(chunk[row].tobytes())
            seen.setdefault(digest.digest(), start + row)
    return np.fromiter(seen.values(), np.int64, len(seen))


class ClippedRows:
    """A layer clipped as it is read; see `clip_quantiles`."""

    def __init__(self, x: Any, quantiles: tuple[float, float]) -> None:
        """Wrap a layer."""
        self._x, self._quantiles = x, quantiles
        self.shape = tuple(x.shape)
        dtype = np.dtype(x.dtype)
        narrow = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize <= 4
        self.dtype = np.dtype(np.float32 if narrow else np.float64)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Rows, clipped."""
        chunk = np.asarray(self._x[rows]).astype(self.dtype)
        # In float64, so that the quantiles of a row do not depend on the rows it is read with.
        low, high = np.quantile(chunk.astype(np.float64), self._quantiles, axis=-1, keepdims=True)
        return np.clip(chunk, low, high).astype(self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it."""
        return self[:].astype(dtype or self.dtype)
