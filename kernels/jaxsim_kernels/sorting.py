"""Ranks of all columns of a row at once, for many thresholds per row: NumPy sorts, a table keeps what it found.

XLA's sort on CPU takes about 150 ns per element, NumPy's vectorised one 3 to 6, and it releases the interpreter lock,
so threads share the rows. A score and its column go into one integer, so that the sort says which column came where:
the first of them are the row's neighbours, and every rank is one look into the table.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np

_ALIGNMENT = 64
"""JAX takes NumPy memory that starts at a multiple of this as it is, without a copy."""
_CHUNK = 1 << 17
"""Scores sorted at a time: what is made of them on the way stays in a core's cache."""
_SHORT = 1 << 15
"""Below this many columns a column (15 bits) and four times its place (17 bits) fit one key of 32 bits."""
MOST_COLUMNS = 1 << 29
"""The table holds four times the number of columns in 32 bits."""


class SortedRows(NamedTuple):
    """What sorting a block of rows gives.

    Attributes:
        table: For every column twice its doubled rank, plus 1 if another column has the same score,
            `[n_rows, n_columns]` int32.
        scores: The smallest scores of every row in order, `[n_rows, n_first]`.
        columns: Their columns, ties in index order, int32.
    """

    table: np.ndarray
    scores: np.ndarray
    columns: np.ndarray


class RowSorter:
    """Sorts blocks of one shape into memory that it keeps: fresh pages cost more than the sort of a short row."""

    def __init__(self, strict: bool = False) -> None:
        """Make an empty sorter; `strict` gives a tie group its first rank, not its mean rank."""
        self._strict = strict
        self._tables: dict[int, np.ndarray] = {}

    def __call__(self, bits: np.ndarray, n_first: int = 0, slot: int = 0) -> SortedRows:
        """Rank every column of every row.

        Args:
            bits: `[n_rows, n_columns]`, from `scores.ordered_bits`; those of `inf` where a column is to be left out.
                Not changed.
            n_first: How many of the smallest scores to give.
            slot: Which table to write to.

        Returns:
            Ranks and neighbours; the table is overwritten by the next call for its slot.

        Raises:
            ValueError: If there are too many columns for the table.

        Example:
            >>> import jax.numpy as jnp
            >>> from jaxsim_kernels.scores import ordered_bits
            >>> found = RowSorter()(np.asarray(ordered_bits(jnp.array([[3.0, 1.0, 2.0, 1.0]]))), 1)
            >>> (found.table // 2).tolist(), (found.table % 2).tolist(), found.columns.tolist()
            ([[8, 3, 6, 3]], [[0, 1, 0, 1]], [[1]])
        """
        n_rows, n_columns = bits.shape
        if n_columns >= MOST_COLUMNS:
            raise ValueError(
                f"ranks by sorting take fewer than {MOST_COLUMNS:,} samples, got {n_columns:,}; count them."
            )
        if slot not in self._tables or self._tables[slot].shape != bits.shape:
            self._tables[slot] = _aligned(bits.shape)
        table, columns = self._tables[slot], np.empty((n_rows, n_first), np.int32)
        step = max(1, _CHUNK // n_columns)

        def part(rows: slice) -> None:
            space = np.empty((min(step, rows.stop - rows.start), n_columns), np.uint64)
            for start in range(rows.start, rows.stop, step):
                chunk = slice(start, min(start + step, rows.stop))
                keys = space[: chunk.stop - start]
                later = _sort_columns(bits[chunk], keys)
                columns[chunk] = _halves(keys)[0][:, :n_first]
                self._write_ranks(keys, later, table[chunk])

        _shared(n_rows, part)
        return SortedRows(table, scores_of(np.take_along_axis(bits, columns, axis=1)), columns)

    def _write_ranks(self, keys: np.ndarray, later: np.ndarray, table: np.ndarray) -> None:
        """From columns by place, in the lower halves of `keys`, to ranks by column.

        Scores of float32 often tie by rounding, in a few places of most rows: the table is made as if there were no
        tie, then mended there.
        """
        n_columns = table.shape[1]
        tied, ranks = self._tied(keys, later)
        # One more sort, by column, is faster than NumPy's indexing; with short keys twice so.
        low, high = _halves(keys)
        doubled_ranks = np.arange(4, 4 * n_columns + 4, 4, dtype=np.uint32)
        if n_columns < _SHORT:
            short = table.view(np.uint32)
            np.copyto(short, keys, casting="unsafe")
            short <<= np.uint32(17)
            short |= doubled_ranks
            short.sort(axis=1)
            short &= np.uint32((1 << 17) - 1)
        else:
            high[:], low[:] = low, doubled_ranks
            keys.sort(axis=1)
            table[:] = low.view(np.int32)
        table.reshape(-1)[tied] = ranks

    def _tied(self, keys: np.ndarray, later: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in the table tied columns are, and what is to be there."""
        n_columns = keys.shape[1]
        opens = np.diff(later, prepend=-2) > 1
        group, start = np.cumsum(opens) - 1, later[opens] - 1
        place, size = start % n_columns, np.bincount(group) + 1
        ranks = 2 * (2 * place + 2 if self._strict else 2 * place + size + 1) + 1
        at = np.concatenate([start, later])
        return at - at % n_columns + keys.reshape(-1)[at].astype(np.uint32), np.concatenate([ranks, ranks[group]])


def scores_of(bits: np.ndarray) -> np.ndarray:
    """The scores whose `scores.ordered_bits` these are.

    Example:
        >>> scores_of(np.array([0x407FFFFF, 0x80000000], np.uint32)).tolist()
        [-1.0, 0.0]
    """
    signed = bits.view(np.dtype(f"int{8 * bits.dtype.itemsize}"))
    flipped = signed ^ (~(signed >> (8 * bits.dtype.itemsize - 1)) | np.iinfo(signed.dtype).min)
    return flipped.view(np.dtype(f"float{8 * bits.dtype.itemsize}"))


def _sort_columns(bits: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Write columns in order of (score, column) to the lower halves of `keys`.

    Returns:
        The flat places whose finite score equals the one at the place before.
    """
    low, high = _halves(keys)
    same = np.zeros(bits.shape, bool)
    if bits.dtype == np.uint32:
        high[:], low[:] = bits, np.arange(bits.shape[1], dtype=np.uint32)
        keys.sort(axis=1)
        ordered = high
    else:
        order = np.argsort(bits, axis=1, kind="stable")
        low[:], ordered = order, np.take_along_axis(bits, order, axis=1)
    np.equal(ordered[:, 1:], ordered[:, :-1], out=same[:, 1:])
    later = np.flatnonzero(same)
    rows, places = np.divmod(later, bits.shape[1])
    return later[np.isfinite(scores_of(ordered[rows, places]))]


def _halves(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Views of the lower and the upper 32 bits."""
    halves = keys.view(np.uint32)
    return (halves[:, ::2], halves[:, 1::2]) if sys.byteorder == "little" else (halves[:, 1::2], halves[:, ::2])


def _shared(n_rows: int, part: Callable[[slice], Any]) -> list[Any]:
    """What a function returns for the rows of every worker."""
    edges = np.linspace(0, n_rows, min(_n_workers(), n_rows) + 1).astype(int)
    return list(_pool(len(edges) - 1).map(part, map(slice, edges[:-1], edges[1:])))


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    n_bytes = int(np.prod(shape)) * 4
    memory = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + n_bytes].view(np.int32).reshape(shape)


def _n_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="jaxsim-sort")
