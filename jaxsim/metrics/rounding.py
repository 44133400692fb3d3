"""What the rounding of distances does to a representation, told from a few of its rows.

A kernel's scores are off by some epsilon, and two samples whose distances from a row differ by less may come in the
other order. The epsilon is measured, on the neighbourhoods of a few rows, against differences in float64; from it and
the gaps between the distances follows how many of the nearest are *expected* to change. That expectation tells a loss
of one in a thousand from a dozen rows, where counting changes would need thousands.
"""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxsim_kernels import Metric
from jaxsim_kernels.centring import Centre, centre_of, centred, chunks, differences
from jaxsim_kernels.directions import direction_tolerance, normalised_rows
from jaxsim_kernels.host.machine_code import shared
from scipy.special import erfc

_FEWEST, _MOST, _N_NEAR, _N_SOME = 12, 256, 24, 32
_FEATURES, _DISTANCES = 12 * 384, 1 << 24
_FLOAT64_OVER_FLOAT32 = 2.0**-29
_SAFE_EXPONENT = 50
_SUMS = 2.0**-44
_CHAIN = 2.0
"""NumPy adds up in more lanes than a matrix product does, so that its rounding error is smaller."""


@dataclass(frozen=True)
class RoundingLoss:
    """What rounding is expected to change in one representation.

    Attributes:
        neighbours: Fraction of the k nearest neighbours of a row that others take the place of.
        ranks: Fraction of pairs of samples that a row sees in the other order.
    """

    neighbours: float
    ranks: float

    @property
    def largest(self) -> float:
        """The larger one."""
        return max(self.neighbours, self.ranks)


