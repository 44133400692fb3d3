"""How sure is one cell? Intervals from disjoint subsets of the samples, and from the query rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from jaxsim.metrics import imbalance_matrix
from jaxsim.metrics.inputs import as_layers, check_same_samples

METRICS = ("euclidean", "cosine", "correlation")


@dataclass(frozen=True)
class Interval:
    """An estimate with an interval.

    Attributes:
        value: The estimate.
        low: Lower end.
        high: Upper end.
        standard_error: Of the estimate.
        level: Share of repetitions in which such an interval is meant to hold the truth.
        method: "disjoint subsets" or "query rows".
        n_samples: Number of samples N that the value stands for; Delta depends on it.
        n_parts: Number of subsets, or of query rows.
        k: Number of neighbours.
        metric: Of the distances.
        seed: Of the draws.
    """

    value: float
    low: float
    high: float
    standard_error: float
    level: float
    method: str
    n_samples: int
    n_parts: int
    k: int
    metric: str
    seed: int


def disjoint_subset_interval(
    x: Any,
    y: Any,
    *,
    n_subsets: int = 10,
    level: float = 0.95,
    k: int = 1,
    metric: str = "euclidean",
    seed: int = 0,
) -> Interval:
    """Delta(x -> y) measured on disjoint subsets of the samples, their mean and a t interval.

    The subsets share no sample, so their values are independent and the interval holds with all that a new sample
    would change. The value is that of N / n_subsets samples, larger than at N.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        n_subsets: Number of subsets, at least 2.
        level: Of the interval.
        k: Number of neighbours.
        metric: "euclidean", "cosine" or "correlation".
        seed: Of the division into subsets.

    Returns:
        The interval; its `n_samples` is the size of a subset.

    Raises:
        ValueError: If subsets would hold fewer than k + 2 samples, or a setting is out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
        >>> interval = disjoint_subset_interval(x, y)
        >>> interval.low < 1 < interval.high, interval.n_samples
        (True, 40)
    """
    check_feature_metric(metric)
    layers = as_layers({"x": x, "y": y})
    parts = disjoint_subsets(check_same_samples(layers), n_subsets, k, seed)
    arrays = {name: np.asarray(each) for name, each in layers.items()}
    values = [
        imbalance_matrix({name: each[part] for name, each in arrays.items()}, k=k, metric=metric).values[0, 1]
        for part in parts
    ]
    value, error, half = t_interval(np.array(values, np.float64), level)
    return Interval(
        value,
        value - half,
        value + half,
        error,
        level,
        "disjoint subsets",
        parts.shape[1],
        len(parts),
        k,
        metric,
        seed,
    )


def query_subsampling_interval(
    x: Any,
    y: Any,
    *,
    n_queries: int | None = None,
    level: float = 0.95,
    k: int = 1,
    metric: str = "euclidean",
    seed: int = 0,
) -> Interval:
    """Delta(x -> y) at the full N from a random subset of query rows, with a t interval over the rows.

    It holds for new query rows against these samples as the neighbours to choose from, and stands for N itself. Rows
    share those samples, so towards a wholly new set of images it is an approximation: use `disjoint_subset_interval`
    to check it.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        n_queries: Number of query rows, drawn without replacement; None takes all.
        level: Of the interval.
        k: Number of neighbours.
        metric: "euclidean", "cosine" or "correlation".
        seed: Of the draw.

    Returns:
        The interval.

    Raises:
        ValueError: If representations do not fit together or a setting is out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
        >>> interval = query_subsampling_interval(x, y, n_queries=100)
        >>> interval.low < 1 < interval.high, interval.n_samples, interval.n_parts
        (True, 400, 100)
    """
    check_feature_metric(metric)
    matrix = imbalance_matrix({"x": x, "y": y}, k=k, metric=metric, n_queries=n_queries, seed=seed, keep_rows=True)
    if matrix.rows is None:
        raise RuntimeError("imbalance_matrix kept no rows")
    rows = np.asarray(matrix.rows[0, 1], np.float64) * (2 / matrix.n_samples)
    value, error, half = t_interval(rows, level)
    return Interval(
        value,
        value - half,
        value + half,
        error,
        level,
        "query rows",
        matrix.n_samples,
        rows.size,
        k,
        metric,
        seed,
    )


def check_feature_metric(metric: str) -> None:
    """Refuses metrics that do not compare rows of features: subsets and shuffles select rows.

    Raises:
        ValueError: For another metric.

    Example:
        >>> check_feature_metric("cosine")
    """
    if metric not in METRICS:
        raise ValueError(f"expected metric to be one of {', '.join(METRICS)}, got {metric!r}")


def disjoint_subsets(n_samples: int, n_subsets: int, k: int, seed: int, most: int | None = None) -> np.ndarray:
    """Random disjoint subsets of equal size, sorted sample indices `[n_subsets, size]`.

    Args:
        n_samples: Number of samples.
        n_subsets: Number of subsets.
        k: Largest number of neighbours.
        seed: Of the division.
        most: Largest size; None for `n_samples // n_subsets`.

    Raises:
        ValueError: If there are fewer than two subsets, or fewer than k + 2 samples in each.

    Example:
        >>> disjoint_subsets(7, 2, 1, seed=0).shape
        (2, 3)
    """
    if not isinstance(n_subsets, int) or n_subsets < 2:
        raise ValueError(f"expected at least 2 subsets, got n_subsets={n_subsets!r}")
    size = min(n_samples // n_subsets, most or n_samples)
    if size < k + 2:
        raise ValueError(
            f"expected at least k + 2 = {k + 2} samples in each of {n_subsets} subsets, but {n_samples} samples give "
            f"{size}; use fewer subsets or more samples"
        )
    order = np.random.default_rng([seed, 3]).permutation(n_samples)[: size * n_subsets]
    return np.sort(order.reshape(n_subsets, size), axis=1)


def t_interval(values: Float[np.ndarray, " n"], level: float) -> tuple[float, float, float]:
    """Mean, its standard error, and half the width of its t interval.

    Raises:
        ValueError: If the level is not between 0 and 1.

    Example:
        >>> [round(each, 3) for each in t_interval(np.array([1.0, 2.0, 3.0]), 0.95)]
        [2.0, 0.577, 2.484]
    """
    if not 0 < level < 1:
        raise ValueError(f"expected a level between 0 and 1, such as 0.95, got {level!r}")
    error = float(values.std(ddof=1) / np.sqrt(values.size))
    return float(values.mean()), error, error * float(student.ppf((1 + level) / 2, values.size - 1))
