"""Counts below thresholds in groups of rows that a device keeps close at hand: the strip leaves its memory once."""

import jax
import jax.numpy as jnp
from jax import lax

_GROUP_BYTES = 8 * 2**20
"""Scores of one group: on TPU XLA holds them in the chip's own memory while all thresholds are compared, on a GPU
they stay in its second cache."""

_COMPARED_AT_ONCE = 16_384
"""Thresholds of a group, over all of its rows. On a GPU XLA adds in two steps and writes down some two thousand
bytes of partial counts for each."""


def counts_by_groups(strip: jax.Array, half_norms: jax.Array, thresholds: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Counts of scores below, and not above, each of a row's thresholds.

    Args:
        strip: Gram strip `[n_rows, n_columns]`, `-inf` where a column is to be left out.
        half_norms: Half squared norms `[n_columns]`, `inf` for padding.
        thresholds: `[n_rows, n_thresholds]`, finite.

    Returns:
        Two int32 arrays `[n_rows, n_thresholds]`: below, and not above.

    Example:
        >>> less, upto = counts_by_groups(jnp.zeros((1, 512)), jnp.arange(512.0), jnp.array([[2.0]]))
        >>> less.tolist(), upto.tolist()
        ([[2]], [[3]])
    """
    n_rows, n_thresholds = thresholds.shape
    if n_rows == 0 or n_thresholds == 0:
        return jnp.zeros(thresholds.shape, jnp.int32), jnp.zeros(thresholds.shape, jnp.int32)
    group = rows_of_a_group(n_rows, strip.shape[1] * strip.dtype.itemsize, n_thresholds)

    def count(number: jax.Array, counts: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        # The last group ends with the last row and repeats some rows of the one before it.
        start = jnp.minimum(number * group, n_rows - group)
        scores = half_norms - lax.dynamic_slice_in_dim(strip, start, group)
        bounds = lax.dynamic_slice_in_dim(thresholds, start, group)[:, :, None]
        found = tuple(
            jnp.sum(below(scores[:, None, :], bounds), axis=2, dtype=jnp.int32) for below in (jnp.less, jnp.less_equal)
        )
        less, upto = (
            lax.dynamic_update_slice_in_dim(all_, new, start, 0) for all_, new in zip(counts, found, strict=True)
        )
        return less, upto

    none = jnp.zeros(thresholds.shape, jnp.int32)
    return lax.fori_loop(0, -(-n_rows // group), count, (none, none))


def rows_of_a_group(n_rows: int, row_bytes: int, n_thresholds: int) -> int:
    """Rows that are counted together: a multiple of 8 where there are as many.

    Args:
        n_rows: Of the strip.
        row_bytes: Of one row of it.
        n_thresholds: Of one row.

    Returns:
        The number of rows.

    Example:
        >>> rows_of_a_group(1024, 4 * 65_536, 24), rows_of_a_group(1024, 4 * 65_536, 720), rows_of_a_group(5, 4, 1)
        (32, 16, 5)
    """
    rows = min(_GROUP_BYTES // max(row_bytes, 1), _COMPARED_AT_ONCE // n_thresholds)
    return min(max(rows // 8 * 8, 8), n_rows)
