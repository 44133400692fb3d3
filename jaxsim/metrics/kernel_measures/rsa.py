"""Representational similarity analysis: how alike two matrices of dissimilarities of all pairs of samples are."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

from jaxsim.arguments import check_choice

from ..declaration import Bound, Invariance, Measure, constant
from ..pair import pair_value
from ..statistics import CondensedDistances, KernelSums, Statistics
from .centred import between_pairs, in_units, normalised, root
from .distance_ranks import concordance, kendall_tau_a, kendall_tau_b, spearman

Dissimilarity = Literal["euclidean", "squared_euclidean", "correlation", "cosine"]
Comparison = Literal[
    "pearson", "cosine", "difference", "normalised_difference", "spearman", "kendall_tau_a", "kendall_tau_b"
]


class _Dissimilarity(NamedTuple):
    title: str
    sums: KernelSums
    share: float
    """Of the kernel: 1 - cos is half the squared distance of rows of length one."""
    pairs: CondensedDistances
    invariances: frozenset[Invariance]


class _Comparison(NamedTuple):
    title: str
    source: str
    lowest: float
    highest: float | None
    independent: float | None
    of_pairs: Callable[[Any], Any] | None = None
    """Of the dissimilarities of all pairs, where sums do not do."""
    first: Callable[[Any], Any] | None = None
    """What is made of the dissimilarities before, once for all comparisons that begin so."""


_RIGID: frozenset[Invariance] = frozenset({"sample permutation", "rotation", "translation", "scale"})
_DISSIMILARITIES: dict[str, _Dissimilarity] = {
    "euclidean": _Dissimilarity("Euclidean", KernelSums("distance"), 1.0, CondensedDistances(), _RIGID),
    "squared_euclidean": _Dissimilarity(
        "squared Euclidean", KernelSums("squared_distance"), 1.0, CondensedDistances(), _RIGID
    ),
    "correlation": _Dissimilarity(
        "correlation",
        KernelSums("squared_distance", "correlation"),
        0.5,
        CondensedDistances("correlation"),
        frozenset({"sample permutation", "scale"}),
    ),
    "cosine": _Dissimilarity(
        "cosine",
        KernelSums("squared_distance", "cosine"),
        0.5,
        CondensedDistances("cosine"),
        frozenset({"sample permutation", "rotation", "scale"}),
    ),
}
_KRIEGESKORTE = "Kriegeskorte et al. 2008"
_COMPARISONS: dict[str, _Comparison] = {
    "pearson": _Comparison("Pearson", _KRIEGESKORTE, -1.0, 1.0, 0.0),
    "cosine": _Comparison("cosine", _KRIEGESKORTE, 0.0, 1.0, None),
    "difference": _Comparison("norm of difference", "Klabunde et al. 2025 (survey)", 0.0, None, None),
    "normalised_difference": _Comparison(
        "norm of normalised difference", "Klabunde et al. 2025 (survey)", 0.0, math.sqrt(2), None
    ),
    "spearman": _Comparison("Spearman", _KRIEGESKORTE, -1.0, 1.0, 0.0, spearman),
    "kendall_tau_a": _Comparison("Kendall's tau-a", "Nili et al. 2014", -1.0, 1.0, 0.0, kendall_tau_a, concordance),
    "kendall_tau_b": _Comparison("Kendall's tau-b", _KRIEGESKORTE, -1.0, 1.0, 0.0, kendall_tau_b, concordance),
}


def rsa_measure(dissimilarity: str = "euclidean", comparison: str = "pearson") -> Measure:
    """RSA of a dissimilarity and a comparison as a measure.

    Args:
        dissimilarity: `euclidean`, `squared_euclidean`, `correlation` or `cosine`.
        comparison: See `rsa`.

    Returns:
        The measure, named `rsa_<dissimilarity>_<comparison>`, and `rsa` for Pearson's on Euclidean.

    Raises:
        ValueError: For an unknown dissimilarity or comparison.

    Example:
        >>> rsa_measure("correlation", "cosine").name
        'rsa_correlation_cosine'
    """
    chosen = check_choice("dissimilarity", dissimilarity, get_args(Dissimilarity))
    return _measure(chosen, check_choice("comparison", comparison, get_args(Comparison)))


@cache
def _measure(dissimilarity: str, comparison: str) -> Measure:
    chosen, compared = _DISSIMILARITIES[dissimilarity], _COMPARISONS[comparison]
    default = (dissimilarity, comparison) == ("euclidean", "pearson")
    difference = comparison in ("difference", "normalised_difference")
    scaled = comparison == "difference" and chosen.share == 1
    return Measure(
        name="rsa" if default else f"rsa_{dissimilarity}_{comparison}",
        title=f"RSA ({compared.title} on {chosen.title})",
        symbol="RSA",
        source=compared.source,
        orientation="dissimilarity" if difference else "similarity",
        symmetric=True,
        uses_k=False,
        lowest=constant(compared.lowest),
        highest=_highest(dissimilarity, compared.highest),
        # Tied dissimilarities keep tau-a of equal layers below 1.
        equal=None if comparison == "kendall_tau_a" else constant(0.0 if difference else 1.0),
        independent=None if compared.independent is None else constant(compared.independent),
        invariances=chosen.invariances - ({"scale"} if scaled else set()),
        needs=frozenset({chosen.sums if compared.of_pairs is None else chosen.pairs}),
        formula=_formula(chosen, comparison, compared),
        # Pearson's correlation divides by what varies over pairs; a distance near 0 holds half of its square's digits.
        tolerance=1e-3 if difference else 1e-4,
    )


def _highest(dissimilarity: str, value: float | None) -> Bound | None:
    if value is None and dissimilarity in ("correlation", "cosine"):
        # Dissimilarities are from 0 to 2.
        return lambda case: 2 * math.sqrt(case.n_samples * (case.n_samples - 1))
    return None if value is None else constant(value)


def _formula(chosen: _Dissimilarity, comparison: str, compared: _Comparison) -> Callable[[Statistics], Any]:
    def formula(statistics: Statistics) -> Any:
        if compared.of_pairs is not None:
            if compared.first is None:
                return compared.of_pairs(statistics[chosen.pairs])
            return compared.of_pairs(statistics.made_once(chosen.pairs, compared.first))
        sums = statistics[chosen.sums]
        if comparison == "pearson":
            n_pairs = sums.n_samples * (sums.n_samples - 1)
            return normalised(between_pairs(sums.products, sums.row_sums.sum(1), n_pairs), sums.products)
        if comparison == "difference":
            return root(_squared_differences(in_units(sums.products, sums))) * chosen.share
        cosines = normalised(sums.products, sums.products)
        return cosines if comparison == "cosine" else root(2 - 2 * cosines)

    return formula


def _squared_differences(products: Any) -> Any:
    own = products.__array_namespace__().linalg.diagonal(products)
    return own[:, None] + own[None, :] - 2 * products


def rsa(
    x: Any,
    y: Any,
    *,
    dissimilarity: str = "euclidean",
    comparison: str = "pearson",
    metric: str = "euclidean",
    precision: str = "highest",
) -> Any:
    """Similarity of the dissimilarities of all pairs of samples in two representations.

    A pure function: it works inside `jax.jit` and `jax.vmap` with the options static.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        dissimilarity: Of two samples: `euclidean` or `squared_euclidean` distance, or 1 minus the `correlation` or
            `cosine` of their features.
        comparison: Of the two lists of dissimilarities: the correlations `pearson`, `spearman`, `kendall_tau_a` (ties
            count as half right) or `kendall_tau_b` (for ties); `cosine` of the lists as they are; or, of the matrices,
            the Frobenius norm of their `difference`, or of that of matrices of norm one, `normalised_difference`, which
            are dissimilarities. Ranks (Spearman, Kendall) hold all pairs in memory; the others do not.
        metric: `precomputed` for matrices of dissimilarities of one's own, with `dissimilarity="euclidean"`.
        precision: `float64`, `highest`, `high` or `fast`.

    Returns:
        The value; NaN where all dissimilarities of one of both are equal (for `cosine` and differences: zero).

    Raises:
        ValueError: For an unknown dissimilarity or comparison, and as for `pair_value`.

    Source:
        Kriegeskorte, Mur & Bandettini, Frontiers in Systems Neuroscience 2008; tau-a: Nili et al., PLOS Computational
        Biology 2014; differences: Klabunde et al., arXiv 2305.06329.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(50, 8))
        >>> bool(rsa(x, x[:, :6]) > rsa(x, x[:, :3]) > 0)
        True
        >>> round(float(rsa(x, 2 * x + 1, comparison="spearman")), 9)
        1.0
    """
    return pair_value(rsa_measure(dissimilarity, comparison), x, y, metric=metric, precision=precision)


RSA = rsa_measure()
RSA_MEASURES = (
    RSA,
    rsa_measure("euclidean", "cosine"),
    rsa_measure("euclidean", "difference"),
    rsa_measure("euclidean", "normalised_difference"),
    rsa_measure("squared_euclidean", "pearson"),
    rsa_measure("squared_euclidean", "cosine"),
    rsa_measure("correlation", "pearson"),
    rsa_measure("correlation", "cosine"),
    rsa_measure("cosine", "pearson"),
    rsa_measure("cosine", "cosine"),
    # Squares have the same ranks.
    *(
        rsa_measure(dissimilarity, comparison)
        for dissimilarity in ("euclidean", "correlation", "cosine")
        for comparison in ("spearman", "kendall_tau_a", "kendall_tau_b")
    ),
)
