"""The k nearest so far of some rows, kept up to date from tile to tile: what the neighbour kernels share."""

import jax
import jax.numpy as jnp
from jax import lax

_NO_COLUMN = jnp.iinfo(jnp.int32).max


def empty_list(n_rows: int, width: int, k: int) -> tuple[jax.Array, jax.Array]:
    """A list of k places that any finite score takes.

    Args:
        n_rows: Rows that have a list each.
        width: Places in memory, at least k; those from k on stay as they are.
        k: Places in use.

    Returns:
        Scores and columns, `[n_rows, width]`; the columns are negative and all different.

    Example:
        >>> empty_list(1, 4, 2)[0].tolist()
        [[inf, inf, -inf, -inf]]
    """
    place = lax.broadcasted_iota(jnp.int32, (n_rows, width), 1)
    return jnp.where(place < k, jnp.float32(jnp.inf), jnp.float32(-jnp.inf)), -1 - place


def take_in(
    scores: jax.Array, columns: jax.Array, list_scores: jax.Array, list_columns: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The list after a tile of scores: its smallest replace the largest of the list for as long as they are smaller.

    A tile is gone through once, and once more for every score that one of its rows takes in, which late in a row is
    seldom. Among equal scores the list keeps the first columns, as tiles come in the order of their columns.

    Args:
        scores: Of the tile `[n_rows, n_columns]`.
        columns: Their columns, same shape, ascending and above those of all tiles before.
        list_scores: Scores of the list `[n_rows, width]`, in no order.
        list_columns: Their columns.

    Returns:
        The list's scores and columns.

    Example:
        >>> tile, columns = jnp.array([[3.0, 1.0, 2.0, 1.0]]), jnp.arange(4)[None]
        >>> found = take_in(tile, columns, *empty_list(1, 2, 2))
        >>> sorted(found[1][0].tolist())
        [1, 3]
    """

    def step(state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        last_score, last_column, list_scores, list_columns, _ = state
        beyond = (scores > last_score) | ((scores == last_score) & (columns > last_column))
        left = jnp.where(beyond, scores, jnp.inf)
        score = jnp.min(left, axis=1, keepdims=True)
        column = jnp.min(jnp.where(left == score, columns, _NO_COLUMN), axis=1, keepdims=True)
        worst = jnp.max(list_scores, axis=1, keepdims=True)
        # Of equal worst scores the last column goes; places never taken have negative columns and infinite scores.
        at_worst = list_scores == worst
        last = jnp.max(jnp.where(at_worst, list_columns, -_NO_COLUMN), axis=1, keepdims=True)
        taken = at_worst & (list_columns == last) & (score < worst)
        improved = jnp.max((score < worst).astype(jnp.int32))
        return score, column, jnp.where(taken, score, list_scores), jnp.where(taken, column, list_columns), improved

    n_rows = scores.shape[0]
    start = (
        jnp.full((n_rows, 1), -jnp.inf, jnp.float32),
        jnp.full((n_rows, 1), -1, jnp.int32),
        list_scores,
        list_columns,
        jnp.int32(1),
    )
    found = lax.while_loop(lambda state: state[4] > 0, step, start)
    return found[2], found[3]


def in_order(list_scores: jax.Array, list_columns: jax.Array, k: int, n_columns: int) -> tuple[jax.Array, jax.Array]:
    """The first k places ordered by (score, column); a place that was never taken has some column there is.

    Example:
        >>> scores, columns = in_order(jnp.array([[2.0, 1.0, 1.0]]), jnp.array([[7, 5, 3]]), 3, 8)
        >>> columns.tolist()
        [[3, 5, 7]]
    """
    scores, columns = lax.sort((list_scores[:, :k], list_columns[:, :k]), num_keys=2)
    return scores, jnp.clip(columns, 0, n_columns - 1)
