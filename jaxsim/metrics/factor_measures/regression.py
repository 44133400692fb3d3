"""Linear regression: how much of a representation another one explains."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.arguments import check_flag

from ..declaration import Case, Invariance, Measure, constant
from ..pair import pair_value
from ..statistics import FactorPairs, Factors, Statistics


def _explained(a: Factors, b: Factors, products: Any) -> Any:
    """Share of the variance of b that lies in the span of a."""
    del a
    shares = b.singular / b.singular[0]
    return ((products * shares) ** 2).sum() / (shares**2).sum()


def _explained_by_feature(a: Factors, b: Factors, products: Any) -> Any:
    del a
    xp = np if isinstance(products, np.ndarray) else jnp
    features = b.singular[:, None] * b.right
    own, found = (features**2).sum(0), ((products @ features) ** 2).sum(0)
    varies = own > xp.finfo(own.dtype).eps ** 2 * own.max()
    return xp.where(varies, found / xp.where(varies, own, 1), 0).sum() / varies.sum()


def _of_independent(case: Case) -> float:
    return min(1.0, case.widths[0] / (case.n_samples - 1))


def _measure(name: str, title: str, need: FactorPairs, invariances: frozenset[Invariance]) -> Measure:
    def formula(statistics: Statistics) -> Any:
        return statistics[need]

    return Measure(
        name=name,
        title=title,
        source="Kornblith et al. 2019, eq. 2",
        orientation="similarity",
        symmetric=False,
        uses_k=False,
        lowest=constant(0.0),
        highest=constant(1.0),
        equal=constant(1.0),
        independent=_of_independent,
        invariances=invariances,
        needs=frozenset({need}),
        formula=formula,
    )


LINEAR_REGRESSION = _measure(
    "linear_regression",
    "linear regression R2",
    FactorPairs("explained", _explained, symmetric=False),
    frozenset({"sample permutation", "rotation", "translation", "scale"}),
)
LINEAR_REGRESSION_FEATURES = _measure(
    "linear_regression_features",
    "linear regression R2, mean of features",
    FactorPairs("explained_by_feature", _explained_by_feature, symmetric=False),
    frozenset({"sample permutation", "translation", "scale"}),
)


def linear_regression(x: Any, y: Any, *, by_feature: bool = False) -> Any:
    """Share of the variance of y that a linear regression on x explains, on the samples it is fitted to.

    `|Q^T Y|_F^2 / |Y|_F^2` of an orthonormal basis Q of x, features about their mean; no regularisation. From x to y:
    it says how well x predicts y.

    Args:
        x: `[n_samples, n_features_x]`, what predicts.
        y: `[n_samples, n_features_y]`, what is predicted; the same samples in the same order.
        by_feature: The mean of R2 over the features of y that vary, each counting the same, instead of R2 of all of
            them together.

    Returns:
        From 0 to 1; `n_features_x / (N - 1)` expected where both are independent, and 1 for any x of at least as many
        features as samples. It is of the samples that it is fitted to;
        `linear_probe` is of held-out ones.

    Raises:
        ValueError: As for `procrustes`.

    Source:
        Kornblith et al., ICML 2019, eq. 2.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> round(float(linear_regression(x, x[:, :2])), 9), bool(linear_regression(x[:, :2], x) < 0.9)
        (1.0, True)
    """
    return pair_value(LINEAR_REGRESSION_FEATURES if check_flag("by_feature", by_feature) else LINEAR_REGRESSION, x, y)
