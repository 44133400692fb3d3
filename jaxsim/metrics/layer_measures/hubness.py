"""Hubness: whether few samples are the neighbours of many."""

from typing import Any

import numpy as np

from ..declaration import Case, LayerMeasure
from ..neighbour_measures.overlap import TOLERANCE, check_all_rows, overlap_of
from ..pair import layer_value
from ..statistics import Neighbours, Statistics


def _formula(statistics: Statistics) -> Any:
    lists = statistics[Neighbours()]
    check_all_rows(statistics, lists, "hubness")
    counts = overlap_of(lists.columns).occurrences(lists.columns, statistics.ks, statistics.n_samples)
    xp = counts.__array_namespace__()
    # Every sample has k neighbours, so that k is what they are neighbours of others on average.
    moved = counts - np.asarray(statistics.ks, np.float64)[:, None, None]
    variance, third = (moved**2).mean(axis=-1), (moved**3).mean(axis=-1)
    return third / xp.where(variance > 0, variance, 1.0) ** 1.5


def _farthest(case: Case) -> float:
    """The largest skewness that N numbers can have: all but one of them are equal."""
    return (case.n_samples - 2) / (case.n_samples - 1) ** 0.5


HUBNESS = LayerMeasure(
    name="hubness",
    title="hubness",
    source="Radovanovic et al., JMLR 2010",
    unit="",
    uses_k=True,
    lowest=lambda case: -_farthest(case),
    highest=_farthest,
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Neighbours()}),
    formula=_formula,
    all_rows=True,
    tolerance=TOLERANCE,
)
"""Skewness of how often samples are among the k nearest of others."""


def hubness(x: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Skewness of how often samples are among the k nearest of others.

    Args:
        x: `[n_samples, n_features]`.
        k: Number of neighbours, or several as a tuple; 10 is customary.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        About 0 where samples are neighbours equally often (0 where exactly), large where a few hubs are everyone's; one
        for each k if `k` is a tuple. Pure under `jax.jit` and `jax.vmap`.

    Raises:
        ValueError: For fewer than k + 2 samples, NaN or infinity.

    Source:
        Radovanovic, Nanopoulos, Ivanovic, "Hubs in space", JMLR 2010, section 2 (`S_{N_k}`).

    Example:
        >>> low, high = (np.random.default_rng(0).normal(size=(500, width)) for width in (2, 100))
        >>> bool(hubness(low, k=10) < 0.5), bool(hubness(high, k=10) > 2)
        (True, True)
    """
    return layer_value(HUBNESS, x, k=k, metric=metric, precision=precision)