def rounding_loss(
    x: Any, metric: Metric, k: int, *, bits: int = 24, float64: bool = False, seed: int = 0
) -> RoundingLoss:
    """What rounding is expected to change in a representation, from a few of its rows.

    Args:
        x: `[n_samples, n_features]`, finite, with `shape`, `dtype` and row slices.
        metric: Of the distances.
        k: Number of neighbours.
        bits: Of the operands of the products; they accumulate in float32.
        float64: The products are in float64 instead.
        seed: Of the rows and samples that are looked at.

    Returns:
        The expected loss, 0 where distances are exact.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
        >>> rounding_loss(x, "euclidean", 1).largest < 1e-4
        True
        >>> x[:1000] += 1e4  # two clusters, ten thousand spreads apart
        >>> rounding_loss(x, "euclidean", 1).largest > 0.1
        True
    """
    n, draw = x.shape[0], np.random.default_rng([seed, 2])
    rows = np.sort(draw.choice(n, _n_rows(*x.shape), replace=False))
    some = np.sort(draw.choice(n, min(_N_SOME, n), replace=False))
    start = max(0, k - _N_NEAR // 2)
    stop = min(start + _N_NEAR, n - 1)
    if metric == "precomputed":
        given = taken_rows(x, rows).astype(np.float64)
        given[np.arange(len(rows)), rows] = np.inf
        near = np.argsort(given, axis=1)[:, start:stop]
        largest = np.max(given, where=np.isfinite(given), initial=0.0)
        near_look = _of_distances(np.take_along_axis(given, near, 1), largest)
        any_look = _of_distances(np.where(some == rows[:, None], 0.0, given[:, some]), largest)
    else:
        middle = _Middle(taken_rows(x, some), metric)
        queries = taken_rows(x, rows)
        near = _nearest(x, middle, rows, queries, start, stop)
        others = taken_rows(x, near.reshape(-1)).reshape(*near.shape, -1)
        near_look = middle.look(queries, others, bits)
        any_look = middle.look(queries, np.broadcast_to(middle.rows, (len(rows), *middle.rows.shape)), bits)
    finer = _FLOAT64_OVER_FLOAT32 if float64 else 1.0
    return RoundingLoss(
        neighbours=min(1.0, near_look.crossings(k - start, finer) / k),
        ranks=any_look.changed_pairs(finer),
    )


def _n_rows(n_samples: int, n_features: int) -> int:
    """More rows where they cost little, at most 256: in few dimensions it is few rows that lose much."""
    affordable = min(_FEATURES // n_features, _DISTANCES // n_samples)
    return min(max(_FEWEST, min(_MOST, affordable)), n_samples)


@dataclass(frozen=True)
class _Look:
    """Some samples as a row sees them: distances `[n_rows, n_columns]` and their error `[n_rows]`.

    Differences below `ties` count as equal: the data were rounded to them.
    """

    distances: np.ndarray
    error: np.ndarray
    ties: np.ndarray

    def crossings(self, k: int, finer: float) -> float:
        """How many samples are expected to leave a neighbourhood, where the k nearest of these samples are inside.

        Of all neighbourhoods in the window or of those of about k samples, whichever lose more: the former tell more,
        in the latter distances may lie closer.
        """
        order = np.argsort(self.distances, axis=1)
        changed = self._changed(order, finer).mean(0)
        at = [changed[:inside, inside:].sum() for inside in range(1, len(changed))]
        return float(max(np.mean(at), np.mean(at[max(0, k - 3) : k + 3]))) if at else 0.0

    def changed_pairs(self, finer: float) -> float:
        """Fraction of pairs expected in the other order."""
        return float(self._changed(np.argsort(self.distances, axis=1), finer).mean())

    def _changed(self, order: np.ndarray, finer: float) -> np.ndarray:
        distances, ties = (np.take_along_axis(v, order, 1) for v in (self.distances, self.ties))
        gap = np.abs(distances[:, None, :] - distances[:, :, None])
        error = np.broadcast_to((finer * self.error)[:, None, None], gap.shape)
        real = gap > np.maximum(ties[:, None, :], ties[:, :, None])
        near = real & (gap < 12 * error)
        changed = np.zeros(gap.shape)
        # Both are off, independently.
        changed[near] = 0.5 * erfc(gap[near] / (2 * error[near]))
        return changed


class _Middle:
    """The centre of a representation, as well as some of its rows tell, and what rounding about it does."""

    def __init__(self, rows: np.ndarray, metric: Metric) -> None:
        self.rows, self.metric = rows, metric
        unit = self.directions(rows)
        self.centre: Centre = centre_of(lambda: iter([(slice(0, len(unit)), unit)]))
        # A feature that does not vary was not rounded to anything else.
        self.varying = (unit != unit[:1]).any(0)
        self.unit = {np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-53}.get(rows.dtype, 0.0)

    def directions(self, rows: np.ndarray) -> np.ndarray:
        """Rows whose Euclidean distances order like the metric."""
        return rows if self.metric == "euclidean" else normalised_rows(rows, self.metric)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Rows about the centre, in float64."""
        return centred(rows, self.centre)

    def look(self, queries: np.ndarray, others: np.ndarray, bits: int) -> "_Look":
        """Samples `[n_rows, n_columns, n_features]` as rows `[n_rows, n_features]` see them."""
        shape = others.shape
        queries = self.directions(queries)
        others = self.directions(others.reshape(-1, shape[2])).reshape(shape)
        apart = np.ldexp(differences(others, queries[:, None]), -self.centre.exponent)
        exact = np.vecdot(apart, apart) / 2
        middle = self.of(queries)
        error = _scores(middle, self.of(others.reshape(-1, shape[2])).reshape(shape), bits) - exact
        error -= np.median(error, axis=1, keepdims=True)
        length, alike = np.ones(shape[0]), direction_tolerance(self.rows.dtype) ** 2
        if self.metric == "euclidean":
            alike = 0.0
            own = np.ldexp(np.where(self.varying, queries.astype(np.float64), 0.0), -self.centre.exponent)
            length = np.sqrt(np.vecdot(own, own))
        # To what the data were rounded, to what sums are, and to what counts as one direction.
        ties = 4 * self.unit * np.sqrt(2 * exact) * length[:, None] + _SUMS * exact + alike
        return _Look(exact, _CHAIN * np.sqrt(np.mean(error**2, axis=1)), ties)


def taken_rows(x: Any, rows: np.ndarray) -> np.ndarray:
    """Some rows of an array, wherever it lies.

    Args:
        x: `[n_samples, n_features]` with `shape` and row slices.
        rows: Sample indices; they may repeat.

    Example:
        >>> taken_rows(np.arange(4.0)[:, None], np.array([2, 0, 2])).tolist()
        [[2.0], [0.0], [2.0]]
    """
    if isinstance(x, np.ndarray):
        return x[rows]
    if isinstance(x, jax.Array):
        # Gathered where they lie, rather than read chunk by chunk.
        return np.asarray(x[rows])
    wanted, at = np.unique(rows, return_inverse=True)
    found = [chunk[wanted[(wanted >= r.start) & (wanted < r.stop)] - r.start] for r, chunk in chunks(x)]
    return np.concatenate(found)[at]


def _nearest(x: Any, middle: _Middle, rows: np.ndarray, queries: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Columns of the samples from the start-th to the stop-th nearest of each row."""
    from jaxsim_kernels.host.difference_loops import squared_differences

    direct = queries.dtype in (np.float32, np.float64) and abs(middle.centre.exponent) < _SAFE_EXPONENT
    scaled, shifted = middle.metric != "euclidean", middle.metric == "correlation"
    if direct:
        queries = np.ascontiguousarray(middle.directions(queries), queries.dtype)
    else:
        # Integers, narrow floats, and scales whose squares leave the range: rows as `centred` has them.
        queries, scaled, shifted = middle.of(middle.directions(queries)), False, False
    distances = np.empty((len(rows), x.shape[0]), queries.dtype)
    for at, chunk in chunks(x):
        values = chunk if direct else middle.of(middle.directions(chunk))
        out = distances[:, at]
        shared(
            len(values),
            lambda first, last, values=values, out=out: squared_differences(
                values, queries, first, last, scaled, shifted, out
            ),
        )
    distances[np.arange(len(rows)), rows] = np.inf
    found = np.argpartition(distances, stop - 1, axis=1)[:, :stop]
    if start == 0:
        return found
    return np.take_along_axis(found, np.argsort(np.take_along_axis(distances, found, 1), axis=1), 1)[:, start:]


def _scores(queries: np.ndarray, samples: np.ndarray, bits: int) -> np.ndarray:
    """Scores as a kernel rounds them, plus the half norms of the queries: `[n_queries, n_columns]`."""
    own = np.vecdot(queries, queries)[:, None] / 2
    queries, samples = queries.astype(np.float32), samples.astype(np.float32)
    half_norms = np.vecdot(samples, samples) * np.float32(0.5)
    if bits < np.finfo(np.float32).nmant + 1:
        queries, samples = _rounded(queries, bits), _rounded(samples, bits)
    return (half_norms - np.vecdot(samples, queries[:, None])).astype(np.float64) + own


def _rounded(x: np.ndarray, bits: int) -> np.ndarray:
    fraction, exponent = np.frexp(x)
    return np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits)


def _of_distances(given: np.ndarray, largest: float) -> _Look:
    """Given distances are rounded and nothing else."""
    exact = np.ldexp(given.astype(np.float64), -int(np.frexp(largest)[1]))
    error = np.sqrt(np.mean((exact.astype(np.float32) - exact) ** 2, axis=1))
    return _Look(exact, error, _SUMS * exact)
