"""Matching of units: which feature of one representation goes with which of another, one to one or shared out."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from ..declaration import Bound, Invariance, Measure, Orientation, constant
from ..kernel_measures.centred import root
from ..pair import pair_value
from ..statistics import FactorPairs, Factors, Need, Statistics
from .procrustes import NORMS
from .transport import best_transport

_NEAR = 1e-5
"""Share of the whole below which rounding shows in a difference of products: columns are taken apart instead."""

_UNITS: frozenset[Invariance] = frozenset({"sample permutation", "translation", "scale"})


def _on_host(products: Any) -> None:
    if not isinstance(products, np.ndarray):
        raise ValueError(
            "matching of units is solved on the host and has no traced form; call it outside of jax.jit, jax.vmap and "
            "jax.grad."
        )


def _norms(each: Factors) -> Float[np.ndarray, " n_features"]:
    return np.linalg.norm(each.singular[:, None] * each.right, axis=0)


def _feature_products(a: Factors, b: Factors, products: Any) -> Float[np.ndarray, "n_a n_b"]:
    """Products of features about their mean, without their units."""
    _on_host(products)
    return (a.right.T * a.singular) @ products @ (b.singular[:, None] * b.right)


def _correlations(a: Factors, b: Factors, products: Any) -> Float[np.ndarray, "n_a n_b"]:
    """Correlations of features; 0 for those that do not vary."""
    found, rows, columns = _feature_products(a, b, products), _varying(_norms(a)), _varying(_norms(b))
    return np.where(
        rows[:, None] * columns > 0, found / np.where(rows, rows, 1)[:, None] / np.where(columns, columns, 1), 0
    )


def _varying(norms: np.ndarray) -> np.ndarray:
    return np.where(norms > np.finfo(np.float64).eps * norms.max(), norms, 0)


def _hard(a: Factors, b: Factors, products: Any) -> float:
    correlations = _correlations(a, b, products)
    return float(correlations[linear_sum_assignment(correlations, maximize=True)].mean())


def _semi(a: Factors, b: Factors, products: Any) -> float:
    correlations = _correlations(a, b, products)
    return float(correlations.max(1).mean() + correlations.max(0).mean()) / 2


def _soft(a: Factors, b: Factors, products: Any) -> float:
    correlations = _correlations(a, b, products)
    rows, columns, weights = best_transport(correlations)
    return float((correlations[rows, columns] * weights).sum())


def _soft_distance(a: Factors, b: Factors, products: Any) -> float:
    found, first, second = _in_units(a, b, products)
    rows, columns, weights = best_transport(found)
    whole = (first**2).mean() + (second**2).mean()
    apart = whole - 2 * (found[rows, columns] * weights).sum()
    if apart > _NEAR * whole:
        return float(apart)
    moved = _features(a)[:, rows] - _features(b)[:, columns]
    return float((moved**2).sum(0) @ weights)


def _permuted(a: Factors, b: Factors, products: Any) -> float:
    """Squared distance after the best permutation, of layers of norm 1, the narrower one with features of zeros."""
    found = _feature_products(a, b, products) / np.linalg.norm(a.singular) / np.linalg.norm(b.singular)
    rows, columns = linear_sum_assignment(found, maximize=True)
    apart = 2 - 2 * float(found[rows, columns].sum())
    if apart > _NEAR:
        return apart
    first, second = ((each.left * (each.singular / np.linalg.norm(each.singular))) @ each.right for each in (a, b))
    rest = (np.delete(first, rows, 1) ** 2).sum() + (np.delete(second, columns, 1) ** 2).sum()
    return float(((first[:, rows] - second[:, columns]) ** 2).sum() + rest)


def _in_units(a: Factors, b: Factors, products: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return _feature_products(a, b, products) * (a.unit * b.unit), _norms(a) * a.unit, _norms(b) * b.unit


def _features(each: Factors) -> Float[np.ndarray, "n_samples n_features"]:
    return (each.left * each.singular) @ each.right * each.unit


_PERMUTED = FactorPairs("permuted", _permuted)


def _measure(
    name: str,
    title: str,
    source: str,
    needs: tuple[Need, ...],
    formula: Callable[[Statistics], Any],
    orientation: Orientation = "similarity",
    lowest: Bound | None = None,
    highest: Bound | None = None,
    invariances: frozenset[Invariance] = _UNITS,
) -> Measure:
    return Measure(
        name=name,
        title=title,
        source=source,
        orientation=orientation,
        symmetric=True,
        uses_k=False,
        lowest=lowest,
        highest=highest,
        equal=constant(1.0 if orientation == "similarity" else 0.0),
        independent=None,
        invariances=invariances,
        needs=frozenset(needs),
        formula=formula,
    )


def _as_it_is(name: str, title: str, source: str, taken: Callable[..., float]) -> Measure:
    need = FactorPairs(name, taken)

    def formula(statistics: Statistics) -> Any:
        return statistics[need]

    return _measure(name, title, source, (need,), formula, lowest=constant(-1.0), highest=constant(1.0))


HARD_MATCHING = _as_it_is("hard_matching", "one-to-one matching of units", "Li et al. 2016", _hard)
SEMI_MATCHING = _as_it_is("semi_matching", "best matches of units", "Li et al. 2016", _semi)
SOFT_MATCHING = _as_it_is("soft_matching", "soft matching of units", "Khosla & Williams 2024", _soft)

_SOFT_DISTANCE = FactorPairs("soft_distance", _soft_distance)

SOFT_MATCHING_DISTANCE = _measure(
    "soft_matching_distance",
    "soft matching distance",
    "Khosla & Williams 2024, eq. 4",
    (_SOFT_DISTANCE,),
    lambda statistics: root(statistics[_SOFT_DISTANCE]),
    "dissimilarity",
    lowest=constant(0.0),
    invariances=_UNITS - {"scale"},
)


def _angle(statistics: Statistics) -> Any:
    return 2 * np.arcsin(np.minimum(root(statistics[_PERMUTED]) / 2, 1))


def _permuted_distance(statistics: Statistics) -> Any:
    products = statistics[NORMS]
    norms = np.sqrt(np.diagonal(products))
    return root((norms[:, None] - norms[None, :]) ** 2 + products * statistics[_PERMUTED])


PERMUTATION_ANGLE = _measure(
    "permutation_angular_shape",
    "angle under permutations of units",
    "Williams et al. 2021",
    (_PERMUTED,),
    _angle,
    "dissimilarity",
    lowest=constant(0.0),
    highest=constant(math.pi),
)
PERMUTATION_DISTANCE = _measure(
    "permutation_procrustes",
    "distance under permutations of units",
    "Williams et al. 2021",
    (_PERMUTED, NORMS),
    _permuted_distance,
    "dissimilarity",
    lowest=constant(0.0),
    invariances=_UNITS - {"scale"},
)


def hard_matching(x: Any, y: Any) -> Any:
    """Mean correlation of features that are matched one to one, so that it is largest.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        From -1 to 1, over as many pairs as the narrower representation has features; one that does not vary counts as
        uncorrelated. On the host alone: it has no traced form.

    Raises:
        ValueError: As for `procrustes`, and inside a JAX transformation.

    Source:
        Li et al., Convergent learning, ICLR 2016. The assignment is SciPy's `linear_sum_assignment`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> round(float(hard_matching(x, 2 * x[:, ::-1] + 1)), 9)
        1.0
    """
    return pair_value(HARD_MATCHING, x, y)


def semi_matching(x: Any, y: Any) -> Any:
    """Mean correlation of every feature with its best match in the other representation, mean of both directions.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        From -1 to 1. Some programs call it soft matching.

    Raises:
        ValueError: As for `hard_matching`.

    Source:
        Li et al., Convergent learning, ICLR 2016.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> bool(semi_matching(x, x[:, :1]) > 0.5)
        True
    """
    return pair_value(SEMI_MATCHING, x, y)


def soft_matching(x: Any, y: Any) -> Any:
    """Largest mean correlation of features that are matched by a transport plan of equal weights.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        From -1 to 1; that of `hard_matching` for representations of one width.

    Raises:
        ValueError: As for `hard_matching`, and for widths that no exact solver here is fast enough for: more than
            200,000 pairs of features where their least common multiple is beyond four times the larger.

    Source:
        Khosla & Williams, Soft matching distance, UniReps 2024. Solved exactly, by SciPy's assignment of copies
        or by HiGHS.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 2))
        >>> round(float(soft_matching(x, np.repeat(x, 3, axis=1))), 9)
        1.0
    """
    return pair_value(SOFT_MATCHING, x, y)


def soft_matching_distance(x: Any, y: Any) -> Any:
    """Root of the least mean squared distance of features about their mean, matched by a transport plan.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        0 or larger, in units of the features times the root of the number of samples. A metric.

    Raises:
        ValueError: As for `soft_matching`.

    Source:
        Khosla & Williams, Soft matching distance, UniReps 2024, eq. 4.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 2))
        >>> bool(soft_matching_distance(x, np.repeat(x, 3, axis=1) + 1) < 1e-9)
        True
    """
    return pair_value(SOFT_MATCHING_DISTANCE, x, y)
