"""Ranks of many columns of a row at once: a bucket sort, then a look into one bucket for each.

Counting compares the whole row with every threshold. Here a row is dealt into buckets by its scores, once, in time that
does not depend on how many columns are asked for: what is smaller than a column's score lies in the buckets before its
own, or is found in it by comparing. Which buckets there are changes nothing but the time: where all scores fall into
one, comparing with it is counting.
"""

from typing import NamedTuple

import numpy as np

from ..strips import RowRanks
from .machine_code import shared

_MOST_BUCKETS = 1 << 16


class Columns(NamedTuple):
    """Columns whose ranks are wanted, each row's once.

    Attributes:
        distinct: Different columns of every row, in order of appearance, `[n_rows, n_columns]` int32.
        n_distinct: How many of these there are `[n_rows]` int32; the rest is not set.
        places: Of every column that was asked for, where it is in `distinct`, `[n_rows, n_columns]` int32.
    """

    distinct: np.ndarray
    n_distinct: np.ndarray
    places: np.ndarray


def distinct_columns(columns: np.ndarray, n_samples: int) -> Columns:
    """Find what is asked for more than once: neighbours of one layer are often another's, too.

    Args:
        columns: `[n_rows, n_columns]`.
        n_samples: All columns are below this.

    Returns:
        Every row's columns without repetition.

    Example:
        >>> found = distinct_columns(np.array([[7, 3, 7]]), 8)
        >>> found.distinct[0, : found.n_distinct[0]].tolist(), found.places.tolist()
        ([7, 3], [[0, 1, 0]])
    """
    columns = np.ascontiguousarray(columns, np.int32)
    distinct, places = np.empty_like(columns), np.empty_like(columns)
    n_distinct = np.empty(len(columns), np.int32)
    from . import bucket_loops

    def part(first: int, last: int) -> None:
        bucket_loops.distinct(columns, n_samples, first, last, distinct, n_distinct, places)

    shared(len(columns), part)
    return Columns(distinct, n_distinct, places)


def ranks_by_sorting(
    strip: np.ndarray,
    half_norms: np.ndarray,
    columns: Columns,
    n_samples: int,
    ks: tuple[int, ...],
    strict: bool = False,
) -> RowRanks:
    """Sum the ranks of the first k neighbours of each source layer, as counting does.

    Args:
        strip: Gram strip `[n_rows, n_columns]`, `-inf` where a column is to be left out.
        half_norms: Half squared norms `[n_columns]`, same dtype.
        columns: Neighbours, source by source in order, `n_sources * max(ks)` of every row.
        n_samples: Columns from here on are padding.
        ks: Numbers of neighbours, increasing.
        strict: Give a tie group its first rank, not its mean rank.

    Returns:
        Per row, source and k.

    Example:
        >>> columns = distinct_columns(np.array([[1, 0]]), 3)
        >>> strip, norms = np.zeros((1, 3), np.float32), np.array([2.0, 5.0, 1.0], np.float32)
        >>> ranks_by_sorting(strip, norms, columns, 3, (1, 2)).doubled.tolist()
        [[[6, 10]]]
    """
    from . import bucket_loops

    n_rows, n_sources = len(strip), columns.places.shape[1] // ks[-1]
    doubled = np.empty((n_rows, n_sources, len(ks)), np.int64)
    tied = np.empty((n_rows, n_sources, len(ks)), np.int32)
    every_k = np.asarray(ks, np.int64)

    def part(first: int, last: int) -> None:
        scores = np.empty(n_samples, strip.dtype)
        # A comparison may read past the last bucket.
        dealt = np.full(n_samples + bucket_loops.LANES, np.inf, strip.dtype)
        buckets = np.empty(n_samples, np.uint16)
        ends = np.empty(n_buckets(n_samples), np.uint16 if n_samples < 1 << 16 else np.int32)
        space = (scores, buckets, ends, dealt)
        bucket_loops.rank_rows(strip, half_norms, *columns, every_k, strict, first, last, *space, doubled, tied)

    shared(n_rows, part)
    return RowRanks(doubled, tied)


def n_buckets(n_samples: int) -> int:
    """Buckets for a row: some eight scores fall into one.

    Example:
        >>> n_buckets(4096)
        512
    """
    return min(max(n_samples // 8, 1), _MOST_BUCKETS)
