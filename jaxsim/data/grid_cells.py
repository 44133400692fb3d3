"""Cells of a coarse grid laid over rows or columns."""

import numpy as np
from jaxtyping import Float


def cell_weights(size: int, cells: int) -> Float[np.ndarray, "cells size"]:
    """Return the matrix that averages positions within each cell.

    Cell i of P spans floor(i size / P) to ceil((i + 1) size / P), as in `torch.nn.AdaptiveAvgPool1d`: cells overlap
    where P does not divide the size, and repeat positions where P is larger.

    Args:
        size: number of positions.
        cells: number of cells, P.

    Returns:
        Rows that sum to one, float64.

    Example:
        >>> cell_weights(3, 2).tolist()
        [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    weights = np.zeros((cells, size))
    for cell in range(cells):
        first, last = cell * size // cells, -(-(cell + 1) * size // cells)
        weights[cell, first:last] = 1 / (last - first)
    return weights
