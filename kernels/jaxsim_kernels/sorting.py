"""Ranks of all columns of a row at once, for many thresholds per row: NumPy sorts, a table keeps what it found.

XLA's sort on CPU takes about 150 ns per element, NumPy's vectorised one 3 to 6, and it releases the interpreter lock,
so threads share the rows. A score and its column go into one integer, so that the sort says which column came where:
the first of them are the row's neighbours, and every rank is one look into the table.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np

_ALIGNMENT = 64
"""JAX takes NumPy memory that starts at a multiple of this as it is, without a copy."""
_ROWS_AT_ONCE = 32
_COLUMN, _SCORE = np.uint64(0xFFFFFFFF), np.uint64(32)
_INFINITE = np.uint64(0xFF800000) << _SCORE
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
        self._table = np.empty((0, 0), np.int32)

    def __call__(self, scores: np.ndarray, n_first: int = 0) -> SortedRows:
        """Rank every column of every row.

        Args:
            scores: `[n_rows, n_columns]`, float32 or float64, `inf` where a column is to be left out. Not changed.
            n_first: How many of the smallest scores to give.

        Returns:
            Ranks and neighbours; the table is overwritten by the next call.

        Example:
            >>> found = RowSorter()(np.array([[3.0, 1.0, 2.0, 1.0]]), 1)
            >>> (found.table // 2).tolist(), (found.table % 2).tolist(), found.columns.tolist()
            ([[8, 3, 6, 3]], [[0, 1, 0, 1]], [[1]])
        """
        n_rows, n_columns = scores.shape
        if n_columns >= MOST_COLUMNS:
            raise ValueError(
                f"ranks by sorting take fewer than {MOST_COLUMNS:,} samples, got {n_columns:,}; count them."
            )
        if self._table.shape != scores.shape:
            self._table = _aligned(scores.shape)
        first = SortedRows(
            self._table, np.empty((n_rows, n_first), scores.dtype), np.empty((n_rows, n_first), np.int32)
        )
        workers = min(_n_workers(), n_rows)
        edges = np.linspace(0, n_rows, workers + 1).astype(int)

        def part(worker: int) -> None:
            for start in range(edges[worker], edges[worker + 1], _ROWS_AT_ONCE):
                rows = slice(start, min(start + _ROWS_AT_ONCE, edges[worker + 1]))
                self._rank(scores[rows], n_first, *(values[rows] for values in first))

        list(_pool(workers).map(part, range(workers)))
        return first

    def _rank(
        self, scores: np.ndarray, n_first: int, table: np.ndarray, first_scores: np.ndarray, first_columns: np.ndarray
    ) -> None:
        n_columns = scores.shape[1]
        order, tied = _ordered(scores)
        place = np.arange(n_columns, dtype=np.int32)
        for row in range(len(scores)):
            # A row without ties, as nearly all are, takes the same values as any other.
            table[row][order[row]] = (
                self._ranks_with_ties(place, tied[row]) if tied is not None and tied[row].any() else 4 * place + 4
            )
        first_columns[:] = order[:, :n_first]
        first_scores[:] = np.take_along_axis(scores, order[:, :n_first], axis=1)

    def _ranks_with_ties(self, place: np.ndarray, tied: np.ndarray) -> np.ndarray:
        """What the table says of every place of a sorted row, `tied` saying which equal the one before."""
        less = np.maximum.accumulate(np.where(tied, 0, place))
        last = np.append(~tied[1:], True)
        upto = np.minimum.accumulate(np.where(last, place + 1, place.size)[::-1])[::-1]
        doubled = 2 * less + 2 if self._strict else less + upto + 1
        return 2 * doubled + (upto - less > 1)


def _ordered(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Columns in increasing (score, column), and which of them have the score of the one before; None if none has."""
    if scores.dtype == np.float32:
        keys = _keys(scores)
        keys.sort(axis=1)
        order = (keys & _COLUMN).astype(np.intp)
        tied = np.zeros(scores.shape, bool)
        np.less(keys[:, 1:] ^ keys[:, :-1], np.uint64(1) << _SCORE, out=tied[:, 1:])
        tied[:, 1:] &= keys[:, 1:] < _INFINITE
    else:
        order = np.argsort(scores, axis=1, kind="stable")
        ordered = np.take_along_axis(scores, order, axis=1)
        tied = np.zeros(scores.shape, bool)
        np.equal(ordered[:, 1:], ordered[:, :-1], out=tied[:, 1:])
        tied &= np.isfinite(ordered)
    return order, tied if tied.any() else None


def _keys(scores: np.ndarray) -> np.ndarray:
    """Integers that order like (score, column): the score's bits, made monotone, above the column."""
    bits = (scores + np.float32(0)).view(np.uint32)  # -0 becomes 0: they are one score
    bits ^= (bits.view(np.int32) >> 31).view(np.uint32) | np.uint32(0x80000000)
    keys = bits.astype(np.uint64)
    keys <<= _SCORE
    keys |= np.arange(scores.shape[1], dtype=np.uint64)
    return keys


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
