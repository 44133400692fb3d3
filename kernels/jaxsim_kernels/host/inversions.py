"""How many pairs of values are out of order."""

import numpy as np


def inversions(values: np.ndarray) -> int:
    """Pairs i < j with `values[i] > values[j]`, in N log N steps.

    Args:
        values: `[n]`.

    Returns:
        Their number; equal values count as in order.

    Example:
        >>> inversions(np.array([2, 2, 1, 3]))
        2
    """
    from .inversion_loops import count_inversions

    return int(count_inversions(np.array(values), np.empty_like(values)))
