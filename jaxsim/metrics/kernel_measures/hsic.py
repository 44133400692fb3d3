"""Hilbert-Schmidt independence criterion: how much two representations depend on each other, in their own units."""

import math
from collections.abc import Callable
from functools import cache
from numbers import Real
from typing import Any, Literal, get_args

from jaxsim.arguments import check_choice, check_flag

from ..declaration import Invariance, Measure, constant
from ..pair import pair_value
from ..statistics import KernelSums, Statistics, Sums
from .centred import centred_products, in_units, u_centred_products

HsicKernel = Literal["linear", "rbf"]

KERNEL_INVARIANCES: frozenset[Invariance] = frozenset({"sample permutation", "rotation", "translation"})
"""Of kernels of Euclidean distances, and of inner products about the centre."""

SCALE_FREE: frozenset[Invariance] = KERNEL_INVARIANCES | frozenset[Invariance]({"scale"})
"""The same, of what does not depend on a layer's unit."""


def unbiased_hsic(sums: Sums) -> Any:
    """The U-statistic of HSIC, which may be negative.

    Args:
        sums: Of a kernel.

    Returns:
        `[n_layers, n_layers]`, in units of the kernels of both layers; its expectation does not depend on the number of
        samples, and is 0 for independent layers.

    Source:
        Song et al., JMLR 2012, eq. 5; the inner product of U-centred kernels of Szekely & Rizzo 2014.

    Example:
        >>> import numpy as np
        >>> x = np.array([0.0, 0.0, 0.0, 0.0, 2.0])
        >>> off = np.outer(x, x) * (1 - np.eye(5))
        >>> sums = Sums(np.array([[(off * off).sum()]]), off.sum(1)[None], (x * x)[None], 5)
        >>> unbiased_hsic(sums).tolist()
        [[0.0]]
    """
    n = sums.n_samples
    return in_units(u_centred_products(sums), sums) / (n * (n - 3))


def biased_hsic(sums: Sums) -> Any:
    """`tr(K H L H) / (N - 1)^2`, never negative for kernels that are positive semidefinite.

    Args:
        sums: Of a kernel.

    Returns:
        `[n_layers, n_layers]`, in units of the kernels of both layers.

    Source:
        Gretton et al., ALT 2005, definition 2.

    Example:
        >>> import numpy as np
        >>> x = np.array([-1.0, 1.0])
        >>> biased_hsic(Sums(np.array([[2.0]]), -np.ones((1, 2)), np.ones((1, 2)), 2)).tolist()
        [[4.0]]
    """
    return in_units(centred_products(sums), sums) / (sums.n_samples - 1) ** 2


def kernel_of(kernel: str, bandwidth: float | None) -> KernelSums:
    """The need of a kernel by its name.

    Args:
        kernel: `linear` or `rbf`.
        bandwidth: Of `rbf`, as a multiple of the median distance; None for 1.

    Returns:
        The need.

    Raises:
        ValueError: For another kernel, a bandwidth that is not positive, or one for a kernel that has none.

    Example:
        >>> kernel_of("rbf", 0.5).bandwidth
        0.5
    """
    if check_choice("kernel", kernel, get_args(HsicKernel)) == "linear":
        if bandwidth is not None:
            raise ValueError(
                f"expected no bandwidth for the linear kernel, got {bandwidth!r}; leave it out or take kernel='rbf'."
            )
        return KernelSums("linear")
    width = 1.0 if bandwidth is None else bandwidth
    if isinstance(width, bool) or not isinstance(width, Real) or not (width > 0 and math.isfinite(width)):
        raise ValueError(f"expected bandwidth to be a positive number of median distances, got {bandwidth!r}.")
    return KernelSums("rbf", bandwidth=float(width))


def kernel_suffix(need: KernelSums, debiased: bool) -> str:
    """How the variants of a measure are named: nothing for the debiased one of the linear kernel.

    Example:
        >>> kernel_suffix(KernelSums("rbf", bandwidth=0.5), False)
        '_rbf_0_5_biased'
    """
    kernel = "" if need.kernel == "linear" else "_rbf"
    if kernel and need.bandwidth != 1:
        # A name is one word of letters, digits and underscores.
        kernel += "_" + f"{need.bandwidth:.15g}".replace(".", "_").replace("-", "_minus_").replace("+", "_")
    return kernel + ("" if debiased else "_biased")


def kernel_title(need: KernelSums) -> str:
    """What a title says of a kernel: nothing of the linear one.

    Example:
        >>> kernel_title(KernelSums("rbf", bandwidth=0.5))
        ' (RBF 0.5)'
    """
    return "" if need.kernel == "linear" else f" (RBF {need.bandwidth:g})"


def hsic_measure(kernel: str = "linear", debiased: bool = True, bandwidth: float | None = None) -> Measure:
    """HSIC of a kernel as a measure; arguments and errors as for `hsic`.

    Example:
        >>> hsic_measure("rbf", bandwidth=0.5).name
        'hsic_rbf_0_5'
    """
    return _measure(kernel_of(kernel, bandwidth), check_flag("debiased", debiased))


@cache
def _measure(need: KernelSums, debiased: bool) -> Measure:
    value: Callable[[Sums], Any] = unbiased_hsic if debiased else biased_hsic

    def formula(statistics: Statistics) -> Any:
        return value(statistics[need])

    return Measure(
        name="hsic" + kernel_suffix(need, debiased),
        title=("unbiased" if debiased else "biased") + " HSIC" + kernel_title(need),
        symbol="HSIC",
        source="Song et al. 2012, eq. 5" if debiased else "Gretton et al. 2005, definition 2",
        orientation="similarity",
        symmetric=True,
        uses_k=False,
        lowest=None if debiased else constant(0.0),
        highest=None,
        equal=None,
        independent=constant(0.0) if debiased else None,
        invariances=SCALE_FREE if need.kernel == "rbf" else KERNEL_INVARIANCES,
        needs=frozenset({need}),
        formula=formula,
        least_samples=4 if debiased else 3,
        tolerance=1e-5 if need.kernel == "linear" else 1e-4,
    )


HSIC = hsic_measure()
HSIC_BIASED = hsic_measure(debiased=False)


def hsic(
    x: Any,
    y: Any,
    *,
    kernel: str = "linear",
    debiased: bool = True,
    bandwidth: float | None = None,
    metric: str = "euclidean",
    precision: str = "highest",
) -> Any:
    """Hilbert-Schmidt independence criterion of two representations.

    A pure function: it works inside `jax.jit` and `jax.vmap` with the options static.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        kernel: `linear`, or `rbf`: `exp(-d^2 / (2 s^2))`.
        debiased: The unbiased estimate, of at least 4 samples, which may be negative; otherwise
            `tr(K H L H) / (N - 1)^2`.
        bandwidth: Of `rbf`: s of each representation as a multiple of its median distance; None for 1.
        metric: `euclidean`, or `cosine` or `correlation` for rows of length one.
        precision: `float64`, `highest`, `high` or `fast`.

    Returns:
        The value, in units of the kernels of both.

    Raises:
        ValueError: For an unknown kernel, a bandwidth that means nothing, and as for `pair_value`.

    Source:
        Gretton et al., ALT 2005; unbiased: Song et al., JMLR 2012, eq. 5.

    Example:
        >>> import numpy as np
        >>> x = np.array([[-1.0], [1.0]])
        >>> round(float(hsic(np.repeat(x, 2, 0), np.repeat(x, 2, 0), debiased=False)), 9)
        1.777777778
    """
    return pair_value(hsic_measure(kernel, debiased, bandwidth), x, y, metric=metric, precision=precision)
