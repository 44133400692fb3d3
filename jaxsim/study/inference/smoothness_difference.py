"""Is one model smoother than another? The difference of their summaries, with an interval over the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from jaxsim.features import FeatureSet
from jaxsim.metrics import imbalance_matrix
from jaxsim.metrics.half_samples import (
    DEFAULT_SPLITS,
    at_equal_sizes,
    degrees_of_freedom,
    equal_in_halves,
    half_sample_error,
    half_sample_quantile,
)
from jaxsim.metrics.inputs import as_layers, check_same_samples
from jaxsim.study.derived.depths import depth_grid
from jaxsim.study.inference.intervals import check_feature_metric, check_level, check_splits, t_interval

STATISTICS = ("mean_change", "roughness", "fixed_step")
METHODS = ("halves", "queries")


@dataclass(frozen=True)
class SmoothnessDifference:
    """A summary of smoothness in two models, and their difference with an interval.

    Attributes:
        value: a minus b: negative where a is smoother.
        low: Lower end of the interval.
        high: Upper end.
        standard_error: Of the difference.
        p_value: Two-sided, of a difference of zero.
        a: The summary of the first model.
        b: The summary of the second.
        statistic: "mean_change", "roughness" or "fixed_step".
        method: "halves" or "queries".
        level: Of the interval.
        n_samples: Number of samples N that the values stand for; Delta depends on it.
        n_parts: Number of splits into halves, or of query rows.
        h: The fixed step in relative depth; NaN for the other statistics.
        k: Number of neighbours.
        metric: Of the distances.
        seed: Of the draws.
    """

    value: float
    low: float
    high: float
    standard_error: float
    p_value: float
    a: float
    b: float
    statistic: str
    method: str
    level: float
    n_samples: int
    n_parts: int
    h: float
    k: int
    metric: str
    seed: int


@dataclass(frozen=True)
class _Path:
    """One model's steps in order, with their relative depths."""

    layers: dict[str, np.ndarray]
    depths: np.ndarray


def smoothness_difference(
    a: Any,
    b: Any,
    *,
    statistic: str = "mean_change",
    method: str = "halves",
    n_splits: int = DEFAULT_SPLITS,
    n_queries: int | None = None,
    h: float | None = None,
    level: float = 0.95,
    k: int = 1,
    metric: str = "euclidean",
    seed: int = 0,
) -> SmoothnessDifference:
    """Difference of two models' smoothness on the same samples, with an interval.

    Both methods are about the difference at N. "halves" takes its error from balanced half-samples: it holds with all
    that new images would change. "queries" takes the query rows' paired contributions (of the roughness its linear
    part): it is too narrow for anything beyond these very images, since rows share the samples they rank: at N = 200
    it called 24 % of equally smooth models different at the 5 % level (200 simulations). Use it to look, not to claim.

    Summaries are those of `smoothness_profile`: the mean over steps of the step change, its standard deviation over
    steps, and the mean over depths of the change from t to t + h, which is the one to compare models of different
    numbers of steps by.

    Args:
        a: Step name -> representation `[n_samples, n_features]` in processing order, or a `FeatureSet`; depths are
            evenly spaced unless a `FeatureSet` knows better.
        b: The same of the other model, on the same samples.
        statistic: "mean_change", "roughness" or "fixed_step".
        method: "halves" or "queries".
        n_splits: Number of splits into halves, 2 to 15.
        n_queries: Number of query rows of the method "queries"; None takes all.
        h: The fixed step; by default the widest spacing of either model.
        level: Of the interval.
        k: Number of neighbours.
        metric: "euclidean", "cosine" or "correlation".
        seed: Of the draws.

    Returns:
        Both summaries and the difference a - b.

    Raises:
        ValueError: If the models have different samples or fewer than two steps (three for the roughness), or a
            setting is out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = [rng.normal(size=(400, 4))]
        >>> for _ in range(3):
        ...     x.append(x[-1] + 0.3 * rng.normal(size=(400, 4)))
        >>> smooth = {f"s{i}": each for i, each in enumerate(x)}
        >>> jumping = {f"s{i}": rng.normal(size=(400, 4)) for i in range(4)}
        >>> found = smoothness_difference(smooth, jumping)
        >>> found.high < 0, found.n_samples
        (True, 400)
    """
    for name, value, choices in (("statistic", statistic, STATISTICS), ("method", method, METHODS)):
        if value not in choices:
            raise ValueError(f"expected {name} to be one of {', '.join(choices)}, got {value!r}")
    check_feature_metric(metric)
    paths = [_path(name, model, statistic) for name, model in (("a", a), ("b", b))]
    n = check_same_samples({f"{name}/{s}": x for name, p in zip("ab", paths, strict=True) for s, x in p.layers.items()})
    step = float("nan")
    if statistic == "fixed_step":
        step = _checked_step(paths, h)
    options: dict[str, Any] = {"k": k, "metric": metric}
    summary = np.empty(2)
    if method == "halves":
        check_level(level)
        check_splits(n_splits)
        layers = {f"{name}/{s}": x for name, path in zip("ab", paths, strict=True) for s, x in path.layers.items()}
        found = imbalance_matrix(layers, **options, n_splits=n_splits, seed=seed)
        first = len(paths[0].layers)
        blocks = (slice(0, first), slice(first, None))

        def summaries(values: np.ndarray) -> np.ndarray:
            own = [
                _summary(values[block, block], path.depths, statistic, step)
                for block, path in zip(blocks, paths, strict=True)
            ]
            return np.array(own)

        summary = summaries(np.asarray(found.values, np.float64))
        halves = np.asarray(found.halves)
        halves = at_equal_sizes(halves, equal_in_halves(halves))
        differences = np.array([[-np.diff(summaries(half)).item() for half in split] for split in halves])
        difference = float(summary[0] - summary[1])
        error = float(half_sample_error(differences[:, 0], differences[:, 1]))
        half, n_parts, degrees = half_sample_quantile(level, n_splits) * error, n_splits, degrees_of_freedom(n_splits)
    else:
        rows = []
        for j, path in enumerate(paths):
            found = imbalance_matrix(path.layers, **options, n_queries=n_queries, seed=seed, keep_rows=True)
            if found.rows is None:
                raise RuntimeError("imbalance_matrix kept no rows")
            measured = np.asarray(found.values, np.float64)
            summary[j] = _summary(measured, path.depths, statistic, step)
            weights = _derivative(measured, path.depths, statistic, step)
            rows.append(np.einsum("abm,ab->m", found.rows, weights, dtype=np.float64) * (2 / n))
        difference = float(summary[0] - summary[1])
        _, error, half = t_interval(rows[0] - rows[1], level)
        n_parts, degrees = rows[0].size, rows[0].size - 1
    return SmoothnessDifference(
        value=difference,
        low=difference - half,
        high=difference + half,
        standard_error=error,
        p_value=_two_sided(difference, error, degrees),
        a=float(summary[0]),
        b=float(summary[1]),
        statistic=statistic,
        method=method,
        level=level,
        n_samples=n,
        n_parts=n_parts,
        h=step,
        k=k,
        metric=metric,
        seed=seed,
    )


