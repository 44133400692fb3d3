"""Information imbalance of two representations as a pure function, for use inside JAX transformations."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .counting import check_row_sums
from .padding import COLUMN_MULTIPLE
from .prepare import Metric, traced_layer
from .scores import Precision
from .strips import counts_in_strip, gram_strip, nearest_in_strip, row_ranks, thresholds_in_strip

_ROWS = 256
_LOW_BITS = 15


class PairSums(NamedTuple):
    """Means over query rows, both directions stacked: index 0 is x -> y, 1 is y -> x.

    Attributes:
        values: Delta `[2, n_k]`.
        standard_error: `[2, n_k]`.
        tied_neighbours: Fraction of rows with a tie at the k-th neighbour `[2, n_k]`, in x and in y.
        tied_ranks: Fraction of ranks that another sample shares `[2, n_k]`.
    """

    values: jax.Array
    standard_error: jax.Array
    tied_neighbours: jax.Array
    tied_ranks: jax.Array


def pair_imbalance(
    x: jax.Array,
    y: jax.Array,
    ks: tuple[int, ...],
    metric: Metric = "euclidean",
    strict: bool = False,
    precision: Precision = "highest",
) -> PairSums:
    """Both directions of the imbalance, streamed over blocks of 256 rows.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`.
        ks: Numbers of neighbours, increasing, at most n_samples - 2.
        metric: See `prepare`.
        strict: Give tied thresholds their first rank.
        precision: See `scores.gram`.

    Returns:
        Float32 values, float64 if an input is float64 and x64 is enabled.

    Raises:
        ValueError: If a row's ranks add up beyond 32 bits, see `check_row_sums`.

    Example:
        >>> x = jnp.arange(5.0)[:, None] ** 2
        >>> [round(v, 6) for v in pair_imbalance(x, x, (1,)).values.ravel().tolist()]
        [0.4, 0.4]
    """
    n = x.shape[0]
    check_row_sums(n, ks[-1])
    n_padded = -(-n // COLUMN_MULTIPLE) * COLUMN_MULTIPLE
    layers = [traced_layer(x, metric, n_padded), traced_layer(y, metric, n_padded)]
    k = ks[-1]
    at = jnp.asarray(ks)

    def block(start: jax.Array) -> tuple[jax.Array, ...]:
        rows = jnp.minimum(start + jnp.arange(_ROWS), n - 1)
        valid = (start + jnp.arange(_ROWS) < n)[:, None, None]
        strips = [gram_strip(layer.features, rows, precision, precomputed=metric == "precomputed") for layer in layers]
        found = [nearest_in_strip(strip, layer.half_norms, k + 1) for strip, layer in zip(strips, layers, strict=True)]
        ranks = []
        for source, target in ((0, 1), (1, 0)):
            strip, norms = strips[target], layers[target].half_norms
            thresholds = thresholds_in_strip(strip, norms, found[source][1][:, :k])
            ranks.append(row_ranks(counts_in_strip(strip, norms, thresholds), 1, ks, strict))
        doubled, tied = (jnp.where(valid, jnp.concatenate(r, axis=1), 0) for r in zip(*ranks, strict=True))
        ties = jnp.stack([scores[:, at - 1] == scores[:, at] for scores, _ in found], axis=1) & valid
        # Sums of squares about a guess of the mean, so that float32 does not cancel.
        centred = jnp.where(valid, doubled / at.astype(jnp.float32) - n, 0.0)
        # Rows' integers are split so that 2^15 rows add up within 31 bits; blocks carry.
        low, high = doubled & ((1 << _LOW_BITS) - 1), doubled >> _LOW_BITS
        return low.sum(0), high.sum(0), centred.sum(0), (centred**2).sum(0), ties.sum(0), tied.sum(0)

    starts = jnp.arange(0, n, _ROWS)
    low, high, centred, squares, ties, tied = lax.map(block, starts)
    dtype = layers[0].features.dtype
    scale = 1.0 / (jnp.asarray(float(n), dtype) * n * at.astype(dtype))
    values = added(low, high, dtype) * scale
    mean = centred.sum(0) / n
    variance = jnp.maximum(squares.sum(0) - n * mean**2, 0) / (n - 1)
    error = jnp.sqrt(variance / n) / n
    return PairSums(values, error.astype(dtype), ties.sum(0) / n, tied.sum(0) / (n * at))


def added(low: jax.Array, high: jax.Array, dtype: Any) -> jax.Array:
    """The sum over blocks of `low + 2^15 high` as a float, by integers of 32 bits that do not overflow.

    Args:
        low: Sums of the low 15 bits of the rows of every block `[n_blocks, ...]` int32.
        high: Sums of the bits above, same shape.
        dtype: Of the result.

    Returns:
        `[...]`; exact up to the one rounding of each of three limbs.

    Example:
        >>> added(jnp.array([1, 2]), jnp.array([0, 1]), jnp.float32).item()
        32771.0
    """
    mask = (1 << _LOW_BITS) - 1
    # Three limbs: the high bits of a million rows, added up, leave 32 bits themselves.
    middle = (low >> _LOW_BITS) + (high & mask)
    lowest, middle, top = (low & mask).sum(0), middle.sum(0), (high >> _LOW_BITS).sum(0)
    step = 1 << _LOW_BITS
    return (top.astype(dtype) * step + middle.astype(dtype)) * step + lowest.astype(dtype)
