"""Ratios of distances to neighbours, which estimators of intrinsic dimension are made from.

A sample whose nearest neighbour is a copy of it has no ratio and is left out. The copies are still neighbours of
others, so that many of them distort an estimate all the same: functions of one array warn of that.
"""

from typing import Any

import numpy as np
from jax.core import Tracer

from jaxsim.warn import warn

from ..declaration import Invariance
from ..inputs import TieWarning
from ..statistics import NeighbourDistances, Statistics

INVARIANCES: frozenset[Invariance] = frozenset({"sample permutation", "rotation", "translation", "scale"})

_SHARE_TO_WARN_OF = 0.01


def sorted_distances(statistics: Statistics, need: NeighbourDistances, n_neighbours: int) -> Any:
    """Distances to the nearest samples, `[n_layers, n_rows, n_neighbours]`, nearest first.

    Neighbours are ordered by scores, and distances are those of the scores only up to rounding.

    Args:
        statistics: Of the layers.
        need: Which distances.
        n_neighbours: How many there must be.

    Raises:
        ValueError: If there are fewer.

    Example:
        >>> need = NeighbourDistances(least_k=2)
        >>> found = Statistics(3, (1,), (1,), {need: np.array([[[1.0, 3.0], [2.0, 1.0], [2.0, 3.0]]])})
        >>> sorted_distances(found, need, 2)[0, 1].tolist()
        [1.0, 2.0]
    """
    distances = statistics[need]
    if distances.shape[-1] < n_neighbours:
        raise ValueError(
            f"expected distances to {n_neighbours} neighbours, got {distances.shape[-1]} of {statistics.n_samples} "
            "samples; use more samples or a smaller k."
        )
    return distances.__array_namespace__().sort(distances, axis=-1)


def log_ratio(far: Any, near: Any) -> Any:
    """`ln(far / near)` with all its digits where both are nearly the same; 0 where `near` is 0.

    Example:
        >>> log_ratio(np.array([1 + 2.0**-40, 1.0]), np.array([1.0, 0.0])).tolist() == [np.log1p(2.0**-40), 0.0]
        True
    """
    xp = far.__array_namespace__()
    apart = near > 0
    return xp.log1p(xp.where(apart, far - near, 0) / xp.where(apart, near, 1))


def quotient(a: Any, b: Any) -> Any:
    """`a / b`, NaN where b is not above 0: nothing is left to estimate from.

    Example:
        >>> quotient(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
        [0.5, nan]
    """
    xp = b.__array_namespace__()
    return xp.where(b > 0, a / xp.where(b > 0, b, 1), xp.nan)


def share_left_out(used: Any) -> Any:
    """Share of the samples that an estimate did not use.

    Example:
        >>> float(share_left_out(np.array([True, False])))
        0.5
    """
    return 1 - used.sum(-1) / used.shape[-1]


def check_estimate(values: Any, left_out: Any, what: str) -> None:
    """Says so where many samples were left out, or all. Traced values pass.

    Args:
        values: Estimates, NaN where there is none.
        left_out: Share of the samples that had no ratio.
        what: Name of the measure.

    Raises:
        ValueError: If there is no estimate.

    Warns:
        TieWarning: If more than 1 % of the samples were left out.

    Example:
        >>> check_estimate(np.float64(2.0), np.float64(0.0), "twonn")
    """
    if isinstance(values, Tracer):
        return
    if not np.all(np.isfinite(values)):
        raise ValueError(
            f"expected samples at different distances from their neighbours for {what}, got a representation where "
            f"these are equal or zero ({float(left_out):.0%} of the samples are copies of their neighbours); leave "
            "copies out with distinct_samples, or take more neighbours."
        )
    if left_out > _SHARE_TO_WARN_OF:
        warn(
            f"{what} left out {float(left_out):.1%} of the samples, copies of their nearest neighbours, which still "
            "count as neighbours of others; keep one of each with distinct_samples.",
            TieWarning,
        )
