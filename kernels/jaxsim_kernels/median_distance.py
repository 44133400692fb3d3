"""The median distance between samples of a layer, exactly and without all N x N distances at once.

Numbers that are not negative are ordered like their bits. So the number in the middle is found digit by digit: one look
at all squared distances says how often every leading digit of 16 bits comes, and therefore which one it has; another
look, at those that begin with it, says the next.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from .host.machine_code import shared
from .kernel_pass import rows_at_a_time
from .padding import COLUMN_MULTIPLE, padded_samples
from .placement import Placement
from .prepare import Layer, Metric, prepare_layer
from .programs import compiled_for, mapped_over, strip_program
from .scores import Precision, arithmetic

_DIGIT = 16
_DIGITS = 1 << _DIGIT


def median_distances(
    layers: Sequence[Any],
    metrics: Metric | Sequence[Metric],
    placement: Placement | None = None,
    precision: Precision = "highest",
    *,
    with_itself: bool = False,
    float64_layers: Sequence[int] = (),
) -> np.ndarray:
    """The root of the median squared distance between two samples, of every layer.

    For an even number of distances the median is the mean of the two squares in the middle.

    Args:
        layers: Representations `[n_samples, n_features]`, finite, of at least two samples.
        metrics: Of all layers, or of each; rows have length one for `cosine` and `correlation`.
        placement: Devices.
        precision: Of the products.
        with_itself: Whether the distance of every sample to itself, 0, counts once, as it does in the median of all
            N^2 entries of a matrix of distances (the code of Kornblith et al. 2019 takes it so, their paper does not).
        float64_layers: Numbers of layers that are worked out in float64 where `precision` takes float32.

    Returns:
        `[n_layers]` float64, in the units of the distances.

    Example:
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> (median_distances([x], "euclidean") ** 2).round(9).tolist()  # of 1, 4, 9, 16, 36, 49
        [12.5]
        >>> (median_distances([x], "euclidean", with_itself=True) ** 2).round(9).tolist()
        [6.5]
    """
    placement = placement or Placement()
    n_samples = layers[0].shape[0]
    each: Sequence[Any] = [metrics] * len(layers) if isinstance(metrics, str) else metrics
    dtype = arithmetic(precision, n_samples, placement.platform)
    n_padded = padded_samples(n_samples, COLUMN_MULTIPLE * placement.n_shards)
    with jax.enable_x64(dtype == np.float64 or bool(float64_layers)):
        found = []
        for number, (x, metric) in enumerate(zip(layers, each, strict=True)):
            own = np.dtype(np.float64) if number in float64_layers else dtype
            layer = prepare_layer(x, metric, n_padded, placement.place, own)
            squares = _Squares(layer, n_samples, metric == "precomputed", placement, precision)
            found.append(np.sqrt(squares.median(with_itself)) * float(layer.scale))
    return np.array(found)


class _Squares:
    """The squared distances of a layer, to be looked at several times."""

    def __init__(self, layer: Layer, n_samples: int, given: bool, placement: Placement, precision: Precision) -> None:
        self._layer, self._n_samples, self._given = layer, n_samples, given
        self._placement, self._precision = placement, precision
        self._dtype = np.dtype(layer.half_norms.dtype)
        self._unsigned = np.dtype(f"uint{8 * self._dtype.itemsize}")

    def median(self, with_itself: bool) -> float:
        """The median of the squares, in units of the squared scale of the layer."""
        zeros = self._n_samples if with_itself else 0
        in_all = self._n_samples * (self._n_samples - 1) + zeros
        low, high = (in_all - 1) // 2 - zeros, in_all // 2 - zeros
        lower, upper = self._in_order(low)
        if low < 0:
            # Of two samples: the last of the zeros, and the first that is none.
            return upper / 2
        return lower if low == high else (lower + upper) / 2

    def _in_order(self, place: int) -> tuple[float, float]:
        """The square at a place from 0 in the order of all, and the next; at place -1 the next is the first."""
        before, prefix, digit, above, counts = max(place, 0), 0, 0, 0, np.zeros(_DIGITS, np.int64)
        n_bits = 8 * self._dtype.itemsize
        for shift in range(n_bits - _DIGIT, -1, -_DIGIT):
            counts, above = self._look(shift, prefix, shift == n_bits - _DIGIT)
            ends = np.cumsum(counts)
            digit = int(np.searchsorted(ends, before, "right"))
            before -= int(ends[digit] - counts[digit])
            prefix = prefix << _DIGIT | digit
        # Counts and what lies above them are now those of the last digit.
        if place < 0 or before + 1 < counts[digit]:
            following = prefix
        elif digit < np.flatnonzero(counts)[-1]:
            following = prefix + 1 + int(np.flatnonzero(counts[digit + 1 :])[0])
        else:
            following = above
        return self._number(prefix), self._number(following)

    def _number(self, bits: int) -> float:
        return float(np.array(bits, self._unsigned).view(self._dtype))

    def _look(self, shift: int, prefix: int, is_first: bool) -> tuple[np.ndarray, int]:
        """How often each digit comes among squares that begin with `prefix`, and the smallest beyond these."""
        layer, n = self._layer, self._n_samples
        n_columns = layer.half_norms.shape[0]
        n_rows = rows_at_a_time(1, n_columns, self._dtype.itemsize)
        program = strip_program(self._placement, 0, self._precision, self._given, reuse=True)
        strip = self._placement.empty_strip(n_rows, n_columns, self._dtype)
        counts, above = np.zeros(_DIGITS, np.int64), int(np.iinfo(self._unsigned).max)
        for start in range(0, n, n_rows):
            at = np.arange(start, min(start + n_rows, n), dtype=np.int32)
            samples = np.zeros(n_rows, np.int32)
            samples[: len(at)] = at
            rows = self._placement.replicate(samples)
            strip = program(layer.features, layer.half_norms, rows, strip)
            count = self._count_on_host if self._placement.on_one_cpu else self._count_on_devices
            own_counts, own_above = count(strip, rows, at, shift, prefix, is_first)
            counts += own_counts
            above = min(above, own_above)
        return counts, above

    def _count_on_host(
        self, strip: jax.Array, _rows: jax.Array, at: np.ndarray, shift: int, prefix: int, is_first: bool
    ) -> tuple[np.ndarray, int]:
        from .host.digit_loops import count_digits

        on_host, norms = np.asarray(strip), np.asarray(self._layer.half_norms)[: self._n_samples]

        def part(first: int, last: int) -> tuple[np.ndarray, int]:
            counts, values = np.zeros(_DIGITS, np.int64), np.empty(self._n_samples, self._dtype)
            above = count_digits(
                on_host, values.view(self._unsigned), norms, at, self._given, first, last, shift,
                self._unsigned.type(prefix), is_first, values, counts,
            )  # fmt: skip
            return counts, int(above)

        parts = shared(len(at), part)
        return sum((counts for counts, _ in parts), np.zeros(_DIGITS, np.int64)), min(above for _, above in parts)

    def _count_on_devices(
        self, strip: jax.Array, rows: jax.Array, at: np.ndarray, shift: int, prefix: int, is_first: bool
    ) -> tuple[np.ndarray, int]:
        program = _digit_program(self._placement, shift, is_first, self._given)
        valid = self._placement.replicate(np.arange(rows.shape[0]) < len(at))
        begins = self._placement.replicate(np.array(prefix, self._unsigned))
        counts, above = program(strip, self._layer.half_norms, rows, valid, begins)
        return np.asarray(counts, np.int64), int(above)


@cache
def _digit_program(placement: Placement, shift: int, is_first: bool, given: bool) -> Any:
    """`(strip, half_norms, samples, valid, prefix) -> (counts of a digit, the smallest number beyond the prefix)`."""
    axis = placement.axis

    def step(strip, half_norms, samples, valid, prefix):
        n_columns, unsigned = strip.shape[1], prefix.dtype
        counts = valid[:, None] & jnp.isfinite(strip) & jnp.isfinite(half_norms)
        product = jnp.where(counts, strip, 0)
        if given:
            squares = product * product
        else:
            local = samples if axis is None else samples - lax.axis_index(axis) * n_columns
            owned = (local >= 0) & (local < n_columns)
            own = jnp.where(owned, half_norms[jnp.where(owned, local, 0)], 0)
            own = own if axis is None else lax.psum(own, axis)
            squares = jnp.maximum(2 * (own[:, None] + jnp.where(counts, half_norms, 0) - product), 0)
        # Zero may come with a sign, whose bit is the first.
        numbers = lax.bitcast_convert_type(squares, unsigned) & (~jnp.zeros((), unsigned) >> 1)
        begins = prefix if is_first else numbers >> (shift + _DIGIT)
        fits = counts & (begins == prefix)
        digits = ((numbers >> shift) & (_DIGITS - 1)).astype(jnp.int32)
        # What does not fit is counted at a place of its own.
        found = jnp.zeros(_DIGITS + 1, jnp.int32).at[jnp.where(fits, digits, _DIGITS)].add(1)[:_DIGITS]
        beyond = jnp.where(counts & (begins > prefix), numbers, ~jnp.zeros((), unsigned)).min()
        return (found, beyond) if axis is None else (lax.psum(found, axis), lax.pmin(beyond, axis))

    if axis is None:
        return compiled_for(placement, step)
    return compiled_for(placement, mapped_over(placement, step, (P(None, axis), P(axis), P(), P(), P()), P()))
