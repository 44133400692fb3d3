"""Inner products of rows of features with a few others of each."""

import numpy as np

from .machine_code import shared
from .sorting import distinct_columns

_CHUNK_BYTES = 1 << 25


def products_at(features: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Inner products of rows with their columns; what is asked for twice is worked out once.

    Args:
        features: `[n_samples, n_features]` float64.
        rows: Which samples the rows are `[n_rows]`.
        columns: Samples of every row `[n_lists, n_rows, n_neighbours]`.

    Returns:
        `[n_lists, n_rows, n_neighbours]` float64.

    Example:
        >>> products_at(np.eye(3) + 1, np.array([0, 1]), np.array([[[1], [1]]])).tolist()
        [[[5.0], [6.0]]]
    """
    from . import neighbour_product_loops as loops

    n_lists, n_rows, n_neighbours = columns.shape
    features, rows = np.ascontiguousarray(features, np.float64), np.ascontiguousarray(rows, np.int64)
    out = np.empty(columns.shape)
    step = max(1, _CHUNK_BYTES // (8 * n_lists * n_neighbours))
    for start in range(0, n_rows, step):
        chunk = slice(start, min(start + step, n_rows))
        lists = columns[:, chunk].transpose(1, 0, 2).reshape(chunk.stop - start, -1)
        found, own = distinct_columns(lists, len(features)), rows[chunk]
        products = np.zeros(lists.shape)

        def part(first: int, last: int, found=found, own=own, products=products) -> None:
            loops.inner_products(features, own, found.distinct, found.n_distinct, first, last, products)

        shared(len(own), part)
        of_lists = np.take_along_axis(products, found.places, 1).reshape(-1, n_lists, n_neighbours)
        out[:, chunk] = of_lists.transpose(1, 0, 2)
    return out
