"""Canonical correlations: how alike the spaces are that two representations span, whatever their bases."""

from functools import cache
from numbers import Real
from typing import Any, Literal, get_args

import jax.numpy as jnp
import numpy as np

from jaxsim.arguments import check_choice

from ..declaration import Case, Invariance, Measure, constant
from ..pair import pair_value
from ..statistics import FactorPairs, Factors, Statistics
from .nuclear import nuclear_norm

Shares = Literal["variance", "singular_values"]

_LINEAR: frozenset[Invariance] = frozenset(
    {"sample permutation", "rotation", "translation", "scale", "invertible linear map"}
)
_SHAPE: frozenset[Invariance] = _LINEAR - {"invertible linear map"}


def _smaller(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else jnp.minimum(a, b)


def _mean_correlation(a: Factors, b: Factors, products: Any) -> Any:
    return nuclear_norm(products) / _smaller(a.rank, b.rank)


def _mean_square(a: Factors, b: Factors, products: Any) -> Any:
    return (products**2).sum() / _smaller(a.rank, b.rank)


def _square_of_independent(case: Case) -> float:
    ranks = [min(case.n_samples - 1, width) for width in case.widths]
    return max(ranks) / (case.n_samples - 1)


def _measure(name: str, title: str, source: str, need: FactorPairs, invariances: frozenset[Invariance]) -> Measure:
    def formula(statistics: Statistics) -> Any:
        return statistics[need]

    return Measure(
        name=name,
        title=title,
        source=source,
        orientation="similarity",
        symmetric=need.symmetric,
        uses_k=False,
        lowest=constant(0.0),
        highest=constant(1.0),
        equal=constant(1.0),
        independent=_square_of_independent if name == "r2_cca" else None,
        invariances=invariances,
        needs=frozenset({need}),
        formula=formula,
    )


MEAN_CCA = _measure(
    "mean_cca",
    "mean canonical correlation",
    "Raghu et al. 2017",
    FactorPairs("mean_canonical_correlation", _mean_correlation),
    _LINEAR,
)
R2_CCA = _measure(
    "r2_cca",
    "mean squared canonical correlation",
    "Kornblith et al. 2019, table 1",
    FactorPairs("mean_squared_canonical_correlation", _mean_square),
    _LINEAR,
)


def svcca_measure(share: float = 0.99, of: str = "variance") -> Measure:
    """SVCCA as a measure; arguments and errors as for `svcca`.

    Example:
        >>> svcca_measure(0.9).name
        'svcca_0_9'
    """
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share <= 1:
        raise ValueError(f"expected share to be above 0 and at most 1, got {share!r}.")
    return _svcca(float(share), check_choice("of", of, get_args(Shares)))


@cache
def _svcca(share: float, of: Shares) -> Measure:
    def kept(each: Factors) -> Any:
        values = each.singular**2 if of == "variance" else each.singular
        sums = values.cumsum()
        # As many as are needed to reach the share: those before it, and one.
        return (sums < share * sums[-1]).sum() + 1

    def taken(a: Factors, b: Factors, products: Any) -> Any:
        first, second = kept(a), kept(b)
        if isinstance(products, np.ndarray):
            return nuclear_norm(products[: int(first), : int(second)]) / min(int(first), int(second))
        rows, columns = jnp.arange(products.shape[0]) < first, jnp.arange(products.shape[1]) < second
        return nuclear_norm(jnp.where(rows[:, None] & columns, products, 0)) / jnp.minimum(first, second)

    suffix = "" if share == 0.99 else f"_{share:.15g}".replace(".", "_").replace("-", "_minus_")
    suffix += "" if of == "variance" else "_singular_values"
    what = "the variance" if of == "variance" else "the sum of singular values"
    return _measure(
        "svcca" + suffix,
        "SVCCA" if not suffix else f"SVCCA of {100 * share:g} % of {what}",
        "Raghu et al. 2017",
        FactorPairs("svcca" + suffix, taken),
        _SHAPE,
    )


SVCCA = svcca_measure()


def _projection_weighted(a: Factors, b: Factors, products: Any) -> Any:
    xp = np if isinstance(products, np.ndarray) else jnp
    directions, correlations, _ = xp.linalg.svd(products, full_matrices=False)
    # Products of the canonical variates with the features.
    weights = xp.abs((directions.T * a.singular) @ a.right).sum(1)
    return (weights * correlations).sum() / weights.sum()


PWCCA = _measure(
    "pwcca",
    "PWCCA",
    "Morcos et al. 2018, eq. 1",
    FactorPairs("projection_weighted", _projection_weighted, symmetric=False),
    _SHAPE - {"rotation"},
)


def mean_cca(x: Any, y: Any) -> Any:
    """Mean canonical correlation of two representations.

    The canonical correlations are the singular values of the products of orthonormal bases of the centred features;
    no regularisation, and as many as the smaller of both ranks.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        From 0 to 1. It is 1 for any two representations of at least as many independent features as samples, and
        near it where samples are few: independent ones have a mean square of `max(width) / (N - 1)`.

    Raises:
        ValueError: As for `procrustes`.

    Source:
        Raghu et al., NeurIPS 2017; Hotelling 1936.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> round(float(mean_cca(x, x @ [[1, 2, 0], [0, 1, 5], [0, 0, 1]] + 7)), 9)
        1.0
    """
    return pair_value(MEAN_CCA, x, y)


def r2_cca(x: Any, y: Any) -> Any:
    """Mean squared canonical correlation of two representations; arguments and errors as for `mean_cca`.

    Returns:
        From 0 to 1; `max(width) / (N - 1)` expected for independent representations.

    Source:
        Kornblith et al., ICML 2019, table 1.

    Example:
        >>> x = np.arange(5.0)[:, None]
        >>> y = x**2
        >>> bool(abs(r2_cca(x, y) - np.corrcoef(x.T, y.T)[0, 1] ** 2) < 1e-12)  # of one feature each
        True
    """
    return pair_value(R2_CCA, x, y)


def svcca(x: Any, y: Any, *, share: float = 0.99, of: str = "variance") -> Any:
    """Mean canonical correlation of the leading principal components of two representations.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        share: As many components are kept of each as are needed to reach this share.
        of: Of what: `variance`, as the paper says, or `singular_values`, whose unsquared sum its tutorial takes.

    Returns:
        From 0 to 1.

    Raises:
        ValueError: For a share out of range, and as for `procrustes`.

    Source:
        Raghu et al., NeurIPS 2017.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3)) * [10, 10, 0.01]
        >>> round(float(svcca(x, x[:, :2])), 6)
        1.0
    """
    return pair_value(svcca_measure(share, of), x, y)


def pwcca(x: Any, y: Any) -> Any:
    """Canonical correlations weighted by how much of x its canonical variates account for.

    `sum a_i rho_i / sum a_i` with `a_i = sum_j |<h_i, x_j>|` of the canonical variates h_i of x and its features x_j.

    Args:
        x: `[n_samples, n_features_x]`, the side that gives the weights.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        From 0 to 1. Not symmetric.

    Raises:
        ValueError: As for `procrustes`.

    Source:
        Morcos, Raghu, Bengio, NeurIPS 2018, eq. 1 (weights of the side that is described).

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> y = np.column_stack([x[:, 0], np.random.default_rng(1).normal(size=(50, 2))])
        >>> bool(pwcca(x * [10, 1, 1], y) > pwcca(x, y))
        True
    """
    return pair_value(PWCCA, x, y)
