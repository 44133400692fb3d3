"""Neighbours of a strip where XLA fuses reductions of several arrays: up to four of them in each reading."""

import jax
import jax.numpy as jnp
from jax import lax

MOST_AT_ONCE = 4
"""Neighbours found in one reading. A longer list costs its square in comparisons and in time to compile."""

_NO_COLUMN = jnp.iinfo(jnp.int32).max

_Found = tuple[jax.Array, ...]


def nearest_by_readings(strip: jax.Array, half_norms: jax.Array, k: int, axis: int = 1) -> tuple[jax.Array, jax.Array]:
    """K smallest scores of each row, or of each column, ties in index order.

    The strip is read once for up to four neighbours and once more for every further four: no block is padded to the
    lanes of a TPU, and nothing of the strip's size is written.

    Args:
        strip: Gram strip `[n_rows, n_columns]`; `-inf` where a sample is to be left out.
        half_norms: Half squared norms of the candidates, `inf` for padding.
        k: How many, at most the number of candidates.
        axis: Of the candidates, see `neighbours.nearest`.

    Returns:
        Scores `[n, k]` and candidates `[n, k]` (int32), one line for each row (or column).

    Example:
        >>> nearest_by_readings(jnp.zeros((1, 64)), jnp.arange(64.0), 6)[1].tolist()
        [[0, 1, 2, 3, 4, 5]]
    """
    at_once = min(k, MOST_AT_ONCE)
    n_readings = -(-k // at_once)
    n = strip.shape[1 - axis]

    def read(half_norms: jax.Array, last: _Found | None) -> _Found:
        scores = (half_norms if axis == 1 else half_norms[:, None]) - strip
        candidates = lax.broadcasted_iota(jnp.int32, strip.shape, axis)
        if last is not None:
            scores = jnp.where(_comes_before(last, (scores, candidates)), scores, jnp.inf)
        rest = (jnp.full_like(scores, jnp.inf), jnp.full_like(candidates, _NO_COLUMN)) * (at_once - 1)
        none = (jnp.array(jnp.inf, scores.dtype), jnp.array(_NO_COLUMN, jnp.int32)) * at_once
        return lax.reduce((scores, candidates, *rest), none, _first_of_both, (axis,))

    if n_readings == 1:
        found = read(half_norms, None)
        # Where there are not enough candidates, a column that exists.
        return jnp.stack(found[::2], axis=1), jnp.minimum(jnp.stack(found[1::2], axis=1), strip.shape[axis] - 1)

    def read_on(reading: jax.Array, state: _Found) -> _Found:
        last_score, last_candidate, scores, columns = state
        last = jnp.expand_dims(last_score, axis), jnp.expand_dims(last_candidate, axis)
        # Norms that seem to change from reading to reading: else XLA works all scores out once and writes them down.
        norms, _ = lax.optimization_barrier((half_norms, reading))
        found = read(norms, last)
        at = reading * at_once
        return (
            found[-2],
            found[-1],
            lax.dynamic_update_slice_in_dim(scores, jnp.stack(found[::2]), at, 0),
            lax.dynamic_update_slice_in_dim(columns, jnp.stack(found[1::2]), at, 0),
        )

    shape = (n_readings * at_once, n)
    start = (
        jnp.full(n, -jnp.inf, strip.dtype),
        jnp.full(n, -1, jnp.int32),
        jnp.zeros(shape, strip.dtype),
        jnp.zeros(shape, jnp.int32),
    )
    _, _, scores, columns = lax.fori_loop(0, n_readings, read_on, start)
    return scores[:k].T, jnp.minimum(columns[:k].T, strip.shape[axis] - 1)


def _first_of_both(some: _Found, others: _Found) -> _Found:
    """The first of two sorted lists together, as long as either: the step of a reduction."""
    pairs, reversed_pairs = _pairs(some), _pairs(others)[::-1]
    # The smaller of each and its opposite are the first of both; sorting neighbours often enough orders them.
    kept = [_in_order(a, b)[0] for a, b in zip(pairs, reversed_pairs, strict=True)]
    for end in range(len(kept) - 1, 0, -1):
        for i in range(end):
            kept[i], kept[i + 1] = _in_order(kept[i], kept[i + 1])
    return tuple(value for pair in kept for value in pair)


def _pairs(values: _Found) -> list[tuple[jax.Array, jax.Array]]:
    return list(zip(values[::2], values[1::2], strict=True))


def _in_order(a: _Found, b: _Found) -> tuple[_Found, _Found]:
    first = _comes_before(a, b)
    smaller = tuple(jnp.where(first, x, y) for x, y in zip(a, b, strict=True))
    return smaller, tuple(jnp.where(first, y, x) for x, y in zip(a, b, strict=True))


def _comes_before(a: _Found, b: _Found) -> jax.Array:
    return (a[0] < b[0]) | ((a[0] == b[0]) & (a[1] < b[1]))
