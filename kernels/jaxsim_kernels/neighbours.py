"""The k nearest columns of every row of a score strip, ordered by (score, index), without sorting the row."""

import jax
import jax.numpy as jnp
from jax import lax

BLOCK = 64
"""Columns per block minimum. The first look at a row costs one vectorised minimum per element, every further
neighbour only one block and the list of block minima."""


def nearest(strip: jax.Array, half_norms: jax.Array, k: int, axis: int = 1) -> tuple[jax.Array, jax.Array]:
    """K smallest scores of each row, or of each column, ties in index order.

    Args:
        strip: Gram strip `[n_rows, n_columns]`; `-inf` where a sample is to be left out. The number of candidates is
            a multiple of `BLOCK`.
        half_norms: Half squared norms of the candidates, `inf` for padding.
        k: How many, at most the number of candidates that are not left out.
        axis: Of the candidates: 1 for the nearest columns of every row, 0 for the nearest rows of every column. The
            strip is read as it lies; on CPU its transpose would cost more than the search.

    Returns:
        Scores `[n, k]` and candidates `[n, k]` (int32), one line for each row (or column).

    Example:
        >>> scores, columns = nearest(jnp.zeros((1, 64)), jnp.arange(64.0), 2)
        >>> columns.tolist()
        [[0, 1]]
        >>> nearest(jnp.zeros((64, 1)), jnp.arange(64.0), 2, axis=0)[1].tolist()
        [[0, 1]]
    """
    n, n_blocks = strip.shape[1 - axis], strip.shape[axis] // BLOCK
    norms = half_norms.reshape(n_blocks, BLOCK)
    # What belongs to a line, as a column or a row that broadcasts along the candidates.
    spread = lambda values: jnp.expand_dims(values, axis)  # noqa: E731
    across = lambda values: jnp.expand_dims(values, 1 - axis)  # noqa: E731
    if axis == 1:
        blocked = strip.reshape(n, n_blocks, BLOCK)
        minima = jnp.min(norms - blocked, axis=2)
    else:
        blocked = strip.reshape(n_blocks, BLOCK, n)
        minima = jnp.min(norms[:, :, None] - blocked, axis=1)
    within = across(jnp.arange(BLOCK, dtype=jnp.int32))
    block_ids = across(jnp.arange(n_blocks, dtype=jnp.int32))

    def candidates_of(block):
        if axis == 1:
            return norms[block] - jnp.take_along_axis(blocked, block[:, None, None], axis=1)[:, 0]
        return norms[block].T - jnp.take_along_axis(blocked, block[None, None, :], axis=0)[0]

    def extract(place, state):
        minima, scores, columns, last_score, last_column = state
        block = jnp.argmin(minima, axis=axis).astype(jnp.int32)
        candidates = candidates_of(block)
        ids = spread(block) * BLOCK + within
        # Extraction runs in lexicographic order, so whatever is not beyond the last one has been taken already.
        taken = (candidates < spread(last_score)) | ((candidates == spread(last_score)) & (ids <= spread(last_column)))
        candidates = jnp.where(taken, jnp.inf, candidates)
        chosen = jnp.argmin(candidates, axis=axis).astype(jnp.int32)
        score = jnp.min(candidates, axis=axis)
        column = block * BLOCK + chosen
        rest = jnp.min(jnp.where(within == spread(chosen), jnp.inf, candidates), axis=axis)
        minima = jnp.where(block_ids == spread(block), spread(rest), minima)
        return (
            minima,
            lax.dynamic_update_index_in_dim(scores, score, place, 1),
            lax.dynamic_update_index_in_dim(columns, column, place, 1),
            score,
            column,
        )

    start = (
        minima,
        jnp.full((n, k), jnp.inf, strip.dtype),
        jnp.zeros((n, k), jnp.int32),
        jnp.full(n, -jnp.inf, strip.dtype),
        jnp.full(n, -1, jnp.int32),
    )
    _, scores, columns, _, _ = lax.fori_loop(0, k, extract, start)
    return scores, columns


def merged(scores: jax.Array, columns: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    """The k first of several candidate lists, ordered by (score, column).

    Args:
        scores: Candidates' scores `[n_rows, n_candidates]`.
        columns: Their columns `[n_rows, n_candidates]`, all different within a row where the score is finite.
        k: How many to keep.

    Returns:
        Scores and columns, `[n_rows, k]`.

    Example:
        >>> s, c = merged(jnp.array([[2.0, 1.0, 2.0]]), jnp.array([[9, 4, 3]]), 2)
        >>> c.tolist()
        [[4, 3]]
    """
    beyond = jnp.iinfo(columns.dtype).max

    def extract(place, state):
        left, kept_scores, kept_columns = state
        score = jnp.min(left, axis=1, keepdims=True)
        column = jnp.min(jnp.where(left == score, columns, beyond), axis=1, keepdims=True)
        left = jnp.where((left == score) & (columns == column), jnp.inf, left)
        return (
            left,
            lax.dynamic_update_slice_in_dim(kept_scores, score, place, 1),
            lax.dynamic_update_slice_in_dim(kept_columns, column, place, 1),
        )

    n_rows = scores.shape[0]
    start = (scores, jnp.zeros((n_rows, k), scores.dtype), jnp.zeros((n_rows, k), columns.dtype))
    _, scores, columns = lax.fori_loop(0, k, extract, start)
    return scores, columns
