"""Offsets taken off features on the host in float64, whatever their size, dtype and scale.

A difference of two numbers of one sign, neither more than twice the other, is exact in floating point. So a feature
whose values lie that close together loses one of its own values first: a constant feature vanishes, a nearly constant
one keeps every bit that it was given with. What is left is centred on a coarse power of two, so that integer and binary
features stay on their grid and their ties stay ties.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_CHUNK_BYTES = 1 << 24
_LARGEST_POWER = 1000


@dataclass(frozen=True)
class Centre:
    """What `centred` takes off every feature and divides all of them by.

    Attributes:
        base: Of the dtype of the features, `[n_features]`.
        exponent: Of the power of two that all are divided by then.
        rest: What is taken off last, `[n_features]` float64.
    """

    base: np.ndarray
    exponent: int
    rest: np.ndarray


def chunk_rows(shape: tuple[int, ...], itemsize: int = 8) -> int:
    """Rows of an array to read at once.

    Example:
        >>> chunk_rows((10, 1 << 20))
        2
    """
    return max(1, _CHUNK_BYTES // max(1, shape[1] * itemsize))


def chunks(x: Any, look: Callable[[Any, int], None] | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """The rows of an array, some at a time, and where they are.

    Args:
        x: `[n_samples, n_features]` with `shape` and row slices.
        look: Called with rows as they were read, before NumPy takes them, and with the number of the first.

    Yields:
        Where they are, and the rows.

    Example:
        >>> [rows for rows, _ in chunks(np.ones((3, 2)))]
        [slice(0, 3, None)]
    """
    step = chunk_rows(x.shape)
    for start in range(0, x.shape[0], step):
        rows = slice(start, min(start + step, x.shape[0]))
        read = x[rows]
        if look is not None:
            look(read, start)
        yield rows, np.asarray(read)


def centre_of(read: Callable[[], Iterator[tuple[slice, np.ndarray]]]) -> Centre:
    """What to take off features so that float arithmetic loses as little of them as it can.

    Args:
        read: Begins to read the rows, some at a time; called twice. Real and finite.

    Returns:
        The centre.

    Example:
        >>> x = np.array([[1.7e9, 0.0], [1.7e9, 3.0]])
        >>> centred(x, centre_of(lambda: chunks(x))).tolist()
        [[0.0, -0.5], [0.0, 0.25]]
    """
    lowest = highest = first = None
    for _, chunk in read():
        if chunk.dtype.kind == "V":
            chunk = chunk.astype(np.float32)  # bfloat16 and the like
        low, high = chunk.min(0), chunk.max(0)
        lowest = low if lowest is None else np.minimum(lowest, low)
        highest = high if highest is None else np.maximum(highest, high)
        first = chunk[0] if first is None else first
    if first is None or lowest is None or highest is None:
        raise ValueError("expected at least one row to centre, got none")
    if first.dtype.kind in "iub":
        base = lowest
    else:
        one_sign = (lowest > 0) | (highest < 0)
        # Halves do not overflow.
        near = np.maximum(-lowest, highest) / 2 <= np.minimum(np.abs(lowest), np.abs(highest))
        base = np.where(one_sign & near, first, np.zeros_like(first))
    low, high = differences(lowest, base), differences(highest, base)
    exponent = int(np.frexp(np.maximum(np.abs(low), np.abs(high)).max())[1])
    moved = Centre(base, exponent, np.zeros(len(base)))
    mean, n = np.zeros(len(base)), 0
    for _, chunk in read():
        mean += centred(chunk, moved).sum(0)
        n += len(chunk)
    mean /= n
    low, high = _divided(low, exponent), _divided(high, exponent)
    spread = np.maximum(high - mean, mean - low)
    grid = np.exp2(np.round(np.log2(np.where(spread > 0, spread, 1.0))))
    return Centre(base, exponent, np.round(mean / grid) * grid)


def centred(chunk: np.ndarray, centre: Centre) -> np.ndarray:
    """Rows of features about their centre, of magnitude about 1 at most, in float64.

    Example:
        >>> centred(np.array([[2**60 + 1]]), Centre(np.array([2**60]), 0, np.zeros(1))).tolist()
        [[1.0]]
    """
    moved = _divided(differences(chunk, centre.base), centre.exponent)
    return moved - centre.rest if centre.rest.any() else moved


def differences(x: np.ndarray, base: np.ndarray) -> np.ndarray:
    """`x - base` in float64, rounded once: of 64-bit integers and wider floats, too.

    Example:
        >>> differences(np.array([2**63 - 1]), np.array([2**63 - 3])).tolist()
        [2.0]
    """
    if x.dtype.kind in "iu" and x.dtype.itemsize == 8:
        # Modulo 2^64 the larger minus the smaller is right even where the difference does not fit int64.
        wide, other = x.astype(np.uint64, copy=False), base.astype(np.uint64, copy=False)
        return np.where(x >= base, (wide - other).astype(np.float64), -(other - wide).astype(np.float64))
    wide = x if x.dtype.kind == "f" and x.dtype.itemsize >= 8 else x.astype(np.float64)
    return np.asarray(wide - base if base.any() else wide, np.float64)


def _divided(x: np.ndarray, exponent: int) -> np.ndarray:
    """`x / 2^exponent`: a product with a power of two is faster than `ldexp`, where that power is a float."""
    if exponent == 0:
        return x
    return x * 2.0**-exponent if abs(exponent) < _LARGEST_POWER else np.ldexp(x, -exponent)
