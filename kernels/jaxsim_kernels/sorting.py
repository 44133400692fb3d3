"""Counts from sorted rows, for many thresholds per row: NumPy sorts, XLA looks up.

XLA's sort on CPU takes about 150 ns per element, NumPy's vectorised one 3 to 6, and it releases the interpreter lock,
so threads share the rows. Looking up is the other way round: XLA's branchless search is three times faster than
NumPy's.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .counting import Counts

_ALIGNMENT = 64
"""JAX takes NumPy memory that starts at a multiple of this as it is, without a copy."""


class RowSorter:
    """Sorts blocks of one shape into memory that it keeps: fresh pages cost more than the sort of a short row."""

    def __init__(self) -> None:
        """Make an empty sorter."""
        self._memory = np.empty(0, np.float32)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Sort every row.

        Args:
            scores: `[n_rows, n_columns]`. Not changed.

        Returns:
            The sorted rows, in memory that the next call overwrites.

        Example:
            >>> RowSorter()(np.array([[3.0, 1.0, 2.0]]))
            array([[1., 2., 3.]])
        """
        if self._memory.shape != scores.shape or self._memory.dtype != scores.dtype:
            self._memory = _aligned(scores.shape, scores.dtype)
        workers = _n_workers()
        edges = np.linspace(0, len(scores), workers + 1).astype(int)

        def part(worker: int) -> None:
            rows = slice(edges[worker], edges[worker + 1])
            self._memory[rows] = scores[rows]
            self._memory[rows].sort(axis=1)

        list(_pool(workers).map(part, range(workers)))
        return self._memory


def counts_by_search(ordered: jax.Array, thresholds: jax.Array) -> Counts:
    """Count the scores of each sorted row below, and not above, each of the row's thresholds.

    Args:
        ordered: `[n_rows, n_columns]`, sorted, `inf` where a column is to be left out.
        thresholds: `[n_rows, n_thresholds]`, finite, each one of its row's scores.

    Returns:
        Two int32 arrays `[n_rows, n_thresholds]`; the same integers as `counting.count_below`.

    Example:
        >>> counts = counts_by_search(jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[3.0, 2.0]]))
        >>> counts.less.tolist(), counts.upto.tolist()
        ([[2, 1]], [[3, 2]])
    """
    less = _n_below(ordered, thresholds, jnp.less)
    next_one = jnp.minimum(less + 1, ordered.shape[1] - 1)
    tied = (less + 1 < ordered.shape[1]) & (jnp.take_along_axis(ordered, next_one, axis=1) == thresholds)
    # Most scores stand alone: the end of a tie group is looked for only where there is one.
    upto = lax.cond(
        jnp.any(tied),
        lambda: _n_below(ordered, thresholds, jnp.less_equal),
        lambda: less + 1,
    )
    return Counts(less, upto)


def _n_below(ordered: jax.Array, thresholds: jax.Array, below: Callable[..., jax.Array]) -> jax.Array:
    n_rows, n_columns = ordered.shape
    flat = ordered.reshape(-1)
    start = (jnp.arange(n_rows, dtype=jnp.int32) * n_columns)[:, None]
    place = jnp.zeros(thresholds.shape, jnp.int32)
    step = 1 << (n_columns.bit_length() - 1)
    while step:
        further = place + step
        value = flat.at[start + jnp.minimum(further, n_columns) - 1].get(mode="promise_in_bounds")
        place = jnp.where((further <= n_columns) & below(value, thresholds), further, place)
        step //= 2
    return place


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def _n_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="jaxsim-sort")
