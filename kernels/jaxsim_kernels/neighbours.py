"""The k nearest columns of every row of a score strip, ordered by (score, index), without sorting the row."""

import jax
import jax.numpy as jnp
from jax import lax

BLOCK = 64
"""Columns per block minimum. The first look at a row costs one vectorised minimum per element, every further
neighbour only one block and the list of block minima."""


def nearest(strip: jax.Array, half_norms: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    """K smallest scores of each row, ties in index order.

    Args:
        strip: Gram strip `[n_rows, n_columns]`; `-inf` where a column is to be left out. The number of columns is
            a multiple of `BLOCK`.
        half_norms: Half squared norms of the columns `[n_columns]`, `inf` for padding.
        k: How many, at most the number of columns that are not left out.

    Returns:
        Scores `[n_rows, k]` and columns `[n_rows, k]` (int32).

    Example:
        >>> scores, columns = nearest(jnp.zeros((1, 64)), jnp.arange(64.0), 2)
        >>> columns.tolist()
        [[0, 1]]
    """
    n_rows, n_columns = strip.shape
    blocked = strip.reshape(n_rows, n_columns // BLOCK, BLOCK)
    norms = half_norms.reshape(n_columns // BLOCK, BLOCK)
    minima = jnp.min(norms - blocked, axis=2)
    within = jnp.arange(BLOCK, dtype=jnp.int32)
    block_ids = jnp.arange(n_columns // BLOCK, dtype=jnp.int32)

    def extract(place, state):
        minima, scores, columns, last_score, last_column = state
        block = jnp.argmin(minima, axis=1).astype(jnp.int32)
        gathered = jnp.take_along_axis(blocked, block[:, None, None], axis=1)[:, 0]
        candidates = norms[block] - gathered
        ids = block[:, None] * BLOCK + within
        # Extraction runs in lexicographic order, so whatever is not beyond the last one has been taken already.
        taken = (candidates < last_score) | ((candidates == last_score) & (ids <= last_column))
        candidates = jnp.where(taken, jnp.inf, candidates)
        chosen = jnp.argmin(candidates, axis=1).astype(jnp.int32)
        score = jnp.min(candidates, axis=1)
        column = block * BLOCK + chosen
        rest = jnp.min(jnp.where(within == chosen[:, None], jnp.inf, candidates), axis=1)
        minima = jnp.where(block_ids == block[:, None], rest[:, None], minima)
        return (
            minima,
            lax.dynamic_update_index_in_dim(scores, score, place, 1),
            lax.dynamic_update_index_in_dim(columns, column, place, 1),
            score[:, None],
            column[:, None],
        )

    start = (
        minima,
        jnp.full((n_rows, k), jnp.inf, strip.dtype),
        jnp.zeros((n_rows, k), jnp.int32),
        jnp.full((n_rows, 1), -jnp.inf, strip.dtype),
        jnp.full((n_rows, 1), -1, jnp.int32),
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
