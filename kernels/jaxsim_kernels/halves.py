"""The same measurement within halves of the samples, from the strips that the whole measurement works out anyway.

A split deals all samples into two halves. A row's neighbours and ranks within its own half follow from the row's scores
and from who belongs to that half, so that one product serves the whole and every half; the integers are those of a
measurement of the half alone.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .host.machine_code import shared
from .host.sorting import Columns, distinct_columns, n_buckets

MOST_STRATA = 256
_SPLITS_AT_A_TIME = 8


@dataclass(frozen=True)
class Halves:
    """Splits of the samples into two halves each.

    Attributes:
        sides: Which half every sample is in, `[n_splits, n_samples]`, False or True.
    """

    sides: np.ndarray

    @property
    def n_splits(self) -> int:
        """Number of splits."""
        return len(self.sides)

    @cached_property
    def strata(self) -> np.ndarray:
        """Of every sample, which pattern of sides it has, `[n_samples]` uint8."""
        return self._patterns[1].reshape(-1).astype(np.uint8)

    @cached_property
    def sides_of_strata(self) -> np.ndarray:
        """Which half every pattern is in, `[n_splits, n_strata]`."""
        return self._patterns[0].T

    @cached_property
    def tables(self) -> tuple[np.ndarray, ...]:
        """For up to eight splits at a time, whether two patterns share a half: `[n_strata, n_strata, 8]` 0 or 1."""
        patterns = self._patterns[0]
        together = (patterns[:, None] == patterns[None]).astype(np.uint16)
        tables = []
        for start in range(0, self.n_splits, _SPLITS_AT_A_TIME):
            table = np.zeros((*together.shape[:2], _SPLITS_AT_A_TIME), np.uint16)
            chosen = together[:, :, start : start + _SPLITS_AT_A_TIME]
            table[:, :, : chosen.shape[2]] = chosen
            tables.append(table)
        return tuple(tables)

    @cached_property
    def _patterns(self) -> tuple[np.ndarray, np.ndarray]:
        patterns, which = np.unique(self.sides.T, axis=0, return_inverse=True)
        if len(patterns) > MOST_STRATA:
            raise ValueError(
                f"expected splits that deal whole groups of samples, at most {MOST_STRATA} of them, got "
                f"{len(patterns)} different patterns of sides; use fewer groups or fewer splits."
            )
        return patterns, which

    def sizes(self, at: np.ndarray | None = None) -> np.ndarray:
        """Number of samples in every half, of all or of those `at`, `[n_splits, 2]`.

        Example:
            >>> Halves(np.array([[False, True, True]])).sizes().tolist()
            [[1, 2]]
        """
        chosen = self.sides if at is None else self.sides[:, at]
        upper = chosen.sum(axis=1)
        return np.stack([chosen.shape[1] - upper, upper], axis=1)


def nearest_in_halves(
    strip: np.ndarray, half_norms: np.ndarray, rows: np.ndarray, halves: Halves, k: int
) -> np.ndarray:
    """Columns of the k nearest samples of every row within the row's own half of every split.

    Args:
        strip: Gram strip `[n_rows, n_columns]`, `-inf` where a column is to be left out; the number of columns is a
            multiple of 32.
        half_norms: Half squared norms `[n_columns]`, `inf` for padding.
        rows: The samples that the rows are of `[n_rows]`.
        halves: The splits.
        k: Number of neighbours; every half holds more samples that are not left out.

    Returns:
        `[n_rows, n_splits, k]` int32, nearest first, equally near ones in index order.

    Example:
        >>> strip, norms = np.zeros((1, 32), np.float32), np.arange(32, dtype=np.float32)
        >>> halves = Halves(np.arange(32)[None] % 2 == 1)
        >>> nearest_in_halves(strip, norms, np.array([7]), halves, 2).tolist()
        [[[1, 3]]]
    """
    from .host import half_loops

    # Where fewer than k can be reached, which callers exclude, the first column stands.
    found = np.zeros((len(rows), halves.n_splits, k), np.int32)
    strata, own = _padded(halves.strata, len(half_norms)), halves.strata[rows]
    for batch, table in enumerate(halves.tables):
        start = batch * _SPLITS_AT_A_TIME
        part_of = np.ascontiguousarray(found[:, start : start + _SPLITS_AT_A_TIME])

        def part(first: int, last: int, table: np.ndarray = table, part_of: np.ndarray = part_of) -> None:
            scores = np.empty(32, strip.dtype)
            n_splits = part_of.shape[1]
            half_loops.nearest_rows(
                strip, half_norms, strata, table, own, n_splits, k, first, last, part_of, scores
            )  # fmt: skip

        shared(len(rows), part)
        found[:, start : start + _SPLITS_AT_A_TIME] = part_of
    return found


def distinct_by_split(neighbours: np.ndarray, n_samples: int) -> tuple[Columns, ...]:
    """The neighbours of a block of rows as `ranks_in_halves` takes them, for up to eight splits at a time.

    Args:
        neighbours: `[n_rows, n_sources, n_splits, k]`.
        n_samples: All columns are below this.

    Returns:
        One `Columns` for each table of `Halves.tables`, splits before sources.

    Example:
        >>> distinct_by_split(np.zeros((1, 2, 3, 1), np.int32), 4)[0].n_distinct.tolist()
        [1]
    """
    by_split = neighbours.transpose(0, 2, 1, 3)
    return tuple(
        distinct_columns(by_split[:, start : start + _SPLITS_AT_A_TIME].reshape(len(by_split), -1), n_samples)
        for start in range(0, by_split.shape[1], _SPLITS_AT_A_TIME)
    )


def ranks_in_halves(
    strip: np.ndarray,
    half_norms: np.ndarray,
    rows: np.ndarray,
    halves: Halves,
    columns: tuple[Columns, ...],
    ks: tuple[int, ...],
    strict: bool = False,
) -> np.ndarray:
    """Sum the ranks, among the samples of a row's own half, of that half's neighbours by every source layer.

    Args:
        strip: Gram strip of the target `[n_rows, n_columns]`, `-inf` where a column is to be left out.
        half_norms: Half squared norms `[n_columns]`, same dtype.
        rows: The samples that the rows are of `[n_rows]`.
        halves: The splits.
        columns: From `distinct_by_split`.
        ks: Numbers of neighbours, increasing.
        strict: Give a tie group its first rank, not its mean rank.

    Returns:
        Twice the sums `[n_rows, n_splits, n_sources, n_k]` int64.

    Example:
        >>> strip, norms = np.zeros((1, 4), np.float32), np.array([9.0, 5.0, 1.0, 2.0], np.float32)
        >>> halves = Halves(np.array([[False, False, True, False]]))
        >>> columns = distinct_by_split(np.array([[[[1]]]]), 4)
        >>> ranks_in_halves(strip, norms, np.array([0]), halves, columns, (1,)).ravel().tolist()
        [4]
    """
    from .host import half_loops

    strata, own = halves.strata, halves.strata[rows]
    n_samples, every_k = len(strata), np.asarray(ks, np.int64)
    counts = np.uint16 if n_samples < 1 << 16 else np.int32
    found = []
    for table, (distinct, n_distinct, places) in zip(halves.tables, columns, strict=True):
        n_splits = min(_SPLITS_AT_A_TIME, halves.n_splits - len(found) * _SPLITS_AT_A_TIME)
        n_sources = places.shape[1] // (n_splits * ks[-1])
        doubled = np.empty((len(rows), n_splits, n_sources, len(ks)), np.int64)

        def part(
            first: int,
            last: int,
            table: np.ndarray = table,
            wanted: tuple[np.ndarray, ...] = (distinct, n_distinct, places),
            doubled: np.ndarray = doubled,
        ) -> None:
            buckets = n_buckets(n_samples)
            space = (
                np.empty(n_samples, strip.dtype),
                np.empty(n_samples, np.uint16),
                np.empty(buckets, counts),
                np.full(n_samples + 1, np.inf, strip.dtype),
                np.empty(n_samples, np.int32),
                np.empty((buckets, _SPLITS_AT_A_TIME), counts),
                np.empty((wanted[0].shape[1], _SPLITS_AT_A_TIME), np.int32),
            )
            half_loops.rank_rows(
                strip, half_norms, strata, table, own, doubled.shape[1], *wanted, every_k, strict, first, last,
                *space, doubled,
            )  # fmt: skip

        shared(len(rows), part)
        found.append(doubled)
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1)


def half_bytes(n_rows: int, n_sources: int, n_splits: int, k: int) -> int:
    """Memory that a block of rows takes beside its strips.

    Example:
        >>> half_bytes(1024, 24, 8, 1) < 1 << 23
        True
    """
    return n_rows * n_sources * n_splits * 24 * k


def _padded(strata: np.ndarray, n_columns: int) -> np.ndarray:
    return np.concatenate([strata, np.zeros(n_columns - len(strata), strata.dtype)])
