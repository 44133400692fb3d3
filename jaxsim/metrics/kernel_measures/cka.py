"""Centred kernel alignment: HSIC over that of each representation with itself."""

import math
from functools import cache
from typing import Any

from jaxsim.arguments import check_flag

from ..declaration import Case, Measure, constant
from ..pair import pair_value
from ..statistics import KernelSums, Statistics
from .centred import centred_products, full_products, normalised, u_centred_products
from .hsic import SCALE_FREE, kernel_of, kernel_suffix, kernel_title


def gaussian_alignment(case: Case) -> float:
    """Biased linear CKA that independent features with one variance are expected to have with others.

    The ratio of expectations over all ways to pair the samples, for Wishart matrices. Features of unequal variance or
    that depend on each other have fewer dimensions in effect, and a smaller value. It is why the debiased estimate is
    the default: 0.43 for 1,024 samples of 768 features.

    Source:
        Kazi-Aoual et al., Computational Statistics & Data Analysis 1995: the mean over permutations is
        `tr(K) tr(L) / ((N - 1) |K| |L|)`.

    Example:
        >>> round(gaussian_alignment(Case(1024, 1, (768, 768))), 3)
        0.429
        >>> round(gaussian_alignment(Case(128, 1, (50176, 50176))), 3)
        0.997
    """
    n, (p, q) = case.n_samples, case.widths
    return math.sqrt(p * q / ((n + p) * (n + q)))


def cka_measure(kernel: str = "linear", debiased: bool = True, bandwidth: float | None = None) -> Measure:
    """CKA of a kernel as a measure; arguments and errors as for `cka`.

    Example:
        >>> cka_measure("rbf", bandwidth=0.5).name
        'cka_rbf_0_5'
    """
    return _measure(kernel_of(kernel, bandwidth), check_flag("debiased", debiased))


@cache
def _measure(need: KernelSums, debiased: bool) -> Measure:
    def formula(statistics: Statistics) -> Any:
        sums = statistics[need]
        if debiased:
            return normalised(u_centred_products(sums), sums.products)
        return normalised(centred_products(sums), full_products(sums))

    linear = need.kernel == "linear"
    return Measure(
        name="cka" + kernel_suffix(need, debiased),
        title=("debiased" if debiased else "biased") + " CKA" + kernel_title(need),
        symbol="CKA",
        source="Kornblith et al. 2019, eq. 4" + (", with HSIC of Song et al. 2012, eq. 5" if debiased else ""),
        orientation="similarity",
        symmetric=True,
        uses_k=False,
        lowest=constant(-1.0 if debiased else 0.0),
        highest=constant(1.0),
        equal=constant(1.0),
        independent=constant(0.0) if debiased else gaussian_alignment if linear else None,
        invariances=SCALE_FREE,
        needs=frozenset({need}),
        formula=formula,
        least_samples=4 if debiased else 3,
        # What varies of a function of distances is small beside its size.
        tolerance=1e-5 if linear else 1e-4,
    )


CKA = cka_measure()
CKA_BIASED = cka_measure(debiased=False)
CKA_RBF = cka_measure("rbf")
CKA_RBF_BIASED = cka_measure("rbf", debiased=False)


def _angle(statistics: Statistics) -> Any:
    cosine = CKA_BIASED.formula(statistics)
    xp = cosine.__array_namespace__()
    # Rounding may lead above 1, and at 1 the slope is infinite, which would make gradients NaN.
    apart = cosine < 1
    return xp.where(apart, xp.acos(xp.where(apart, cosine, 0)), cosine * 0)


CKA_ANGULAR = Measure(
    name="cka_angular",
    title="angular CKA distance",
    source="Williams et al. 2021",
    orientation="dissimilarity",
    symmetric=True,
    uses_k=False,
    lowest=constant(0.0),
    highest=constant(math.pi / 2),
    equal=constant(0.0),
    independent=lambda case: math.acos(gaussian_alignment(case)),
    invariances=CKA_BIASED.invariances,
    needs=CKA_BIASED.needs,
    formula=_angle,
    # An angle near 0 holds half of its cosine's digits.
    tolerance=1e-3,
)


def cka(
    x: Any,
    y: Any,
    *,
    kernel: str = "linear",
    debiased: bool = True,
    bandwidth: float | None = None,
    metric: str = "euclidean",
    precision: str = "highest",
) -> Any:
    """Centred kernel alignment of two representations.

    A pure function: it works inside `jax.jit` and `jax.vmap` with the options static.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        kernel: `linear`, or `rbf`: `exp(-d^2 / (2 s^2))`.
        debiased: From -1 to 1, 0 expected for independent representations, at least 4 samples, and never clamped.
            Otherwise from 0 to 1, and close to 1 for any two representations with many more features than samples.
        bandwidth: Of `rbf`: s of each representation as a multiple of its median distance; None for 1. Standard errors
            from half-samples keep the median of all samples.
        metric: `euclidean`, or `cosine` or `correlation` for rows of length one.
        precision: `float64`, `highest`, `high` or `fast`.

    Returns:
        The value; NaN where one of both is the same for all samples.

    Raises:
        ValueError: For an unknown kernel, a bandwidth that means nothing, and as for `pair_value`.

    Source:
        Kornblith et al., ICML 2019, eq. 4; debiased: with HSIC of Song et al., JMLR 2012, eq. 5.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(50, 200))
        >>> noise = np.random.default_rng(1).normal(size=(50, 200))
        >>> bool(cka(x, noise, debiased=False) > 0.7), bool(abs(cka(x, noise)) < 0.1)
        (True, True)
        >>> round(float(cka(x, 3 * x + 1)), 9)
        1.0
    """
    return pair_value(cka_measure(kernel, debiased, bandwidth), x, y, metric=metric, precision=precision)


def cka_angular(x: Any, y: Any, *, metric: str = "euclidean", precision: str = "highest") -> Any:
    """The angle whose cosine is biased linear CKA: a distance, from 0 to pi / 2.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        metric: As for `cka`.
        precision: As for `cka`.

    Returns:
        Radians.

    Raises:
        ValueError: As for `pair_value`.

    Source:
        Williams et al., NeurIPS 2021.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> bool(cka_angular(x, x[:, :2]) > cka_angular(x, x[:, :3]))
        True
    """
    return pair_value(CKA_ANGULAR, x, y, metric=metric, precision=precision)
