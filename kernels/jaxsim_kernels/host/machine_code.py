"""Loops that XLA has no fast words for on CPU, compiled by Numba and shared by the cores.

XLA:CPU sorts in about 150 ns an element and scatters one element at a time; a bucket sort in machine code takes 2. The
programs see plain arrays, hold no interpreter lock, and are kept on disk once compiled.
"""

import inspect
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np


def compiled(function: Callable[..., Any], any_order: bool = False) -> Callable[..., Any]:
    """The function in machine code, for each combination of dtypes on its first call.

    Args:
        function: Loops over arrays, in the part of Python that Numba knows.
        any_order: Sums may be taken in any order, for speed; by default floating point is as written, since scores
            are compared bit by bit.

    Returns:
        A function of the same arguments.

    Example:
        >>> compiled(lambda x: x.sum())(np.arange(4))
        6
    """
    import numba

    # Under the tests a type checker wraps functions; Numba takes what it wraps.
    bare: Any = inspect.unwrap(function)
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False, "fastmath": any_order}
    try:
        return numba.njit(cache=True, **options)(bare)
    except RuntimeError:
        # There is no folder to keep it in: it is compiled in every process.
        return numba.njit(**options)(bare)


def shared(n_rows: int, part: Callable[[int, int], Any]) -> list[Any]:
    """What a function of the first and the last row gives for every core's share of the rows.

    Example:
        >>> sum(shared(10, lambda first, last: last - first))
        10
    """
    edges = np.linspace(0, n_rows, min(n_workers(), n_rows) + 1).astype(int).tolist()
    if len(edges) == 2:
        return [part(*edges)]
    return list(_pool(len(edges) - 1).map(part, edges[:-1], edges[1:]))


def n_workers() -> int:
    """Cores that this process may use.

    Example:
        >>> n_workers() >= 1
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="jaxsim-rows")
