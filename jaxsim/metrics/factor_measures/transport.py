"""Exact optimal transport between two sets of units of equal weights, and exact assignments."""

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import coo_array

MOST_COPIES = 4
"""Times the units of the larger side that an assignment of copies may have; beyond it a linear programme is solved."""

MOST_VARIABLES = 200_000
"""Of a linear programme: pairs of units."""


def check_transport(n_first: int, n_second: int) -> None:
    """Refuses numbers of units for which no exact solver here is fast enough.

    Raises:
        ValueError: Says which would do.

    Example:
        >>> check_transport(384, 768)
    """
    if _copies(n_first, n_second) > MOST_COPIES * max(n_first, n_second) and n_first * n_second > MOST_VARIABLES:
        raise ValueError(
            f"expected widths of which one divides the other, or at most {MOST_VARIABLES:,} pairs of units for exact "
            f"soft matching, got layers of {n_first:,} and {n_second:,} features; leave one of the layers or the "
            "measure out, or select features."
        )


def best_transport(gains: Float[np.ndarray, "n m"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The transport of the largest total gain from n units of weight 1 / n to m units of weight 1 / m.

    Where one number of units divides the other, or nearly, it is an assignment of copies of the units; otherwise a
    linear programme that HiGHS solves.

    Args:
        gains: Of a unit of weight from one to the other.

    Returns:
        From where, to where, and how much.

    Raises:
        ValueError: As for `check_transport`.
        RuntimeError: If the solver finds no optimum.

    Example:
        >>> [part.tolist() for part in best_transport(np.array([[0.0, 1.0], [1.0, 0.0]]))]
        [[0, 1], [1, 0], [0.5, 0.5]]
    """
    n, m = gains.shape
    check_transport(n, m)
    copies = _copies(n, m)
    if copies <= MOST_COPIES * max(n, m):
        rows, columns = linear_sum_assignment(
            np.repeat(np.repeat(gains, copies // n, axis=0), copies // m, axis=1), maximize=True
        )
        rows, columns = rows // (copies // n), columns // (copies // m)
        pairs, counts = np.unique(rows * m + columns, return_counts=True)
        return pairs // m, pairs % m, counts / copies
    i, j = np.divmod(np.arange(n * m), m)
    ones = np.ones(2 * n * m)
    # A marginal of every unit but the last, which follows from the others.
    marginals = coo_array((ones, (np.concatenate([i, n + j]), np.tile(np.arange(n * m), 2))), (n + m, n * m)).tocsr()
    sums = np.concatenate([np.full(n, float(m)), np.full(m, float(n))])
    found = linprog(-gains.ravel(), A_eq=marginals[:-1], b_eq=sums[:-1], method="highs-ds")
    if not found.success:
        raise RuntimeError(f"expected an optimal transport of {n} to {m} units, got: {found.message}")
    kept = np.flatnonzero(found.x > 0.5)
    return i[kept], j[kept], np.round(found.x[kept]) / (n * m)


def _copies(n: int, m: int) -> int:
    return math.lcm(n, m)
