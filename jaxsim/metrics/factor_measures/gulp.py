"""GULP: how differently two representations can predict by ridge regression, whatever there is to predict."""

import math
from functools import cache
from numbers import Real
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..declaration import Case, Invariance, Measure, constant
from ..kernel_measures.centred import root
from ..pair import pair_value
from ..statistics import FactorPairs, Factors, Statistics

_NEAR = 1e-6
"""Share of the whole below which a difference is worked out term by term, as rounding shows in that of sums."""


def _squared(a: Factors, b: Factors, products: Any, regularisation: float) -> Any:
    if a is b and isinstance(products, np.ndarray):
        # A layer with itself.
        return 0.0
    first, second = (_shrinkage(each, regularisation) for each in (a, b))
    total = (first**2).sum() + (second**2).sum()
    apart = total - 2 * first @ products**2 @ second
    if not isinstance(products, np.ndarray):
        return jnp.maximum(apart, 0)
    if apart > _NEAR * total:
        return apart
    # Shrunk projections apart: what both span, and what lies outside of the other.
    outside_b, outside_a = a.left - b.left @ products.T, b.left - a.left @ products
    shared = ((first[:, None] - second) ** 2 * products**2).sum()
    return shared + first**2 @ (outside_b**2).sum(0) + second**2 @ (outside_a**2).sum(0)


def _shrinkage(each: Factors, regularisation: float) -> Any:
    """What ridge regression leaves of every direction, of features of mean square norm 1."""
    variances = (each.singular / each.singular[0]) ** 2
    variances = variances / variances.sum()
    if regularisation == 0:
        return (variances > 0).astype(variances.dtype)
    return variances / (variances + regularisation)


def gulp_measure(regularisation: float = 0.01) -> Measure:
    """GULP as a measure; arguments and errors as for `gulp`.

    Example:
        >>> gulp_measure(1.0).name
        'gulp_1'
    """
    lam = regularisation
    if isinstance(lam, bool) or not isinstance(lam, Real) or not (lam >= 0 and math.isfinite(lam)):
        raise ValueError(f"expected regularisation to be a number of at least 0, got {regularisation!r}.")
    return _measure(float(lam))


@cache
def _measure(regularisation: float) -> Measure:
    suffix = "" if regularisation == 0.01 else f"_{regularisation:.15g}"
    suffix = suffix.replace(".", "_").replace("-", "_minus_").replace("+", "_")

    def taken(a: Factors, b: Factors, products: Any) -> Any:
        return _squared(a, b, products, regularisation)

    need = FactorPairs("gulp" + suffix, taken)

    def formula(statistics: Statistics) -> Any:
        return root(statistics[need])

    def highest(case: Case) -> float:
        return math.sqrt(sum(min(case.n_samples - 1, width) for width in case.widths)) / (1 + regularisation)

    invariances: set[Invariance] = {"sample permutation", "rotation", "translation", "scale"}
    if regularisation == 0:
        invariances.add("invertible linear map")
    return Measure(
        name="gulp" + suffix,
        title="GULP distance" + ("" if not suffix else f" (regularisation {regularisation:g})"),
        source="Boix-Adsera et al. 2022",
        orientation="dissimilarity",
        symmetric=True,
        uses_k=False,
        lowest=constant(0.0),
        highest=highest,
        equal=constant(0.0),
        independent=None,
        invariances=frozenset(invariances),
        needs=frozenset({need}),
        formula=formula,
    )


GULP = gulp_measure()


def gulp(x: Any, y: Any, *, regularisation: float = 0.01) -> Any:
    """How far predictions by ridge regression from two representations may be apart, whatever is predicted.

    The root of `tr((Sx + l)^-1 Sx (Sx + l)^-1 Sx)`, the same of y, less twice
    `tr((Sx + l)^-1 Sxy (Sy + l)^-1 Syx)`, of features about their mean and of mean square norm 1.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        regularisation: l, of the ridge regression, in units of the mean squared norm of a sample; 0 compares spans.

    Returns:
        0 or larger; a pseudometric. Other programs return its square.

    Raises:
        ValueError: For a regularisation that means nothing, and as for `procrustes`.

    Source:
        Boix-Adsera et al., GULP: a prediction-based metric between representations, NeurIPS 2022.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> bool(gulp(x, 2 * x + 1) < 1e-9), bool(gulp(x, x[:, :3]) > 0.5)
        (True, True)
    """
    return pair_value(gulp_measure(regularisation), x, y)
