"""How many directions a representation spreads over, from the eigenvalues of its covariance."""

from collections.abc import Callable
from dataclasses import replace
from math import log
from typing import Any

import numpy as np
from jax.core import Tracer

from ..declaration import Case, LayerMeasure, constant
from ..pair import layer_value
from ..statistics import Spectra, Statistics


def _of_shares(formula: Callable[[Any, Any], Any]) -> Callable[[Statistics], Any]:
    """A formula of every layer's eigenvalues as shares of their sum; NaN for a layer that does not vary."""

    def of_layers(statistics: Statistics) -> Any:
        spectra = statistics[Spectra()]
        xp = spectra[0].__array_namespace__()
        return xp.stack([xp.where(shares.sum() > 0, formula(xp, shares), xp.nan) for shares in spectra])

    return of_layers


def _entropy(xp: Any, shares: Any) -> Any:
    # 0 ln 0 is 0.
    return -(shares * xp.log(xp.where(shares > 0, shares, 1))).sum()


def _collision(xp: Any, shares: Any) -> Any:
    """Sum of the squared shares; 1 where there are none, as what is made of it is not used then."""
    squares = (shares**2).sum()
    return xp.where(squares > 0, squares, 1)


def _entropy_of_roots(xp: Any, shares: Any) -> Any:
    roots = xp.sqrt(shares)
    total = roots.sum()
    return _entropy(xp, roots / xp.where(total > 0, total, 1))


def _most(case: Case) -> float:
    return float(min(case.n_samples - 1, case.widths[0]))


def _log_of_most(case: Case) -> float:
    return log(_most(case))


PARTICIPATION_RATIO = LayerMeasure(
    name="participation_ratio",
    title="participation ratio",
    source="Gao et al. 2017 (bioRxiv 214262), eq. 3",
    unit="dimensions",
    uses_k=False,
    lowest=constant(1.0),
    highest=_most,
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Spectra()}),
    formula=_of_shares(lambda xp, shares: 1 / _collision(xp, shares)),
)
"""`(sum l)^2 / sum l^2` of the eigenvalues l of the covariance."""

EFFECTIVE_RANK = replace(
    PARTICIPATION_RATIO,
    name="effective_rank",
    title="effective rank",
    source="Roy & Vetterli, EUSIPCO 2007",
    formula=_of_shares(lambda xp, shares: xp.exp(_entropy_of_roots(xp, shares))),
)
"""Exponential of the entropy of the singular values, the roots of the eigenvalues."""

MATRIX_ENTROPY = replace(
    PARTICIPATION_RATIO,
    name="matrix_entropy",
    title="matrix entropy",
    source="Skean et al. 2025 (arXiv 2502.02013); Sanchez Giraldo et al. 2015",
    unit="nats",
    lowest=constant(0.0),
    highest=_log_of_most,
    formula=_of_shares(_entropy),
)
"""Von Neumann entropy: that of the eigenvalues."""

RENYI2_ENTROPY = replace(
    MATRIX_ENTROPY,
    name="renyi2_entropy",
    title="matrix entropy of order 2",
    source="Sanchez Giraldo et al. 2015",
    formula=_of_shares(lambda xp, shares: -xp.log(_collision(xp, shares))),
)
"""Renyi entropy of order 2, the logarithm of the participation ratio."""


def participation_ratio(x: Any) -> Any:
    """How many directions carry the variance: `(sum l)^2 / sum l^2` of the eigenvalues l of the covariance.

    Args:
        x: `[n_samples, n_features]`; features are taken about their mean.

    Returns:
        From 1 to min(n_samples - 1, n_features). Pure under `jax.jit` and `jax.vmap`; there it is NaN where no feature
        varies.

    Raises:
        ValueError: For fewer than 3 samples, NaN or infinity, and where no feature varies.

    Source:
        Gao et al., "A theory of multineuronal dimensionality, dynamics and measurement", bioRxiv 214262, 2017, eq. 3.

    Example:
        >>> round(float(participation_ratio(np.concatenate([np.eye(4), -np.eye(4)]))), 9)
        4.0
    """
    return _value(PARTICIPATION_RATIO, x)


def effective_rank(x: Any) -> Any:
    """Exponential of the entropy of the singular values as shares of their sum.

    Singular values below about 1e-7 of the largest, which float64 does not tell from 0 in a covariance, count as 0.

    Args:
        x: `[n_samples, n_features]`; features are taken about their mean.

    Returns:
        From 1 to min(n_samples - 1, n_features). Pure as `participation_ratio` is.

    Raises:
        ValueError: As for `participation_ratio`.

    Source:
        Roy, Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007. The exponential of
        `matrix_entropy`, which takes eigenvalues, bears the same name elsewhere.

    Example:
        >>> round(float(effective_rank(np.concatenate([np.eye(4), -np.eye(4)]))), 9)
        4.0
    """
    return _value(EFFECTIVE_RANK, x)


def matrix_entropy(x: Any) -> Any:
    """Von Neumann entropy: of the eigenvalues of the covariance as shares of their sum.

    Args:
        x: `[n_samples, n_features]`; features are taken about their mean.

    Returns:
        Nats, from 0 to ln(min(n_samples - 1, n_features)). Pure as `participation_ratio` is.

    Raises:
        ValueError: As for `participation_ratio`.

    Source:
        Skean et al., "Layer by layer: uncovering hidden representations in language models", arXiv 2502.02013, 2025;
        Sanchez Giraldo et al. 2015.

    Example:
        >>> round(float(matrix_entropy(np.concatenate([np.eye(4), -np.eye(4)])) / np.log(4)), 9)
        1.0
    """
    return _value(MATRIX_ENTROPY, x)


def renyi2_entropy(x: Any) -> Any:
    """Renyi entropy of order 2 of the eigenvalues as shares of their sum, the logarithm of `participation_ratio`.

    Args:
        x: `[n_samples, n_features]`; features are taken about their mean.

    Returns:
        Nats, from 0 to ln(min(n_samples - 1, n_features)). Pure as `participation_ratio` is.

    Raises:
        ValueError: As for `participation_ratio`.

    Source:
        Sanchez Giraldo, Rao, Principe, "Measures of entropy from data using infinitely divisible kernels", IEEE
        Transactions on Information Theory 2015.

    Example:
        >>> round(float(renyi2_entropy(np.concatenate([np.eye(4), -np.eye(4)])) / np.log(4)), 9)
        1.0
    """
    return _value(RENYI2_ENTROPY, x)


def _value(measure: LayerMeasure, x: Any) -> Any:
    value = layer_value(measure, x)
    if not isinstance(value, Tracer) and not np.isfinite(value):
        raise ValueError(
            f"expected features that vary for {measure.name!r}, got a representation that is the same for all samples."
        )
    return value
