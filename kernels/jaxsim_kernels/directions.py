"""Rows whose Euclidean distances order like the cosine or the correlation, and which of them are one direction.

Scaled copies of a row have one direction, and their distances to any other row tie. Normalising leaves them different
in the last bits, though, and then rounding would order them. So rows whose directions differ by less than
`direction_tolerance` are given the very same normalised row.
"""

from typing import Any, Literal

import numpy as np

from .centring import Centre, centre_of, centred, chunks, differences

Direction = Literal["cosine", "correlation"]

_N_PROJECTIONS = 6
_TOLERANCE, _TOLERANCE_FLOAT32 = 2.0**-40, 2.0**-21


def normalised_rows(chunk: np.ndarray, metric: str) -> np.ndarray:
    """Rows whose Euclidean distances order like `metric`, in float64.

    Example:
        >>> normalised_rows(np.array([[3.0, 4.0]]), "cosine")
        array([[0.6, 0.8]])
    """
    if metric == "euclidean":
        return np.asarray(chunk, np.float64)
    if metric == "correlation" and chunk.dtype.kind in "iu":
        chunk = differences(chunk, chunk.min(1, keepdims=True))
    chunk = np.asarray(chunk, np.float64)
    # Scaled first: the norm of a row of 1e200 overflows, of 1e-200 vanishes. Powers of two round nothing.
    chunk = _scaled(chunk)
    if metric == "correlation":
        # The mean of numbers with a large offset is off by more than their spread may bear: the second one mends it.
        chunk = chunk - chunk.mean(1, keepdims=True)
        chunk = _scaled(chunk - chunk.mean(1, keepdims=True))
    return chunk / np.sqrt(np.vecdot(chunk, chunk))[:, None]


def direction_tolerance(dtype: Any) -> float:
    """How far two normalised rows may be apart to count as one direction: 1e-12, for float32 data 5e-7.

    Scaled copies in float32 are only as collinear as its rounding lets them be; 16-bit and integer data are taken at
    their word.

    Example:
        >>> direction_tolerance(np.float64) < direction_tolerance(np.float32)
        True
    """
    return _TOLERANCE_FLOAT32 if np.dtype(dtype) == np.float32 else _TOLERANCE


def direction_rows(x: Any, metric: Direction, out: np.ndarray) -> int:
    """Normalised rows of a representation about a common centre, those of one direction equal bit by bit.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices; no row is zero (for `correlation`, constant).
        metric: `cosine` or `correlation`.
        out: `[n_samples or more, n_features or more]`, where they are written to.

    Returns:
        Exponent of the power of two that the normalised rows were divided by.

    Example:
        >>> out = np.empty((2, 2))
        >>> _ = direction_rows(np.array([[1.0, 3.0], [0.1, 0.3]]), "cosine", out)
        >>> (out[0] == out[1]).all()
        np.True_
    """
    n_samples, n_features = x.shape
    weights = projections(n_features)
    seen = np.empty((n_samples, weights.shape[1]))
    centre: Centre | None = None
    for rows, chunk in chunks(x):
        unit = normalised_rows(chunk, metric)
        seen[rows] = unit @ weights
        # Any centre near the middle will do, and the first rows tell one.
        centre = centre or centre_of(lambda unit=unit: iter([(slice(0, len(unit)), unit)]))
        out[rows, :n_features] = centred(unit, centre)
    first = first_alike(seen, direction_tolerance(x.dtype))
    copies = np.flatnonzero(first != np.arange(n_samples))
    out[copies] = out[first[copies]]
    return 0 if centre is None else centre.exponent


def first_of_direction(x: Any, metric: Direction) -> np.ndarray:
    """For every sample the first one of the same direction, itself if there is none before it.

    Example:
        >>> first_of_direction(np.array([[1.0, 3.0], [1.0, 2.0], [0.1, 0.3]]), "cosine").tolist()
        [0, 1, 0]
    """
    weights = projections(x.shape[1])
    seen = np.concatenate([normalised_rows(chunk, metric) @ weights for _, chunk in chunks(x)])
    return first_alike(seen, direction_tolerance(x.dtype))


def first_alike(seen: np.ndarray, tolerance: float) -> np.ndarray:
    """For every row the first one that no column tells from it, up to a tolerance.

    Args:
        seen: `[n_rows, n_columns]`.
        tolerance: Between neighbours in the order of a column.

    Returns:
        Row indices `[n_rows]`.

    Example:
        >>> first_alike(np.array([[1.0, 0.0], [1.0, 5.0], [1.0, 0.0]]), 1e-9).tolist()
        [0, 1, 0]
    """
    group = np.zeros(len(seen), np.int64)
    rows = np.arange(len(seen))
    for column in seen.T:
        # Within the groups so far, a gap in this column begins a new one; rows that are alone are settled.
        rows = rows[np.lexsort((column[rows], group[rows]))]
        apart = (np.diff(group[rows]) != 0) | (np.diff(column[rows]) > tolerance)
        begins = np.concatenate([[True], apart])
        group[rows] = np.cumsum(begins) + group.max()
        alone = begins & np.concatenate([apart, [True]])
        rows = rows[~alone]
        if not len(rows):
            break
    first = np.full(int(group.max()) + 1, len(seen))
    np.minimum.at(first, group, np.arange(len(seen)))
    return first[group]


def projections(n_features: int) -> np.ndarray:
    """Random weights `[n_features, 6]`: a difference of two rows shows in its products with them, hardly diminished.

    They are no whole numbers: signs alone do not tell binary rows apart whose differences add up to 0, and of 200 such
    rows a pair or two have that in all six products.

    Example:
        >>> projections(3).shape
        (3, 6)
    """
    rng, shape = np.random.default_rng(n_features), (n_features, _N_PROJECTIONS)
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.75, 1.25, shape)


def _scaled(chunk: np.ndarray) -> np.ndarray:
    exponent = np.frexp(np.abs(chunk).max(1, keepdims=True))[1]
    return np.ldexp(chunk, -exponent)
