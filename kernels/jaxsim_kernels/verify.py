"""A float64 recheck of some rows, by direct differences and sorted ranks, against what the kernels said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .all_pairs import all_pairs
from .centring import centre_of, chunks, differences
from .directions import first_of_direction, normalised_rows
from .options import Options
from .placement import Placement
from .prepare import Metric
from .reference import conditional_ranks, neighbour_weights


@dataclass(frozen=True)
class Verification:
    """How far the kernels are from float64 on a sample of rows.

    Attributes:
        n_rows: Rows that were rechecked.
        changed_rows: Fraction of (row, source, target, k) whose mean rank differs at all.
        largest_rank_change: Largest difference of a row's mean rank.
        largest_deviation: Largest difference of Delta over pairs and k, estimated from these rows.
    """

    n_rows: int
    changed_rows: float
    largest_rank_change: float
    largest_deviation: float

    def __str__(self) -> str:
        """One line for a person."""
        return (
            f"{self.n_rows} rows rechecked in float64: {self.changed_rows:.3%} of mean ranks differ, "
            f"at most by {self.largest_rank_change:.3g}; Delta differs at most by {self.largest_deviation:.2g}"
        )


def verify_rows(
    layers: Sequence[Any],
    rows: np.ndarray,
    options: Options,
    placement: Placement | None = None,
    groups: np.ndarray | None = None,
) -> Verification:
    """Recheck query rows in float64.

    Args:
        layers: Representations `[n_samples, n_features]`.
        rows: Sample indices.
        options: As the computation was done.
        placement: Devices of the computation.
        groups: Group of every sample, as the computation had it.

    Returns:
        The deviations.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 4))
        >>> verify_rows([x, x[:, :2]], np.arange(8), Options()).largest_deviation
        0.0
    """
    n = layers[0].shape[0]
    fast = all_pairs(layers, rows, replace(options, keep_rows=True), placement, groups=groups).rows
    if fast is None:
        raise RuntimeError("all_pairs kept no rows")
    weights, ranks = [], []
    left_out = np.arange(n) == rows[:, None] if groups is None else groups == groups[rows][:, None]
    for number, x in enumerate(layers):
        distances = row_distances(x, rows, options.metric_of(number))
        distances[left_out] = np.inf
        weights.append([neighbour_weights(distances, k, options.ties) for k in options.ks])
        ranks.append(conditional_ranks(distances, "strict" if options.strict else "mid"))
        ranks[-1][left_out] = 0
    exact = np.empty(fast.shape)
    for a, of_source in enumerate(weights):
        for b, of_target in enumerate(ranks):
            for place, k in enumerate(options.ks):
                exact[place, a, b] = (of_source[place] * of_target).sum(1) / k
    change = np.abs(fast - exact)
    # Kept rows are float32: a mean rank of a million carries an error of 0.06.
    changed = change > 1e-6 * exact + 1e-6
    return Verification(
        n_rows=len(rows),
        changed_rows=float(changed.mean()),
        largest_rank_change=float(np.where(changed, change, 0).max()),
        largest_deviation=float(2 / n * np.abs(np.where(changed, fast - exact, 0).mean(-1)).max()),
    )


def row_distances(x: Any, rows: np.ndarray, metric: Metric) -> np.ndarray:
    """Squared (or given) distances of some rows to all samples in float64, `inf` to themselves.

    Squared distances are in units of a power of two, one for all rows.

    Example:
        >>> row_distances(np.array([[0.0], [2.0], [3.0]]), np.array([0]), "euclidean")
        array([[   inf, 0.25  , 0.5625]])
    """
    if metric == "precomputed":
        given = np.concatenate([np.asarray(x[int(r) : int(r) + 1], np.float64) for r in rows])
        given[np.arange(len(rows)), rows] = np.inf
        return given
    out = np.empty((len(rows), x.shape[0]))
    if metric == "euclidean":
        # Of a power of two about the largest difference: squares of very small or large ones leave float64.
        exponent = centre_of(lambda: chunks(x)).exponent
        queries = [np.asarray(x[int(r) : int(r) + 1]) for r in rows]
        for at, chunk in chunks(x):
            for i, query in enumerate(queries):
                out[i, at] = (np.ldexp(differences(chunk, query), -exponent) ** 2).sum(1)
    else:
        # Rows of one direction are as far from any other.
        first = first_of_direction(x, metric)
        queries = [normalised_rows(np.asarray(x[int(r) : int(r) + 1]), metric) for r in first[rows]]
        for at, chunk in chunks(x):
            unit = normalised_rows(chunk, metric)
            for i, query in enumerate(queries):
                out[i, at] = ((unit - query) ** 2).sum(1)
        out = out[:, first]
    out[np.arange(len(rows)), rows] = np.inf
    return out
