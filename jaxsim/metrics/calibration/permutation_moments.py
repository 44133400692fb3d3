"""Exact moments of `sum_ij A_ij B_p(i)p(j)` over all permutations p, from a few sums over each matrix.

The m-th power of the sum is one over m pairs of indices. Indices that are equal stay equal under p, and different ones
go to any different ones, equally often. So with every partition P of the 2 m indices into those that are equal,

    E[Q^m] = sum over P of D_A(P) D_B(P) / (N (N - 1) ... (N - |P| + 1)),

where D_A(P) sums products of m entries of A over different indices for different blocks. D follows from the same sums
F_A(P) without that restriction by Moebius inversion over coarser partitions. Rows of A and of B add up to zero, so that
F is zero wherever an index stands in one entry alone, off the diagonal; and so do traces, so that it is zero wherever
an index stands in one entry alone, on the diagonal. 2 sums are left for m = 2, and 5 for m = 3.
"""

from collections.abc import Iterator
from functools import cache
from math import factorial, prod

import numpy as np
from jaxtyping import Float

SECOND = ("S2", "T2")
"""`sum_i A_ii^2`, `tr(A^2)`."""

THIRD = ("S3", "R", "T3", "U", "B")
"""`sum_i A_ii^3`, `sum_i A_ii (A^2)_ii`, `tr(A^3)`, `sum_ij A_ij^3`, `sum_ij A_ii A_ij A_jj`."""


def moment(
    of_a: Float[np.ndarray, "n_a n_sums"], of_b: Float[np.ndarray, "n_b n_sums"], n: int
) -> Float[np.ndarray, "n_a n_b"]:
    """The second or third moment of matrices whose rows and traces add up to zero.

    Args:
        of_a: Sums of every matrix A, as `SECOND` or `THIRD` names them.
        of_b: The same of every matrix B.
        n: Number of rows, at least 4 for the second and 6 for the third.

    Returns:
        The moment of every pair.

    Source:
        Kazi-Aoual, Hitier, Sabatier & Lebreton, Computational Statistics & Data Analysis 1995, who write them out.

    Example:
        >>> sums = np.array([[2.0, 4.0]])
        >>> bool(moment(sums, sums, 5)[0, 0] > 0)
        True
    """
    return of_a @ _coefficients(2 if of_a.shape[1] == len(SECOND) else 3, n) @ of_b.T


@cache
def _coefficients(power: int, n: int) -> Float[np.ndarray, "n_sums n_sums"]:
    """What products of the sums of A and of B are multiplied by."""
    names = SECOND if power == 2 else THIRD
    # Whole numbers, and one division at the end: they cancel.
    largest = prod(range(n - 2 * power + 1, n + 1))
    total = [[0] * len(names) for _ in names]
    for n_blocks, row, count in _inverted(power):
        share = count * (largest // prod(range(n - n_blocks + 1, n + 1)))
        for i, first in enumerate(row):
            if first:
                for j, second in enumerate(row):
                    total[i][j] += share * first * second
    return np.array([[value / largest for value in values] for values in total])


@cache
def _inverted(power: int) -> tuple[tuple[int, tuple[int, ...], int], ...]:
    """For every partition: number of blocks, what D is of the sums, and how many partitions are like it."""
    names = SECOND if power == 2 else THIRD
    partitions = list(_partitions(2 * power))
    found: dict[tuple[int, tuple[int, ...]], int] = {}
    for partition in partitions:
        row = [0] * len(names)
        for coarser in _partitions(max(partition) + 1):
            # Blocks that are joined: (-1)^(s - 1) (s - 1)! for each s of them.
            sizes = [coarser.count(block) for block in set(coarser)]
            weight = prod((-1) ** (size - 1) * factorial(size - 1) for size in sizes)
            name = _sum_of(tuple(coarser[block] for block in partition))
            if name is not None:
                row[names.index(name)] += weight
        key = (max(partition) + 1, tuple(row))
        found[key] = found.get(key, 0) + 1
    return tuple((n_blocks, row, count) for (n_blocks, row), count in found.items())


def _partitions(n: int) -> Iterator[tuple[int, ...]]:
    """All partitions of n things: the block of each, numbered in order of appearance."""

    def extend(start: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(start) == n:
            yield start
            return
        for block in range(max(start, default=-1) + 2):
            yield from extend((*start, block))

    return extend(())


def _sum_of(blocks: tuple[int, ...]) -> str | None:
    """Which sum over entries it is whose indices are equal by these blocks; None where it is zero.

    Blocks are the nodes of a graph and entries its edges: loops on the diagonal, links off it.
    """
    edges = [tuple(sorted(blocks[place : place + 2])) for place in range(0, len(blocks), 2)]
    loops, links = [i for i, j in edges if i == j], [edge for edge in edges if edge[0] != edge[1]]
    ends = [end for edge in links for end in edge]
    if any(ends.count(end) == 1 and end not in loops for end in ends):
        return None
    if any(loops.count(end) == 1 and end not in ends for end in loops):
        return None
    if not links:
        return f"S{len(loops)}"
    if not loops:
        return "T2" if len(links) == 2 else "U" if len(set(links)) == 1 else "T3"
    return "B" if len(loops) == 2 else "R"
