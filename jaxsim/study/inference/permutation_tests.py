"""Could it be chance? Tests against shuffled pairings of the samples, for one cell and for an extremum over layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxsim.metrics.calibration.shuffled_pairing import draw_shuffles, inverse_shuffles, shuffled_imbalances
from jaxsim.metrics.inputs import as_layers, check_ks, check_same_samples, check_values
from jaxsim.metrics.request import draw_queries
from jaxsim.study.inference.intervals import check_feature_metric
from jaxsim.study.inference.outcomes import ExtremumTest, PermutationTest

DIRECTIONS = ("forward", "backward", "mean")
EXTREMA = ("min", "max")
ALTERNATIVES = ("less", "greater")


def permutation_test(
    x: Any,
    y: Any,
    *,
    k: int = 1,
    metric: str = "euclidean",
    direction: str = "forward",
    alternative: str = "less",
    n_queries: int | None = None,
    n_permutations: int = 999,
    seed: int = 0,
) -> PermutationTest:
    """Tests whether two representations share information, by shuffling which samples belong together.

    Exact at every sample size: under independence the p-value is at most a with probability at most a.

    Cost: a pass of M x N distances and a sort of M rows; each shuffle then adds M x k look-ups, so a thousand of
    them cost less than the first measurement. Give `n_queries` for more than a few thousand samples.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours.
        metric: "euclidean", "cosine" or "correlation".
        direction: "forward" for Delta(x -> y), "backward" for the reverse, "mean" of both.
        alternative: "less" asks whether Delta is smaller than by chance, "greater" whether it is larger.
        n_queries: Number of query rows, against all samples; None takes all.
        n_permutations: Number of shuffles.
        seed: Of the queries and the shuffles.

    Returns:
        The value, its p and the null.

    Raises:
        ValueError: For representations that do not fit together, or settings out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(100, 3))
        >>> permutation_test(x, x + rng.normal(size=x.shape), n_permutations=99).p_value
        0.01
        >>> permutation_test(x, rng.normal(size=(100, 3)), n_permutations=99).p_value > 0.05
        True
    """
    test = extremum_test(
        {"x": x},
        {"y": y},
        extremum="max" if alternative == "greater" else "min",
        k=k,
        metric=metric,
        direction=direction,
        alternative=alternative,
        n_queries=n_queries,
        n_permutations=n_permutations,
        seed=seed,
    )
    return PermutationTest(
        value=test.value,
        p_value=test.p_value,
        null=test.null,
        alternative=test.alternative,
        direction=direction,
        k=test.k,
        n_samples=test.n_samples,
        n_queries=test.n_queries,
        metric=metric,
        n_permutations=n_permutations,
        seed=seed,
    )


def extremum_test(
    sources: Mapping[str, Any],
    targets: Mapping[str, Any],
    *,
    extremum: str = "min",
    k: int = 1,
    metric: str = "euclidean",
    direction: str = "forward",
    alternative: str | None = None,
    n_queries: int | None = None,
    n_permutations: int = 999,
    seed: int = 0,
) -> ExtremumTest:
    """Tests the smallest (or largest) Delta over all pairs of layers against the same extremum by chance.

    The best of many cells is better than a single one by chance alone. Here one shuffle of the samples is applied to
    all layers at once, which keeps how the layers of a model resemble each other, and the extremum is taken again.

    Cost: as `permutation_test` for every source and every target, and n_permutations x M x k look-ups for each
    pair. For 12 x 12 layers, 2,000 queries and 999 shuffles that is 3e8 look-ups.

    Args:
        sources: Name -> representation `[n_samples, n_features]`, such as the steps of one model.
        targets: Name -> representation of the same samples in the same order.
        extremum: "min" or "max".
        k: Number of neighbours.
        metric: "euclidean", "cosine" or "correlation".
        direction: "forward" for Delta(source -> target), "backward" for the reverse, "mean" of both.
        alternative: "less" or "greater"; by default "less" for the minimum and "greater" for the maximum.
        n_queries: Number of query rows, against all samples; None takes all.
        n_permutations: Number of shuffles.
        seed: Of the queries and the shuffles.

    Returns:
        The extremum, where it is, its p, and p-values of all cells corrected for looking at all of them.

    Raises:
        ValueError: For representations that do not fit together, or settings out of range.

    Source:
        Westfall & Young, Resampling-Based Multiple Testing, 1993 (single-step max-T).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(100, 6))
        >>> test = extremum_test(
        ...     {"half": x[:, :3]}, {"other": rng.normal(size=(100, 3)), "all": x}, n_permutations=99
        ... )
        >>> test.source, test.target, test.p_value
        ('half', 'all', 0.01)
        >>> (test.adjusted_p_values < 0.05).tolist()
        [[False, True]]
    """
    chosen = {"min": "less", "max": "greater"}.get(extremum) if alternative is None else alternative
    for name, value, choices in (
        ("extremum", extremum, EXTREMA),
        ("direction", direction, DIRECTIONS),
        ("alternative", chosen, ALTERNATIVES),
    ):
        if value not in choices:
            raise ValueError(f"expected {name} to be one of {', '.join(choices)}, got {value!r}")
    check_feature_metric(metric)
    if not isinstance(n_permutations, int) or n_permutations < 1:
        raise ValueError(f"expected at least one permutation, got n_permutations={n_permutations!r}")
    rows, columns = as_layers(sources), as_layers(targets)
    n = check_same_samples({f"source {a}": x for a, x in rows.items()} | {f"target {b}": y for b, y in columns.items()})
    if not isinstance(k, int):
        raise ValueError(f"expected one number of neighbours k for a test, got {k!r}")
    check_ks(k, n)
    check_values(rows, metric)  # pyright: ignore[reportArgumentType]
    check_values(columns, metric)  # pyright: ignore[reportArgumentType]
    drawn = draw_queries(n, n_queries, seed)
    queries = np.arange(n) if drawn is None else drawn
    values = _shuffled_values(rows, columns, direction, queries, n_permutations, seed, k, metric)
    flat = values.reshape(len(values), -1)
    extrema = flat.min(axis=1) if extremum == "min" else flat.max(axis=1)
    best = int(flat[0].argmin() if extremum == "min" else flat[0].argmax())
    a, b = divmod(best, len(columns))
    null = extrema[1:]
    return ExtremumTest(
        value=float(extrema[0]),
        source=tuple(rows)[a],
        target=tuple(columns)[b],
        p_value=float(_p_values(extrema[:1], null, str(chosen))[0]),
        null=null,
        values=values[0],
        adjusted_p_values=_p_values(flat[0], null, str(chosen)).reshape(values[0].shape),
        sources=tuple(rows),
        targets=tuple(columns),
        extremum=extremum,
        alternative=str(chosen),
        direction=direction,
        k=k,
        n_samples=n,
        n_queries=len(queries),
        metric=metric,
        n_permutations=n_permutations,
        seed=seed,
    )


def _shuffled_values(
    rows: Mapping[str, Any],
    columns: Mapping[str, Any],
    direction: str,
    queries: np.ndarray,
    n_permutations: int,
    seed: int,
    k: int,
    metric: str,
) -> Float[np.ndarray, "shuffles n_sources n_targets"]:
    """The true pairing first, then the shuffled ones."""
    sources, targets = list(rows.values()), list(columns.values())
    shuffles = draw_shuffles(len(np.asarray(sources[0])), queries, n_permutations, seed)
    found = []
    if direction in ("forward", "mean"):
        found.append(shuffled_imbalances(sources, targets, shuffles, queries, k=k, metric=metric))
    if direction in ("backward", "mean"):
        back = shuffled_imbalances(targets, sources, inverse_shuffles(shuffles), queries, k=k, metric=metric)
        found.append(back.transpose(0, 2, 1))
    return sum(found) / len(found)  # pyright: ignore[reportReturnType]


def _p_values(values: np.ndarray, null: np.ndarray, alternative: str) -> np.ndarray:
    # Sums of the same integers in another order may differ in the last bits; such values count as reached.
    slack = 1e-9
    ordered = np.sort(null)
    if alternative == "less":
        reached = np.searchsorted(ordered, values + slack, side="right")
    else:
        reached = null.size - np.searchsorted(ordered, values - slack, side="left")
    return (1 + reached) / (1 + null.size)
