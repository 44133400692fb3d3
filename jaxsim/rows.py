"""Rows of arrays that lie elsewhere (on a disk, in another library), read a few at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# A span that is read at once: so many bytes at most, but for a single row.
_SPAN_BYTES = 1 << 24
# Rows between two wanted ones are read and dropped where that is less than another request would cost.
_GAP_BYTES = 1 << 16


class LazyRows:
    """An array `[n_samples, n_features]` of which any rows can be read without the rest.

    Index it like a NumPy array: rows by an integer, a slice, integers or booleans, and columns by an integer or a
    slice; the result is in memory. `np.asarray` reads all of it.

    Args:
        read: Returns the rows from a start to a stop, both within the array.
        shape: `(n_samples, n_features)`.
        dtype: Of the rows that are read.
        chunk_rows: Rows that the file keeps together, so that reading one of them reads all.

    Attributes:
        shape: `(n_samples, n_features)`.
        dtype: Of the numbers.
        chunk_rows: Rows that are kept together.

    Example:
        >>> x = np.arange(6.0).reshape(3, 2)
        >>> rows = LazyRows(lambda start, stop: x[start:stop], x.shape, x.dtype)
        >>> rows[[2, 0]].tolist(), rows[-1].tolist(), rows[1:, 0].tolist()
        ([[4.0, 5.0], [0.0, 1.0]], [4.0, 5.0], [2.0, 4.0])
    """

    ndim = 2

    def __init__(
        self,
        read: Callable[[int, int], np.ndarray],
        shape: tuple[int, ...],
        dtype: Any,
        *,
        chunk_rows: int = 1,
    ) -> None:
        self._read = read
        self.shape: tuple[int, int] = (int(shape[0]), int(shape[1]))
        self.dtype, self.chunk_rows = np.dtype(dtype), max(1, int(chunk_rows))

    @property
    def nbytes(self) -> int:
        """Size in memory when all of it is read."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, index: Any) -> Any:
        rows, *columns = index if isinstance(index, tuple) else (index,)
        if len(columns) > 1 or not all(isinstance(c, slice | int | np.integer) for c in columns):
            raise IndexError(
                f"rows on a disk are indexed by rows, and columns by an integer or a slice, got {index!r}: index the "
                "NumPy array that [rows] gives"
            )
        chosen = np.arange(self.shape[0])[rows]
        if chosen.ndim == 0:
            return self._checked(int(chosen), int(chosen) + 1)[(0, *columns)]
        if isinstance(rows, slice) and chosen.size and rows.step in (None, 1):
            return self._checked(int(chosen[0]), int(chosen[-1]) + 1)[(..., *columns)]
        return take_rows(self, chosen)[(..., *columns)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("rows on a disk cannot be given without a copy: leave copy out")
        return np.asarray(self[:], dtype=dtype)

    def _checked(self, start: int, stop: int) -> np.ndarray:
        found = np.asarray(self._read(start, stop), self.dtype)
        if found.shape != (stop - start, self.shape[1]):
            raise ValueError(
                f"expected rows {start} to {stop} as [{stop - start}, {self.shape[1]}], got {list(found.shape)}: the "
                "file changed since it was opened; open it again"
            )
        return found


class SelectedRows:
    """Some samples of a layer, in the order given, read where they are.

    Args:
        x: `[n_samples, n_features]`, with `shape`, `dtype` and row slices.
        rows: Sample indices, int `[n]`.

    Attributes:
        shape: `(n, n_features)`.
        dtype: Of the layer.

    Example:
        >>> np.asarray(SelectedRows(np.arange(8.0).reshape(4, 2), np.array([3, 0]))).tolist()
        [[6.0, 7.0], [0.0, 1.0]]
    """

    ndim = 2

    def __init__(self, x: Any, rows: np.ndarray) -> None:
        self._x, self._rows = x, rows
        self.shape = (len(rows), *tuple(x.shape)[1:])
        self.dtype = np.dtype(x.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"SelectedRows(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Some of the samples selected: a slice, integers or booleans, or one."""
        wanted = self._rows[rows]
        if np.ndim(wanted) == 0:
            return np.asarray(self._x[int(wanted)])
        return take_rows(self._x, wanted)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it."""
        return self[:].astype(dtype or self.dtype)


def take_rows(x: Any, rows: np.ndarray) -> np.ndarray:
    """Rows of an array in the order given, from as few and as short slices as they need.

    Beside the result no more than 16 MB (or one row, or what the file keeps together) are in memory at once, however
    far the rows are apart.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices.
        rows: Sample indices, int `[n]`, none negative; one may come several times.

    Returns:
        `[n, n_features]`.

    Example:
        >>> take_rows(np.arange(8.0).reshape(4, 2), np.array([3, 0, 3]))[:, 0].tolist()
        [6.0, 0.0, 6.0]
    """
    if isinstance(x, np.ndarray):
        return x[rows]
    taken = np.empty((len(rows), *tuple(x.shape)[1:]), np.dtype(x.dtype))
    order = np.argsort(rows, kind="stable")
    ordered = np.asarray(rows)[order]
    for places in _spans(ordered, x):
        first, last = int(ordered[places.start]), int(ordered[places.stop - 1])
        taken[order[places]] = np.asarray(x[first : last + 1])[ordered[places] - first]
    return taken


def _spans(ordered: np.ndarray, x: Any) -> Iterator[slice]:
    """Stretches of increasing row numbers that are read by one slice each."""
    row_bytes = max(1, int(np.prod(x.shape[1:], dtype=np.int64)) * np.dtype(x.dtype).itemsize)
    chunk = int(getattr(x, "chunk_rows", 1))
    most, gap = max(1, chunk, _SPAN_BYTES // row_bytes), max(1, chunk, _GAP_BYTES // row_bytes)
    start = 0
    while start < len(ordered):
        # Up to where a span would be too long, then up to the first wide gap.
        stop = int(np.searchsorted(ordered, ordered[start] + most))
        apart = np.flatnonzero(np.diff(ordered[start:stop]) > gap)
        stop = start + int(apart[0]) + 1 if apart.size else stop
        yield slice(start, stop)
        start = stop
