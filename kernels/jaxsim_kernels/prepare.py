"""Layers as the kernels want them: centred, scaled, padded, placed on their devices.

Neither centring nor scaling changes a rank, and both matter. With a mean offset of 30 the Gram trick in float32 gave
wrong nearest neighbours for a tenth of the points. The centre is rounded to a coarse power of two per feature, so that
subtracting it is exact in floating point: integer and binary features stay on their grid and their ties stay ties.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .folding import folded_features
from .programs import Placement, take_program
from .scores import half_squared_norms
from .shapes import padded_features

Metric = Literal["euclidean", "cosine", "correlation", "precomputed"]

_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class Layer:
    """One representation on its devices.

    Attributes:
        features: `[n_padded, n_features_padded]`, centred and scaled; padding is zero.
        half_norms: `[n_padded]`, `inf` for padding rows.
    """

    features: jax.Array
    half_norms: jax.Array


def check_metric(metric: str) -> Metric:
    """The metric by its name.

    Raises:
        ValueError: Unless it is one that the kernels know.

    Example:
        >>> check_metric("cosine")
        'cosine'
    """
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be one of {get_args(Metric)}, got {metric!r}.")
    return metric  # pyright: ignore[reportReturnType]


def prepare_layer(
    x: Any,
    metric: Metric,
    n_padded: int,
    place: Callable[[np.ndarray], jax.Array] = jnp.asarray,
    dtype: Any = np.float32,
) -> Layer:
    """Read a representation once and put it on its devices.

    Args:
        x: `[n_samples, n_features]`: anything with `shape`, `dtype` and row slices that NumPy understands
            (arrays, memory maps, arrays on disk). Finite; for `cosine` and `correlation` without zero rows.
        metric: Rows are normalised for `cosine`, centred and normalised for `correlation`; Euclidean distances of
            such rows order like the metric itself. `precomputed`: row i holds the distances from sample i.
        n_padded: Number of rows to pad to.
        place: Puts the padded host array `[n_padded, n_features_padded]` on the devices.
        dtype: float32, or float64 where x64 is enabled.

    Returns:
        The layer.

    Example:
        >>> layer = prepare_layer(np.eye(3), "euclidean", 4)
        >>> layer.features.shape, float(layer.half_norms[3])
        ((4, 16), inf)
    """
    n_samples, n_features = x.shape
    shape = (n_padded, padded_features(n_features))
    if metric == "euclidean" and isinstance(x, np.ndarray) and x.shape == shape and x.dtype == dtype == np.float32:
        # Nothing to pad and nothing to convert: no copy on the host.
        return Layer(*_centred(place(x), n_samples))
    host = np.zeros(shape, dtype)
    if metric == "precomputed":
        # Columns are what devices share: a sample's features are its distances from all others.
        scale = _largest(x)
        for rows, chunk in _chunks(x):
            host[:n_samples, rows] = (np.asarray(chunk, np.float64) / scale).T
        return Layer(place(host), place(_no_norms(n_samples, n_padded, dtype)))
    centre = _wide_centre(x) if metric == "euclidean" and dtype != np.float64 else None
    for rows, chunk in _chunks(x):
        host[rows, :n_features] = _rows_for(metric, chunk, centre)
    features, half_norms = _centred(place(host), n_samples)
    return Layer(features, half_norms)


def taken_layer(layer: Layer, samples: np.ndarray, n_padded: int, placement: Placement, precomputed: bool) -> Layer:
    """Some samples of a layer, with the very bits that they have there.

    Args:
        layer: From `prepare_layer`.
        samples: Sample indices.
        n_padded: Number of rows to pad to.
        placement: Devices of the layer.
        precomputed: Whether the layer holds distances, so that those from other samples are left out, too.

    Returns:
        The layer, on the same devices.

    Example:
        >>> layer = prepare_layer(np.arange(4.0)[:, None], "euclidean", 512)
        >>> taken = taken_layer(layer, np.array([1, 3]), 512, Placement(), False)
        >>> (taken.half_norms[:2] == layer.half_norms[np.array([1, 3])]).all().item()
        True
    """
    chosen = np.zeros(n_padded, np.int32)
    chosen[: len(samples)] = samples
    distances_from = np.zeros(padded_features(len(samples)) if precomputed else 0, np.int32)
    if precomputed:
        distances_from[: len(samples)] = samples
    at = (placement.replicate(chosen), np.int32(len(samples)), placement.replicate(distances_from))
    return Layer(*take_program(placement, precomputed)(layer.features, layer.half_norms, *at))


def traced_layer(x: jax.Array, metric: Metric, n_padded: int) -> Layer:
    """The same for an array inside a JAX transformation.

    Args:
        x: `[n_samples, n_features]`, floating point or integer.
        metric: See `prepare_layer`.
        n_padded: Number of rows to pad to.

    Returns:
        The layer, in float64 if `x` is float64 and in float32 otherwise.

    Example:
        >>> traced_layer(jnp.eye(3), "cosine", 4).features.shape
        (4, 3)
    """
    x = x.astype(jnp.float64 if x.dtype == jnp.float64 else jnp.float32)
    if metric == "precomputed":
        n_samples = x.shape[0]
        distances = jnp.pad(_scaled(x).T, ((0, n_padded - n_samples), (0, 0)))
        return Layer(distances, jnp.asarray(_no_norms(n_samples, n_padded, x.dtype)))
    if metric != "euclidean":
        x = x - jnp.mean(x, axis=1, keepdims=True) if metric == "correlation" else x
        x = x / jnp.linalg.norm(x, axis=1, keepdims=True)
    padded = jnp.pad(x, ((0, n_padded - x.shape[0]), (0, 0)))
    return Layer(*_centred(padded, x.shape[0]))


def _no_norms(n_samples: int, n_padded: int, dtype: Any) -> np.ndarray:
    return np.where(np.arange(n_padded) < n_samples, 0.0, np.inf).astype(dtype)


def _largest(x: Any) -> float:
    """The power of two below the largest distance: dividing by it is exact and keeps float32 in its range."""
    largest = max(float(np.max(np.abs(chunk))) for _, chunk in _chunks(x))
    return float(np.exp2(np.floor(np.log2(largest)))) if largest > 0 else 1.0


def normalised_rows(chunk: np.ndarray, metric: Metric) -> np.ndarray:
    """Rows whose Euclidean distances order like `metric`, in float64.

    Example:
        >>> normalised_rows(np.array([[3.0, 4.0]]), "cosine")
        array([[0.6, 0.8]])
    """
    chunk = np.asarray(chunk, np.float64)
    if metric == "euclidean":
        return chunk
    if metric == "correlation":
        chunk = chunk - chunk.mean(1, keepdims=True)
    # Scaled first: the norm of a row of 1e200 overflows, of 1e-200 vanishes.
    chunk = chunk / np.abs(chunk).max(1, keepdims=True)
    return chunk / np.linalg.norm(chunk, axis=1, keepdims=True)


def chunk_rows(shape: tuple[int, ...], itemsize: int = 8) -> int:
    """Rows of an array to read at once.

    Example:
        >>> chunk_rows((10, 1 << 20))
        2
    """
    return max(1, _CHUNK_BYTES // max(1, shape[1] * itemsize))


def _chunks(x: Any) -> Iterator[tuple[slice, np.ndarray]]:
    step = chunk_rows(x.shape)
    for start in range(0, x.shape[0], step):
        rows = slice(start, min(start + step, x.shape[0]))
        yield rows, np.asarray(x[rows])


def _wide_centre(x: Any) -> tuple[np.ndarray, float] | None:
    """Centre and scale for dtypes that float32 cannot hold: applied in float64 before the rounding to float32."""
    dtype = np.dtype(x.dtype)
    if dtype.kind not in "fiu" or dtype.itemsize < 4 or dtype == np.float32:
        return None
    mean = sum(chunk.sum(0, dtype=np.float64) / x.shape[0] for _, chunk in _chunks(x))
    spread = np.zeros(x.shape[1])
    for _, chunk in _chunks(x):
        spread = np.maximum(spread, np.abs(chunk - mean).max(0))
    grid = np.exp2(np.round(np.log2(np.where(spread > 0, spread, 1.0))))
    centre = np.where(spread > 0, np.round(mean / grid) * grid, mean)
    return centre, float(grid.max(where=spread > 0, initial=1e-300))


def _rows_for(metric: Metric, chunk: np.ndarray, centre: tuple[np.ndarray, float] | None) -> np.ndarray:
    if metric != "euclidean":
        return normalised_rows(chunk, metric)
    return chunk if centre is None else (chunk.astype(np.float64) - centre[0]) / centre[1]


@jax.jit
def _centred(x: jax.Array, n_valid: jax.Array | int) -> tuple[jax.Array, jax.Array]:
    valid = jnp.arange(x.shape[0])[:, None] < n_valid
    # Scale before squaring: a power of two is exact, and neither 1e-30 nor 1e30 leaves the range of float32.
    x = _scaled(x)
    mean = jnp.sum(x, axis=0) / n_valid
    moved = jnp.where(valid, x - mean, 0.0)
    deviation = jnp.sqrt(jnp.sum(moved * moved, axis=0) / n_valid)
    grid = _power_of_two(deviation)
    centre = jnp.round(mean / grid) * grid
    x = _scaled(jnp.where(valid, x - centre, 0.0))
    return x, half_squared_norms(x, n_valid)


def _scaled(x: jax.Array) -> jax.Array:
    return x / _power_of_two(jnp.max(folded_features(jnp.maximum, jnp.abs, x)))


def _power_of_two(x: jax.Array) -> jax.Array:
    """The power of two nearest to each value, 1 for 0: dividing by it is exact."""
    bits = jnp.finfo(x.dtype)
    return lax.reduce_precision(jnp.where(x > 0, x, 1.0), bits.nexp, mantissa_bits=0)
