"""Counts below thresholds in groups of rows that a device keeps close at hand: the strip leaves its memory once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

_GROUP_BYTES = 8 * 2**20
"""Scores of one group: on TPU XLA holds them in the chip's own memory while all thresholds are compared, on a GPU
they stay in its second cache."""

_COMPARED_AT_ONCE = 8192
"""Thresholds of a group, over all of its rows. On a GPU XLA adds in two steps and writes down some two thousand
bytes of partial counts for each."""

_Counts = tuple[jax.Array, jax.Array]


def counts_by_groups(strip: jax.Array, half_norms: jax.Array, thresholds: jax.Array) -> _Counts:
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
    none = jnp.zeros(thresholds.shape, jnp.int32)
    less, upto = _in_groups(strip, half_norms, thresholds, (none, none), _count)
    return less, upto


def counts_of_columns_by_groups(strip: jax.Array, half_norms: jax.Array, columns: jax.Array) -> _Counts:
    """Counts of scores below, and not above, those at given columns of each row.

    Args:
        strip: As in `counts_by_groups`.
        half_norms: Likewise.
        columns: `[n_rows, n_wanted]`.

    Returns:
        Two int32 arrays `[n_rows, n_wanted]`: below, and not above.

    Example:
        >>> less, upto = counts_of_columns_by_groups(jnp.zeros((1, 512)), jnp.arange(512.0), jnp.array([[2]]))
        >>> less.tolist(), upto.tolist()
        ([[2]], [[3]])
    """
    none = jnp.zeros(columns.shape, jnp.int32)
    less, upto = _in_groups(
        strip, half_norms, columns, (none, none), lambda scores, wanted: _count(scores, _scores_at(scores, wanted))
    )
    return less, upto


def scores_of_columns_by_groups(strip: jax.Array, half_norms: jax.Array, columns: jax.Array) -> jax.Array:
    """The scores at given columns of each row.

    Args:
        strip: As in `counts_by_groups`.
        half_norms: Likewise.
        columns: `[n_rows, n_wanted]`.

    Returns:
        `[n_rows, n_wanted]`.

    Example:
        >>> scores_of_columns_by_groups(jnp.zeros((1, 512)), jnp.arange(512.0), jnp.array([[2]])).tolist()
        [[2.0]]
    """
    start = (jnp.zeros(columns.shape, strip.dtype),)
    return _in_groups(strip, half_norms, columns, start, lambda scores, wanted: (_scores_at(scores, wanted),))[0]


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
        (32, 8, 5)
    """
    rows = min(_GROUP_BYTES // max(row_bytes, 1), _COMPARED_AT_ONCE // n_thresholds)
    return min(max(rows // 8 * 8, 8), n_rows)


def _in_groups(
    strip: jax.Array,
    half_norms: jax.Array,
    of_rows: jax.Array,
    start: tuple[jax.Array, ...],
    work: Callable[[jax.Array, jax.Array], tuple[jax.Array, ...]],
) -> tuple[jax.Array, ...]:
    """What `work(scores, of_rows)` gives for every group of rows, put into `start`."""
    n_rows, n_each = of_rows.shape
    if n_rows == 0 or n_each == 0:
        return start
    group = rows_of_a_group(n_rows, strip.shape[1] * strip.dtype.itemsize, n_each)

    def step(number: jax.Array, results: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        # The last group ends with the last row and repeats some rows of the one before it.
        first = jnp.minimum(number * group, n_rows - group)
        scores = half_norms - lax.dynamic_slice_in_dim(strip, first, group)
        found = work(scores, lax.dynamic_slice_in_dim(of_rows, first, group))
        return tuple(
            lax.dynamic_update_slice_in_dim(all_, new, first, 0) for all_, new in zip(results, found, strict=True)
        )

    return lax.fori_loop(0, -(-n_rows // group), step, start)


def _count(scores: jax.Array, thresholds: jax.Array) -> _Counts:
    each, bounds = scores[:, None, :], thresholds[:, :, None]
    less = jnp.sum(each < bounds, axis=2, dtype=jnp.int32)
    return less, jnp.sum(each <= bounds, axis=2, dtype=jnp.int32)


def _scores_at(scores: jax.Array, columns: jax.Array) -> jax.Array:
    return jnp.take_along_axis(scores, columns, axis=1)
