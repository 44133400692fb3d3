"""How far two representations are apart after the best rotation: Procrustes and the angle between shapes."""

import math
from functools import cache
from numbers import Real
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..declaration import Invariance, Measure, constant
from ..kernel_measures.centred import root
from ..pair import pair_value
from ..statistics import FactorPairs, Factors, Statistics
from .nuclear import nuclear_norm

_NEAR = 1e-5
"""Squared distance below which rounding of `2 - 2 |A^T B|_*` shows: it is worked out from the difference itself."""

_SHAPE: frozenset[Invariance] = frozenset({"sample permutation", "rotation", "translation", "scale"})


def squared_distance(a: Factors, b: Factors, products: Any, of_a: Any, of_b: Any) -> Any:
    """`min over orthogonal Q of |A Q - B|_F^2` of matrices of norm 1, the narrower one with columns of zeros.

    Args:
        a: Factors of one layer.
        b: Factors of the other.
        products: Of their left singular vectors.
        of_a: Singular values of A, whose left singular vectors are those of `a`; of norm 1.
        of_b: The same of B.

    Returns:
        From 0 to 2. Where it is near 0, Q is worked out and the difference taken, which keeps the digits that
        `2 - 2 |A^T B|_*` (nuclear norm) has not.

    Example:
        >>> from jaxsim.metrics.factors import factors_of
        >>> x = factors_of(np.arange(12.0).reshape(4, 3) ** 2)
        >>> values = x.singular / np.linalg.norm(x.singular)
        >>> bool(squared_distance(x, x, x.left.T @ x.left, values, values) < 1e-25)
        True
    """
    if a is b and isinstance(products, np.ndarray):
        # A layer with itself: no decomposition is needed to tell.
        return 0.0
    scaled = of_a[:, None] * products * of_b
    apart = 2 - 2 * nuclear_norm(scaled)
    if not isinstance(scaled, np.ndarray):
        return jnp.maximum(apart, 0)
    if apart > _NEAR:
        return apart
    first, _, second = np.linalg.svd(scaled, full_matrices=True)
    shared = min(scaled.shape)
    moved, still = (a.left * of_a) @ first, (b.left * of_b) @ second.T
    return sum(
        float((part**2).sum()) for part in (moved[:, :shared] - still[:, :shared], moved[:, shared:], still[:, shared:])
    )


def _whitened(each: Factors, alpha: float) -> Any:
    """Singular values of a layer after partial whitening, of norm 1."""
    if alpha == 1:
        values = each.singular
    else:
        kept = each.singular > 0
        values = (alpha * each.singular * each.unit + (1 - alpha)) * kept
    # The largest first, so that squares of very small ones stay within range.
    values = values / values[0]
    xp = values.__array_namespace__()
    return values / xp.sqrt((values * values).sum())


@cache
def _need(alpha: float) -> FactorPairs:
    def taken(a: Factors, b: Factors, products: Any) -> Any:
        return squared_distance(a, b, products, _whitened(a, alpha), _whitened(b, alpha))

    return FactorPairs("procrustes" + ("" if alpha == 1 else f"_{alpha!r}"), taken)


def _norms(a: Factors, b: Factors, products: Any) -> Any:
    del products
    return _norm(a) * _norm(b)


def _norm(each: Factors) -> Any:
    xp = each.singular.__array_namespace__()
    return xp.sqrt((each.singular**2).sum()) * each.unit


NORMS = FactorPairs("norms", _norms)
"""Products of the Frobenius norms of two layers about their mean."""


def _procrustes(statistics: Statistics) -> Any:
    return root(statistics[_need(1.0)])


def _size_and_shape(statistics: Statistics) -> Any:
    products = statistics[NORMS]
    xp = products.__array_namespace__()
    norms = xp.sqrt(xp.linalg.diagonal(products))
    return root((norms[:, None] - norms[None, :]) ** 2 + products * statistics[_need(1.0)])


PROCRUSTES = Measure(
    name="procrustes",
    title="Procrustes distance",
    source="Ding et al. 2021; Williams et al. 2021",
    orientation="dissimilarity",
    symmetric=True,
    uses_k=False,
    lowest=constant(0.0),
    highest=constant(math.sqrt(2)),
    equal=constant(0.0),
    independent=None,
    invariances=_SHAPE,
    needs=frozenset({_need(1.0)}),
    formula=_procrustes,
)

