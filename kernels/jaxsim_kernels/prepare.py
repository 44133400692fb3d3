"""Layers as the kernels want them: centred, scaled, padded, placed on their devices.

Neither centring nor scaling changes a rank, and both matter. With a mean offset of 30 the Gram trick in float32 gave
wrong nearest neighbours for a tenth of the points. A feature whose values lie close together, compared with their size,
loses one of them first: that difference is exact, so that a constant feature vanishes (see `centring`). Then the
centre is rounded to a coarse power of two per feature, so that subtracting it is exact in floating point: integer and
binary features stay on their grid and their ties stay ties.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .centring import centre_of, centred, chunks
from .directions import direction_rows, direction_tolerance, projections
from .padding import padded_features
from .placement import Placement
from .programs import take_program
from .reading import Metric, ReadLayer, centred_on_host, read_layer
from .scores import half_squared_norms

_SAFE_EXPONENT = 60


@dataclass(frozen=True)
class Layer:
    """One representation on its devices.

    Attributes:
        features: `[n_padded, n_features_padded]`, centred and scaled; padding is zero.
        half_norms: `[n_padded]`, `inf` for padding rows.
        scale: What all features were divided by, a power of two: distances of the features times this are those of the
            representation (of rows of length one for `cosine` and `correlation`).
    """

    features: jax.Array
    half_norms: jax.Array
    scale: Any = 1.0


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
    place: Callable[[Any], jax.Array] = jnp.asarray,
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
    return place_layer(read_layer(x, metric, n_padded, dtype), x, metric, place)


def place_layer(read: ReadLayer, x: Any, metric: Metric, place: Callable[[Any], jax.Array]) -> Layer:
    """The part of `prepare_layer` that concerns devices.

    Args:
        read: From `read_layer`.
        x: What it was read from; read again where float32 does not bear its sizes.
        metric: As it was read.
        place: See `prepare_layer`.

    Returns:
        The layer.

    Example:
        >>> x = np.eye(3)
        >>> place_layer(read_layer(x, "euclidean", 4), x, "euclidean", jnp.asarray).features.shape
        (4, 16)
    """
    n_samples, shape = read.n_samples, read.shape
    if read.distances is not None:
        norms = _no_norms(n_samples, shape[0], read.dtype)
        return Layer(place(read.let_go()), place(norms), read.distances)
    if read.exponent is None:
        if read.own:
            features, half_norms, scale, safe = _centred_in_place(_placed(place, read.let_go()), n_samples)
        else:
            features, half_norms, scale, safe = _centred(place(_padded(read.let_go(), shape)), n_samples)
        if safe:
            return Layer(features, half_norms, float(scale))
        read = centred_on_host(x, metric, shape, np.dtype(np.float32))
    features, half_norms, scale, _ = _centred_in_place(_placed(place, read.let_go()), n_samples)
    return Layer(features, half_norms, float(np.ldexp(float(scale), read.exponent or 0)))


def host_features(x: Any, metric: Metric) -> np.ndarray:
    """The features that `prepare_layer` puts on devices, on the host: `[n_samples, n_features]` float64.

    Example:
        >>> host_features(np.array([[1.7e9, 1.0], [1.7e9, 2.0]]), "euclidean").tolist()
        [[0.0, -0.25], [0.0, 0.25]]
    """
    return prepared_rows(x, metric)[0]


def prepared_rows(x: Any, metric: Metric) -> tuple[np.ndarray, float]:
    """The same, and what features were divided by, see `Layer.scale`.

    Example:
        >>> prepared_rows(np.array([[1.7e9, 1.0], [1.7e9, 2.0]]), "euclidean")[1]
        2.0
    """
    if metric == "euclidean":
        centre = centre_of(lambda: chunks(x))
        rows = np.concatenate([centred(chunk, centre) for _, chunk in chunks(x)])
        return rows, float(np.ldexp(1.0, centre.exponent))
    out = np.empty(x.shape)
    exponent = direction_rows(x, metric, out)  # pyright: ignore[reportArgumentType]
    return out, float(np.ldexp(1.0, exponent))


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
    features, half_norms = take_program(placement, precomputed)(layer.features, layer.half_norms, *at)
    return Layer(features, half_norms, layer.scale)


def traced_layer(x: jax.Array, metric: Metric, n_padded: int) -> Layer:
    """The same for an array inside a JAX transformation.

    Args:
        x: `[n_samples, n_features]`, floating point or integer.
        metric: See `prepare_layer`.
        n_padded: Number of rows to pad to.

    Returns:
        The layer, in float64 if `x` is float64 and in float32 otherwise. Scaled copies of a row get the same bits under
        `cosine` and `correlation`, except where another row comes between them in the order of one random projection,
        which `prepare_layer` looks out for and this does not. Subnormal numbers count as 0.

    Example:
        >>> traced_layer(jnp.eye(3), "cosine", 4).features.shape
        (4, 3)
    """
    if metric == "euclidean" and jnp.issubdtype(x.dtype, jnp.integer):
        # Modulo 2^n the difference of two integers is right as an unsigned number.
        unsigned = jnp.dtype(f"uint{8 * x.dtype.itemsize}")
        x = x.astype(unsigned) - x.min(0).astype(unsigned)
    x = x.astype(jnp.float64 if x.dtype == jnp.float64 else jnp.float32)
    if metric == "precomputed":
        n_samples = x.shape[0]
        scale = _power_of_two(jnp.abs(x).max())
        distances = jnp.pad((x / scale).T, ((0, n_padded - n_samples), (0, 0)))
        return Layer(distances, jnp.asarray(_no_norms(n_samples, n_padded, x.dtype)), scale)
    if metric != "euclidean":
        x = _one_row_a_direction(traced_directions(x, metric), direction_tolerance(x.dtype))
    padded = jnp.pad(x, ((0, n_padded - x.shape[0]), (0, 0)))
    return Layer(*_centred(padded, x.shape[0])[:3])


def traced_directions(x: jax.Array, metric: Metric) -> jax.Array:
    """`normalised_rows` inside a JAX transformation: of length one, for `correlation` after their mean is taken off.

    Example:
        >>> traced_directions(jnp.array([[3.0, 4.0]]), "cosine").round(3).tolist()
        [[0.6000000238418579, 0.800000011920929]]
    """
    x = x / _power_of_two(jnp.max(jnp.abs(x), axis=1, keepdims=True))
    if metric == "correlation":
        x = x - jnp.mean(x, axis=1, keepdims=True)
        x = x - jnp.mean(x, axis=1, keepdims=True)
    return x / jnp.linalg.norm(x, axis=1, keepdims=True)


def _one_row_a_direction(rows: jax.Array, tolerance: float) -> jax.Array:
    """The first of neighbours in the order of a projection that agree, in place of each of them."""
    n_samples = rows.shape[0]
    order = jnp.argsort(rows @ jnp.asarray(projections(rows.shape[1])[:, 0], rows.dtype))
    ordered = rows[order]
    apart = jnp.max(jnp.abs(ordered[1:] - ordered[:-1]), axis=1) > tolerance
    begins = lax.cummax(jnp.where(jnp.pad(apart, (1, 0)), jnp.arange(n_samples), 0))
    return jnp.zeros_like(rows).at[order].set(ordered[begins])


def _no_norms(n_samples: int, n_padded: int, dtype: Any) -> np.ndarray:
    return np.where(np.arange(n_padded) < n_samples, 0.0, np.inf).astype(dtype)


def _placed(place: Callable[[Any], jax.Array], host: Any) -> jax.Array:
    """An array of the host's own on its devices, once it is there: then the host's goes before more is made of it."""
    return place(host).block_until_ready()


def _padded(x: np.ndarray | jax.Array, shape: tuple[int, int]) -> np.ndarray | jax.Array:
    """An array of a device, padded there; one of the host has its shape already."""
    if not isinstance(x, jax.Array):
        return x
    missing = [(0, whole - own) for whole, own in zip(shape, x.shape, strict=True)]
    return jnp.pad(x.astype(jnp.float32), missing)


def _about_centre(x: jax.Array, n_valid: jax.Array | int) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Features about their centre, half norms, what all were divided by, and whether that was one to trust.

    XLA takes subnormal numbers for 0, and products of very small or large ones leave the range of float32.
    """
    valid = jnp.arange(x.shape[0])[:, None] < n_valid
    first = x[0]
    inside = jnp.where(valid, x, first)
    low, high = jnp.min(inside, axis=0), jnp.max(inside, axis=0)
    nearest, farthest = jnp.minimum(jnp.abs(low), jnp.abs(high)), jnp.maximum(jnp.abs(low), jnp.abs(high))
    # See `centring`: a difference of values that lie this close together is exact.
    base = jnp.where(((low > 0) | (high < 0)) & (farthest / 2 <= nearest), first, 0)
    low, high = low - base, high - base
    extent = jnp.max(jnp.maximum(-low, high))
    # Scale before squaring: a power of two is exact, and neither 1e-30 nor 1e30 leaves the range of float32.
    scale = _power_of_two(extent)
    x = (x - base) / scale
    mean = jnp.sum(jnp.where(valid, x, 0.0), axis=0) / n_valid
    moved = jnp.where(valid, x - mean, 0.0)
    deviation = jnp.sqrt(jnp.sum(moved * moved, axis=0) / n_valid)
    grid = _power_of_two(deviation)
    centre = jnp.round(mean / grid) * grid
    # The largest magnitude follows from the extremes, without another look at the features.
    left = _power_of_two(jnp.max(jnp.maximum(centre - low / scale, high / scale - centre)))
    x = jnp.where(valid, x - centre, 0.0) / left
    safe = (extent > 2.0**-_SAFE_EXPONENT) & (extent < 2.0**_SAFE_EXPONENT)
    return x, half_squared_norms(x, n_valid), scale * left, safe


_centred = jax.jit(_about_centre)
_centred_in_place = jax.jit(_about_centre, donate_argnums=0)


def _power_of_two(x: jax.Array) -> jax.Array:
    """The power of two nearest to each value, 1 for 0: dividing by it is exact."""
    bits = jnp.finfo(x.dtype)
    return lax.reduce_precision(jnp.where(x > 0, x, 1.0), bits.nexp, mantissa_bits=0)
