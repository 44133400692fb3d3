"""The per-block steps: a Gram strip with its neighbours, and the ranks of given columns in it.

Each exists in one form for one device and for columns sharded over a mesh axis: with an axis, a device sees its own
columns, and the few numbers that belong to a row are merged or summed over the axis.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .counting import Counts, count_below, count_below_columns, scores_at
from .neighbours import merged, nearest
from .scores import Precision, gram


class RowRanks(NamedTuple):
    """What a row contributes, per source layer and number of neighbours.

    Attributes:
        doubled: Twice the sum of the ranks of the first k neighbours `[n_rows, n_sources, n_k]`, integers (doubled, so
            that mid-ranks are integers).
        tied: How many of these neighbours have a rank that another sample shares, same shape.
    """

    doubled: jax.Array | np.ndarray
    tied: jax.Array | np.ndarray


def gram_strip(
    features: jax.Array,
    rows: jax.Array,
    precision: Precision = "highest",
    axis: str | None = None,
    precomputed: bool = False,
    groups: tuple[jax.Array, jax.Array] | None = None,
) -> jax.Array:
    """Dot products of the samples `rows` with all samples of this device, `-inf` for a sample with itself.

    Args:
        features: `[n_columns, n_features]`, this device's samples.
        rows: Global sample indices `[n_rows]`.
        precision: See `scores.gram`.
        axis: Mesh axis that the samples are sharded over.
        precomputed: The features of a sample are its distances from every sample (see `prepare`): there is nothing to
            multiply, and with half norms of 0 the scores are the distances themselves.
        groups: Group of every row `[n_rows]` and of every sample of this device `[n_columns]`: `-inf` for samples of
            one group, too.

    Returns:
        `[n_rows, n_columns]`.

    Example:
        >>> gram_strip(jnp.ones((2, 3)), jnp.array([0])).tolist()
        [[-inf, 3.0]]
    """
    n_columns = features.shape[0]
    local, owned = _local(rows, n_columns, axis)
    if precomputed:
        strip = -features[:, rows].T
    else:
        if axis is None:
            queries = features[rows]
        else:
            queries = lax.psum(jnp.where(owned[:, None], features[jnp.where(owned, local, 0)], 0), axis)
        strip = gram(queries, features, precision)
    # A device that does not own the row has no such column.
    itself = jnp.where(owned, local, -1)
    if groups is None:
        return lax.platform_dependent(
            strip, itself, cuda=_without_itself, rocm=_without_itself, default=_without_itself_by_mask
        )
    of_rows, of_columns = groups
    left_out = itself[:, None] == jnp.arange(n_columns, dtype=itself.dtype)
    return jnp.where(left_out | (of_rows[:, None] == of_columns[None, :]), -jnp.inf, strip)


def _without_itself_by_mask(strip: jax.Array, itself: jax.Array) -> jax.Array:
    """On TPU the product writes the masked strip at once; a scatter would copy it."""
    own = itself[:, None] == jnp.arange(strip.shape[1], dtype=itself.dtype)
    return jnp.where(own, -jnp.inf, strip)


def _without_itself(strip: jax.Array, itself: jax.Array) -> jax.Array:
    """On a GPU the product is a call of its own, and a mask would read and write the strip once more."""
    # A negative index would count from the end.
    column = jnp.where(itself < 0, strip.shape[1], itself)
    rows = jnp.arange(strip.shape[0], dtype=column.dtype)
    return strip.at[rows, column].set(-jnp.inf, mode="drop", unique_indices=True)


def nearest_in_strip(
    strip: jax.Array, half_norms: jax.Array, k: int, axis: str | None = None
) -> tuple[jax.Array, jax.Array]:
    """Scores and global columns of the k nearest samples of each row, ordered by (score, column).

    Args:
        strip: From `gram_strip`.
        half_norms: Half squared norms of this device's samples.
        k: Number of neighbours.
        axis: Mesh axis that the samples are sharded over.

    Returns:
        Two arrays `[n_rows, k]`, the same on every device.

    Example:
        >>> s, c = nearest_in_strip(jnp.zeros((1, 64)), jnp.arange(64.0), 1)
        >>> c.tolist()
        [[0]]
    """
    scores, columns = nearest(strip, half_norms, k)
    if axis is None:
        return scores, columns
    columns = columns + lax.axis_index(axis) * strip.shape[1]
    scores = lax.all_gather(scores, axis, axis=1, tiled=True)
    columns = lax.all_gather(columns, axis, axis=1, tiled=True)
    return merged(scores, columns, k)


def thresholds_in_strip(
    strip: jax.Array, half_norms: jax.Array, columns: jax.Array, axis: str | None = None
) -> jax.Array:
    """The strip's own scores at the given columns, so that a sample is compared with its very bits.

    Args:
        strip: From `gram_strip`.
        half_norms: Half squared norms of this device's samples.
        columns: Global columns `[n_rows, n_thresholds]`.
        axis: Mesh axis that the samples are sharded over.

    Returns:
        `[n_rows, n_thresholds]`, the same on every device.

    Example:
        >>> thresholds_in_strip(jnp.zeros((1, 4)), jnp.arange(4.0), jnp.array([[3]])).tolist()
        [[3.0]]
    """
    local, owned = _local(columns, strip.shape[1], axis)
    safe = jnp.where(owned, local, 0)
    scores = scores_at(strip, half_norms, safe)
    return scores if axis is None else lax.psum(jnp.where(owned, scores, 0), axis)


def counts_in_strip(strip: jax.Array, half_norms: jax.Array, thresholds: jax.Array, axis: str | None = None) -> Counts:
    """Samples below and not above each threshold, over all devices.

    Example:
        >>> counts_in_strip(jnp.zeros((1, 512)), jnp.arange(512.0), jnp.ones((1, 1))).less.tolist()
        [[1]]
    """
    counts = count_below(strip, half_norms, thresholds)
    return counts if axis is None else Counts(*lax.psum(tuple(counts), axis))


def counts_at_columns(strip: jax.Array, half_norms: jax.Array, columns: jax.Array, axis: str | None = None) -> Counts:
    """Samples below and not above each row's own scores at the given columns, over all devices.

    The same as `counts_in_strip` of `thresholds_in_strip`; on one device with fewer readings of the strip.

    Args:
        strip: From `gram_strip`.
        half_norms: Half squared norms of this device's samples.
        columns: Global columns `[n_rows, n_thresholds]`.
        axis: Mesh axis that the samples are sharded over.

    Returns:
        Two arrays `[n_rows, n_thresholds]`, the same on every device.

    Example:
        >>> counts_at_columns(jnp.zeros((1, 512)), jnp.arange(512.0), jnp.array([[3]])).less.tolist()
        [[3]]
    """
    if axis is None:
        return count_below_columns(strip, half_norms, columns)
    return counts_in_strip(strip, half_norms, thresholds_in_strip(strip, half_norms, columns, axis), axis)


def row_ranks(counts: Counts, n_sources: int, ks: tuple[int, ...], strict: bool = False) -> RowRanks:
    """Sum ranks over the first k neighbours of each source layer.

    Args:
        counts: For thresholds ordered source by source, neighbours in order: `[n_rows, n_sources * max(ks)]`.
        n_sources: Number of source layers.
        ks: Numbers of neighbours.
        strict: Give a tie group its first rank, not its mean rank.

    Returns:
        Per row, source and k.

    Example:
        >>> counts = Counts(jnp.array([[0, 4]]), jnp.array([[1, 6]]))
        >>> row_ranks(counts, 1, (1, 2)).doubled.tolist()
        [[[2, 13]]]
    """
    # `upto` counts the neighbour itself: the mid-rank is 1 + less + (upto - less - 1) / 2.
    doubled = 2 + 2 * counts.less if strict else 1 + counts.less + counts.upto
    return _summed(doubled, (counts.upto - counts.less > 1).astype(jnp.int32), n_sources, ks)


def _summed(doubled: jax.Array, tied: jax.Array, n_sources: int, ks: tuple[int, ...]) -> RowRanks:
    shape = (doubled.shape[0], n_sources, -1)

    def sums(values: jax.Array) -> jax.Array:
        # From one k to the next: every rank is added once, and XLA:CPU has no fast cumulative sum.
        values, total, found = values.reshape(shape), jnp.int32(0), []
        for start, end in zip((0, *ks), ks, strict=False):
            total = total + jnp.sum(values[:, :, start:end], axis=2, dtype=jnp.int32)
            found.append(total)
        return jnp.stack(found, axis=2)

    return RowRanks(sums(doubled), sums(tied))


def _local(indices: jax.Array, n_columns: int, axis: str | None) -> tuple[jax.Array, jax.Array]:
    if axis is None:
        return indices, jnp.ones(indices.shape, bool)
    local = indices - lax.axis_index(axis) * n_columns
    return local, (local >= 0) & (local < n_columns)