def _path(name: str, model: Any, statistic: str) -> _Path:
    if not isinstance(model, Mapping):
        raise ValueError(
            f"expected {name} as a mapping from step to representation or a FeatureSet, got a {type(model).__name__}"
        )
    least = 3 if statistic == "roughness" else 2
    if len(model) < least:
        raise ValueError(f"expected at least {least} steps for the {statistic} of {name}, got {len(model)}")
    layers = {step: np.asarray(x) for step, x in as_layers(model).items()}
    if isinstance(model, FeatureSet):
        return _Path(layers, np.array([step.depth for step in model.steps]))
    return _Path(layers, np.linspace(0, 1, len(layers)))


def _checked_step(paths: list[_Path], h: float | None) -> float:
    widest = max(float(np.diff(path.depths).max()) for path in paths)
    if h is None:
        return widest
    if not widest - 1e-9 <= h <= 1:
        raise ValueError(f"expected h between {widest:.4g}, the widest spacing of either model, and 1, got {h!r}")
    return float(h)


def _changes(values: np.ndarray) -> np.ndarray:
    """Mean of both directions between consecutive steps."""
    at = np.arange(len(values) - 1)
    return (values[at, at + 1] + values[at + 1, at]) / 2


def _summary(values: np.ndarray, depths: np.ndarray, statistic: str, h: float) -> float:
    if statistic == "roughness":
        return float(_changes(values).std())
    return float((_derivative(values, depths, statistic, h) * values).sum())


def _derivative(values: np.ndarray, depths: np.ndarray, statistic: str, h: float) -> Float[np.ndarray, "steps steps"]:
    """How much the summary changes with every cell; the first two are linear in the cells."""
    weights = np.zeros_like(values)
    if statistic == "fixed_step":
        ts = depth_grid(1 - h)
        # Rounded as in ModelSteps.nearest: of two equally near steps the earlier.
        here, there = (np.round(np.abs(depths[None] - (ts + x)[:, None]), 9).argmin(axis=1) for x in (0.0, h))
        np.add.at(weights, (here, there), 0.5 / ts.size)
        np.add.at(weights, (there, here), 0.5 / ts.size)
        return weights
    at = np.arange(len(values) - 1)
    per_change = np.full(at.size, 1 / at.size)
    if statistic == "roughness":
        changes = _changes(values)
        spread = changes.std()
        per_change = (changes - changes.mean()) / (at.size * spread) if spread > 0 else np.zeros(at.size)
    weights[at, at + 1] = weights[at + 1, at] = per_change / 2
    return weights


def _two_sided(difference: float, error: float, degrees: int) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * student.sf(abs(difference) / error, degrees))
