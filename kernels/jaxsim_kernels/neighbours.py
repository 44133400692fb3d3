"""The k nearest columns of every row of a score strip, ordered by (score, index), without sorting the row."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

from .accelerator.choice import Kernels, neighbour_kernels
from .accelerator.neighbours import nearest_by_readings

_LANES = 16
BLOCK = 64
"""Columns per block minimum on CPU. The first look at a row costs one vectorised minimum per element, every further
neighbour only one block and the list of block minima."""


def nearest(
    strip: jax.Array, half_norms: jax.Array, k: int, axis: int = 1, kernels: Kernels | None = None
) -> tuple[jax.Array, jax.Array]:
    """K smallest scores of each row, or of each column, ties in index order.

    Args:
        strip: Gram strip `[n_rows, n_columns]`; `-inf` where a sample is to be left out. The number of candidates is
            a multiple of `BLOCK`.
        half_norms: Half squared norms of the candidates, `inf` for padding.
        k: How many, at most the number of candidates that are not left out.
        axis: Of the candidates: 1 for the nearest columns of every row, 0 for the nearest rows of every column. The
            strip is read as it lies; on CPU its transpose would cost more than the search.
        kernels: Of GPUs and TPUs, see `accelerator.choice`; None leaves it to the environment.

    Returns:
        Scores `[n, k]` and candidates `[n, k]` (int32), one line for each row (or column).

    Example:
        >>> scores, columns = nearest(jnp.zeros((1, 64)), jnp.arange(64.0), 2)
        >>> columns.tolist()
        [[0, 1]]
        >>> nearest(jnp.zeros((64, 1)), jnp.arange(64.0), 2, axis=0)[1].tolist()
        [[0, 1]]
    """
    return lax.platform_dependent(
        strip,
        half_norms,
        cpu=partial(_nearest_by_blocks, k=k, axis=axis),
        default=partial(nearest_by_readings, k=k, axis=axis),
        **(neighbour_kernels(strip, k, kernels) if axis == 1 else {}),
    )


def _nearest_by_blocks(strip: jax.Array, half_norms: jax.Array, k: int, axis: int) -> tuple[jax.Array, jax.Array]:
    n_blocks = strip.shape[axis] // BLOCK
    norms = half_norms.reshape(n_blocks, BLOCK)
    # From here on candidates run along axis 0 and lines along axis 1, in small arrays: there XLA:CPU vectorises every
    # reduction, over a last axis none.
    if axis == 1:
        blocked = strip.reshape(-1, n_blocks, BLOCK)
        minima = lax.optimization_barrier(_block_minima(blocked, norms).T)
    else:
        blocked = strip.reshape(n_blocks, BLOCK, -1)
        minima = jnp.min(norms[:, :, None] - blocked, axis=1)
    n = minima.shape[1]
    within = jnp.arange(BLOCK, dtype=jnp.int32)[:, None]
    block_ids = jnp.arange(n_blocks, dtype=jnp.int32)[:, None]

    def candidates_of(block):
        if axis == 1:
            found = norms[block] - jnp.take_along_axis(blocked, block[:, None, None], axis=1)[:, 0]
            return lax.optimization_barrier(found.T)
        return norms[block].T - jnp.take_along_axis(blocked, block[None, None, :], axis=0)[0]

    def extract(place, state):
        minima, scores, columns, last_score, last_column = state
        _, block = _first_minimum(minima, block_ids)
        candidates, ids = candidates_of(block), block * BLOCK + within
        # Extraction runs in lexicographic order, so whatever is not beyond the last one has been taken already.
        taken = (candidates < last_score) | ((candidates == last_score) & (ids <= last_column))
        candidates = jnp.where(taken, jnp.inf, candidates)
        score, chosen = _first_minimum(candidates, within)
        column = block * BLOCK + chosen
        rest = jnp.min(jnp.where(within == chosen, jnp.inf, candidates), axis=0)
        return (
            jnp.where(block_ids == block, rest, minima),
            lax.dynamic_update_index_in_dim(scores, score, place, 0),
            lax.dynamic_update_index_in_dim(columns, column, place, 0),
            score,
            column,
        )

    start = (
        minima,
        jnp.full((k, n), jnp.inf, strip.dtype),
        jnp.zeros((k, n), jnp.int32),
        jnp.full(n, -jnp.inf, strip.dtype),
        jnp.full(n, -1, jnp.int32),
    )
    _, scores, columns, _, _ = lax.fori_loop(0, k, extract, start)
    return scores.T, columns.T


def _block_minima(blocked: jax.Array, norms: jax.Array) -> jax.Array:
    """Smallest score of every block of every row, `[n_rows, n_blocks]`.

    First over slices of 16 lanes, which XLA:CPU keeps in registers: four times faster than a plain minimum.
    """
    lanes = [norms[:, at : at + _LANES] - blocked[:, :, at : at + _LANES] for at in range(0, BLOCK, _LANES)]
    return jnp.min(lax.optimization_barrier(reduce(jnp.minimum, lanes)), axis=2)


def _first_minimum(values: jax.Array, ids: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Minimum along axis 0 and the first id that has it; two plain minima, since an argmin is not vectorised."""
    smallest = jnp.min(values, axis=0)
    return smallest, jnp.min(jnp.where(values == smallest, ids, jnp.iinfo(ids.dtype).max), axis=0)


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
