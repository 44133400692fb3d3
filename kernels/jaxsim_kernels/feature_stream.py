"""Sums of inner products of all layers, from features that are read once and never held centred all at once.

For one CPU device and without halves: a few thousand samples of all layers are read, centred and multiplied at a time,
and only the products of features are kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .directions import normalised_rows
from .feature_sums import blocks_of_layers
from .kernel_sums import KernelMoments
from .prepare import Metric

_CHUNK_BYTES = 1 << 27
_MOST_PRODUCT_BYTES = 1 << 29
_SAMPLED_ROWS, _RUNS = 1024, 8
_LARGEST = 2.0**40
"""Of a scaled feature: four of them multiplied, a million times added up, stay within the range of float32."""


@dataclass(frozen=True)
class _Centring:
    """What is taken off a layer's features, and what they are divided by."""

    metric: Metric
    centre: np.ndarray
    scale: float

    def read(self, x: Any, rows: slice, dtype: np.dtype) -> np.ndarray:
        chunk = np.asarray(x[rows])
        if self.metric != "euclidean":
            chunk = normalised_rows(chunk, self.metric)
        if chunk.dtype == np.float32 and dtype == np.float32:
            # The difference of close numbers is exact in float32 as well.
            return (chunk - self.centre.astype(np.float32)) * np.float32(1 / self.scale)
        return ((chunk.astype(np.float64) - self.centre) / self.scale).astype(dtype)


def product_bytes(widths: Sequence[int]) -> int:
    """Memory that the products of all features take.

    Example:
        >>> product_bytes((384,) * 24) >> 20
        351
    """
    blocks = blocks_of_layers(widths)
    sizes = [sum(widths[at] for at in block) for block in blocks]
    return 8 * sum(size * other for place, size in enumerate(sizes) for other in sizes[: place + 1])


def fits(widths: Sequence[int]) -> bool:
    """Whether the products of all features may be held at once.

    Example:
        >>> fits((384,) * 24), fits((2048,) * 24)
        (True, False)
    """
    return product_bytes(widths) <= _MOST_PRODUCT_BYTES


def linear_sums(
    layers: Sequence[Any],
    metrics: Sequence[Metric],
    dtype: np.dtype,
    progress: Callable[[int, int, str], None] | None = None,
) -> KernelMoments | None:
    """Sums of inner products over all pairs of samples.

    Args:
        layers: `[n_samples, n_features]` with `shape` and row slices, finite.
        metrics: Of each: `euclidean`, or `cosine` and `correlation` for rows of length one.
        dtype: Of the products; they are added up in float64.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The sums, or None where features lie too far apart in size for float32, which `add_from_features` bears.

    Example:
        >>> sums = linear_sums([np.array([[0.0], [1.0], [3.0]])], ["euclidean"], np.dtype(np.float64))
        >>> round(float(sums.products[0, 0] * sums.units[0] ** 2), 3)
        10.889
    """
    n_samples, widths = layers[0].shape[0], [x.shape[1] for x in layers]
    centrings = [_centring(x, metric) for x, metric in zip(layers, metrics, strict=True)]
    blocks = blocks_of_layers(widths)
    step = max(256, _CHUNK_BYTES // (sum(widths) * dtype.itemsize))
    chunks = [slice(start, min(start + step, n_samples)) for start in range(0, n_samples, step)]
    starts = [widths_before(block, widths) for block in blocks]
    sizes = [sum(widths[at] for at in block) for block in blocks]
    products = [[np.zeros((size, other)) for other in sizes[: place + 1]] for place, size in enumerate(sizes)]
    totals = [np.zeros(width) for width in widths]
    diagonal = np.empty((len(layers), n_samples))
    for done, rows in enumerate(chunks):
        parts = [np.empty((rows.stop - rows.start, size), dtype) for size in sizes]
        for block, part, start in zip(blocks, parts, starts, strict=True):
            for number in block:
                own = part[:, start[number] : start[number] + widths[number]]
                own[...] = centrings[number].read(layers[number], rows, dtype)
                if not np.isfinite(own).all() or np.abs(own).max() > _LARGEST:
                    return None
                totals[number] += own.sum(0, dtype=np.float64)
                diagonal[number, rows] = np.einsum("nd,nd->n", own, own, dtype=np.float64)
        for place, left in enumerate(parts):
            for other, right in enumerate(parts[: place + 1]):
                # One array with itself is a symmetric product, which takes half the time.
                products[place][other] += left.T @ right
        if progress is not None:
            progress(done + 1, len(chunks), "multiplying features")
    row_sums = np.empty_like(diagonal)
    for rows in chunks:
        for number, (x, centring) in enumerate(zip(layers, centrings, strict=True)):
            row_sums[number, rows] = centring.read(x, rows, dtype) @ totals[number]
    found = np.empty((len(layers), len(layers)))
    for place, block in enumerate(blocks):
        for other, columns in enumerate(blocks[: place + 1]):
            for a in block:
                for b in (each for each in columns if each <= a):
                    at_a, at_b = starts[place][a], starts[other][b]
                    own = products[place][other][at_a : at_a + widths[a], at_b : at_b + widths[b]]
                    found[a, b] = found[b, a] = np.vdot(own, own)
    units = np.array([centring.scale**2 for centring in centrings])
    return KernelMoments(found - diagonal @ diagonal.T, row_sums - diagonal, diagonal, units)


def widths_before(block: Sequence[int], widths: Sequence[int]) -> dict[int, int]:
    """Where every layer of a block begins among the features side by side.

    Example:
        >>> widths_before([2, 3], (5, 5, 7, 8))
        {2: 0, 3: 7}
    """
    return {number: sum(widths[at] for at in block if at < number) for number in block}


def _centring(x: Any, metric: Metric) -> _Centring:
    """The mean of some rows will do as a centre: what is left of the mean is in the row sums."""
    n_samples, run = x.shape[0], _SAMPLED_ROWS // _RUNS
    at = sorted({int(start) for start in np.linspace(0, max(0, n_samples - run), _RUNS)})
    rows = np.concatenate([np.asarray(x[start : min(start + run, n_samples)]) for start in at])
    rows = normalised_rows(rows, metric) if metric != "euclidean" else rows.astype(np.float64)
    centre = rows.mean(0)
    extent = np.abs(rows - centre).max()
    return _Centring(metric, centre, float(np.exp2(np.floor(np.log2(extent)))) if extent > 0 else 1.0)