SIZE_AND_SHAPE = Measure(
    name="size_and_shape",
    title="size-and-shape distance",
    source="Williams et al. 2021",
    orientation="dissimilarity",
    symmetric=True,
    uses_k=False,
    lowest=constant(0.0),
    highest=None,
    equal=constant(0.0),
    independent=None,
    invariances=_SHAPE - {"scale"},
    needs=frozenset({_need(1.0), NORMS}),
    formula=_size_and_shape,
)


def angular_shape_measure(alpha: float = 1.0) -> Measure:
    """The angular shape distance as a measure; arguments and errors as for `angular_shape`.

    Example:
        >>> angular_shape_measure(0.0).name
        'angular_shape_whitened'
    """
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 <= alpha <= 1:
        raise ValueError(f"expected alpha from 0 (whitened) to 1 (as it is), got {alpha!r}.")
    return _angular_measure(float(alpha))


@cache
def _angular_measure(alpha: float) -> Measure:
    need = _need(alpha)

    def formula(statistics: Statistics) -> Any:
        half = root(statistics[need]) / 2
        xp = half.__array_namespace__()
        return 2 * xp.asin(half)

    invariances = _SHAPE
    if alpha == 0:
        invariances = _SHAPE | frozenset[Invariance]({"invertible linear map"})
    elif alpha < 1:
        invariances = _SHAPE - {"scale"}
    suffix = {1.0: "", 0.0: "_whitened"}.get(alpha, "_" + repr(alpha).replace(".", "_").replace("-", "_minus_"))
    title = {1.0: "", 0.0: ", whitened"}.get(alpha, f", whitened to {1 - alpha:g}")
    return Measure(
        name="angular_shape" + suffix,
        title="angular shape distance" + title,
        source="Williams et al. 2021",
        orientation="dissimilarity",
        symmetric=True,
        uses_k=False,
        lowest=constant(0.0),
        highest=constant(math.pi / 2),
        equal=constant(0.0),
        independent=None,
        invariances=invariances,
        needs=frozenset({need}),
        formula=formula,
    )


ANGULAR_SHAPE = angular_shape_measure()
ANGULAR_SHAPE_WHITENED = angular_shape_measure(0.0)


def procrustes(x: Any, y: Any) -> Any:
    """Orthogonal Procrustes distance: how far two representations of one size are apart after the best rotation.

    `min over orthogonal Q of |A Q - B|_F = sqrt(2 - 2 |A^T B|_*)` of features about their mean, of Frobenius norm 1,
    the narrower one with features of zeros. A metric. Its square is what Ding et al. report.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        From 0 to the root of 2; NaN where one of both is the same for all samples. Pure under `jax.jit`; there it is
        worked out from the nuclear norm alone, so that distances below about 1e-3 in float32 are rounding.

    Raises:
        ValueError: As for `pair_value`, and for singular vectors that do not fit the memory.

    Source:
        Ding, Denain, Steinhardt, NeurIPS 2021; Williams et al., NeurIPS 2021.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
        >>> bool(procrustes(x, 3 * x @ rotation + 1) < 1e-12)
        True
    """
    return pair_value(PROCRUSTES, x, y)


def size_and_shape(x: Any, y: Any) -> Any:
    """`min over orthogonal Q of |X Q - Y|_F` of features about their mean, in their own units.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        0 or larger.

    Raises:
        ValueError: As for `procrustes`.

    Source:
        Williams et al., NeurIPS 2021.

    Example:
        >>> x = np.array([[1.0], [-1.0], [0.0]])
        >>> round(float(size_and_shape(x, 3 * x)), 12) == round(2 * 2**0.5, 12)
        True
    """
    return pair_value(SIZE_AND_SHAPE, x, y)


def angular_shape(x: Any, y: Any, *, alpha: float = 1.0) -> Any:
    """Angle between the shapes of two representations: `arccos |A^T B|_*` of features about their mean, of norm 1.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        alpha: How much is left of features' own scales: singular values s become `alpha s + 1 - alpha`. 1 leaves them;
            0 whitens, and the cosine is then the sum of canonical correlations over `sqrt(rank_x rank_y)`; between them
            it depends on the scale of the features.

    Returns:
        Radians, from 0 to pi / 2. A metric.

    Raises:
        ValueError: For alpha out of range, and as for `procrustes`.

    Source:
        Williams et al., NeurIPS 2021, eq. 5 and 6.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> bool(angular_shape(x, x[:, :2]) > angular_shape(x, x[:, :3]))
        True
        >>> bool(angular_shape(x, x * [1, 2, 3, 4], alpha=0.0) < 1e-12)
        True
    """
    return pair_value(angular_shape_measure(alpha), x, y)
