"""Ranks from a symmetric matrix whose every tile is worked out once: it serves its rows, then its columns.

A row's scores come in parts, and the score to compare them with may be in the last. So each is compared with bounds
from a product of its own, wide enough for the rounding of both: what lies below is counted, the few scores within are
kept, and when the row is complete they are compared with the score that the tiles gave, bit by bit. The ranks are those
of whole rows, for half of the arithmetic.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..padding import TILE
from ..prepare import Layer
from .machine_code import shared
from .sorting import Columns

_TURNED = 16
"""Columns of a tile that are turned into rows at a time: one line of the cache of each row."""

Tile = Callable[[int, int], np.ndarray]


class TiledRanks(NamedTuple):
    """`strips.RowRanks` of all samples, where they are certain.

    Attributes:
        doubled: `[n_samples, n_sources, n_k]` int64; zero where not settled.
        tied: Same shape.
        unsettled: Rows whose bounds did not hold or were too wide, in order: their ranks are to be found another way.
    """

    doubled: np.ndarray
    tied: np.ndarray
    unsettled: np.ndarray


def ranks_from_tiles(
    layer: Layer, tile_of: Tile, columns: Columns, ks: tuple[int, ...], strict: bool = False
) -> TiledRanks:
    """Sum the ranks of the first k neighbours of each source layer in a target layer.

    Args:
        layer: The target, on a CPU device.
        tile_of: `(i, j) -> [TILE, TILE]`, products of the i-th `TILE` samples with the j-th; asked for i <= j only.
        columns: Of every sample its neighbours, `n_sources * max(ks)`.
        ks: Numbers of neighbours, increasing.
        strict: Give a tie group its first rank, not its mean rank.

    Returns:
        The sums, and which rows they are missing for.

    Example:
        >>> from ..prepare import prepare_layer
        >>> from .sorting import distinct_columns
        >>> layer = prepare_layer(np.array([[0.0], [1.0], [3.0]]), "euclidean", TILE)
        >>> x = np.asarray(layer.features)
        >>> wanted = distinct_columns(np.array([[2], [0], [1]]), 3)
        >>> ranks_from_tiles(layer, lambda i, j: x @ x.T, wanted, (1,)).doubled.ravel().tolist()
        [4, 2, 2]
    """
    from . import tile_loops

    features, half_norms = np.asarray(layer.features), np.asarray(layer.half_norms)
    n_samples, n_wanted = columns.distinct.shape
    shape, dtype = (n_samples, n_wanted), features.dtype
    found, n_found, _ = columns
    # More than adding the products in another order did in any of a few hundred thousand cases.
    tolerance = dtype.type((np.sqrt(features.shape[1]) / 2 + 4) * np.finfo(dtype).eps)
    bounds = np.empty(shape, dtype), np.empty(shape, dtype)
    shared(n_samples, lambda *rows: tile_loops.guess(features, half_norms, found, n_found, tolerance, *rows, *bounds))
    counts = (
        np.zeros(shape, np.int32),
        np.empty((*shape, n_kept(n_samples)), dtype),
        np.zeros(shape, np.int32),
        np.full(shape, np.nan, dtype),
    )

    def share(tile: np.ndarray, i: int, j: int, first: int, last: int) -> None:
        turned = np.empty((_TURNED, TILE), dtype)
        tile_loops.add_tile(tile, half_norms, i * TILE, j * TILE, found, n_found, first, last, bounds, counts, turned)

    n_tiles = -(-n_samples // TILE)
    for i in range(n_tiles):
        for j in range(i, n_tiles):
            tile = tile_of(i, j)
            shared(TILE, lambda first, last, tile=tile, i=i, j=j: share(tile, i, j, first, last))
    sums = (n_samples, n_wanted // ks[-1], len(ks))
    doubled, tied, settled = np.zeros(sums, np.int64), np.zeros(sums, np.int32), np.empty(n_samples, np.bool_)
    every_k = np.asarray(ks, np.int64)
    shared(
        n_samples,
        lambda *rows: tile_loops.settle(*columns, every_k, strict, *rows, bounds, counts, doubled, tied, settled),
    )
    return TiledRanks(doubled, tied, np.flatnonzero(~settled))


def n_kept(n_samples: int) -> int:
    """Scores that are kept within bounds: there are more of them, the more samples there are.

    Example:
        >>> n_kept(4096)
        9
    """
    return 8 + n_samples // 4096


def tile_bytes(n_samples: int, n_wanted: int, itemsize: int) -> int:
    """Memory of bounds, counts and kept scores, of the columns and of the sums for one k.

    Example:
        >>> tile_bytes(4096, 24, 4) < 1 << 23
        True
    """
    return n_samples * n_wanted * (itemsize * (3 + n_kept(n_samples)) + 2 * 4 + 2 * 4 + 12)
