"""How sure is one cell? Intervals from balanced half-samples, and from the query rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from jaxsim.metrics import imbalance_matrix
from jaxsim.metrics.half_samples import DEFAULT_SPLITS, MOST_SPLITS, half_sample_quantile

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
        method: "half-samples" or "query rows".
        n_samples: Number of samples N that the value stands for; Delta depends on it.
        n_parts: Number of splits into halves, or of query rows.
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


def half_sample_interval(
    x: Any,
    y: Any,
    *,
    n_splits: int = DEFAULT_SPLITS,
    level: float = 0.95,
    k: int = 1,
    metric: str = "euclidean",
    groups: Any = None,
    seed: int = 0,
) -> Interval:
    """Delta(x -> y) of all samples with a t interval from balanced half-samples.

    Value and interval are about the same N, and the interval holds with all that new samples would change.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        n_splits: Number of splits into halves, 2 to 15.
        level: Of the interval.
        k: Number of neighbours.
        metric: "euclidean", "cosine" or "correlation".
        groups: Group of every sample; samples of one group are not ranked among each other and stay in one half.
        seed: Of the splits.

    Returns:
        The interval.

    Raises:
        ValueError: If halves would be too small, or a setting is out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
        >>> interval = half_sample_interval(x, y)
        >>> interval.low < 1 < interval.high, interval.n_samples
        (True, 400)
    """
    check_feature_metric(metric)
    check_level(level)
    check_splits(n_splits)
    matrix = imbalance_matrix({"x": x, "y": y}, k=k, metric=metric, n_splits=n_splits, groups=groups, seed=seed)
    value, error = float(matrix.values[0, 1]), float(np.asarray(matrix.sampling_error)[0, 1])
    half = half_sample_quantile(level, n_splits) * error
    return Interval(
        value,
        value - half,
        value + half,
        error,
        level,
        "half-samples",
        matrix.n_samples,
        n_splits,
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

    It holds for new query rows against these samples as the neighbours to choose from. Rows share those samples, so
    towards a wholly new set of images it is too narrow: `half_sample_interval` is the one for that.

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


def check_splits(n_splits: int) -> None:
    """Refuses a number of splits that leaves too few degrees of freedom.

    Raises:
        ValueError: Unless it is an integer of at least 2; `balanced_halves` has the upper bound.

    Example:
        >>> check_splits(8)
    """
    if isinstance(n_splits, bool) or not isinstance(n_splits, (int, np.integer)) or n_splits < 2:
        raise ValueError(f"expected n_splits to be an integer from 2 to {MOST_SPLITS}, got {n_splits!r}")


def check_level(level: float) -> None:
    """Refuses a level that is not between 0 and 1.

    Raises:
        ValueError: If it is not.

    Example:
        >>> check_level(0.95)
    """
    if not 0 < level < 1:
        raise ValueError(f"expected a level between 0 and 1, such as 0.95, got {level!r}")


def t_interval(values: Float[np.ndarray, " n"], level: float) -> tuple[float, float, float]:
    """Mean, its standard error, and half the width of its t interval.

    Raises:
        ValueError: If the level is not between 0 and 1.

    Example:
        >>> [round(each, 3) for each in t_interval(np.array([1.0, 2.0, 3.0]), 0.95)]
        [2.0, 0.577, 2.484]
    """
    check_level(level)
    error = float(values.std(ddof=1) / np.sqrt(values.size))
    return float(values.mean()), error, error * float(student.ppf((1 + level) / 2, values.size - 1))
