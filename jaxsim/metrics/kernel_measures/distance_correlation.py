"""Distance correlation: of all dependence between two representations, not of linear dependence alone."""

from typing import Any

from jaxsim.arguments import check_flag

from ..declaration import Measure, constant
from ..pair import pair_value
from ..statistics import KernelSums, Statistics
from .centred import centred_products, full_products, in_units, normalised, root, u_centred_products
from .hsic import KERNEL_INVARIANCES, SCALE_FREE

DISTANCES = KernelSums("distance")


def _biased(statistics: Statistics) -> Any:
    sums = statistics[DISTANCES]
    return root(normalised(centred_products(sums), full_products(sums)))


def _corrected(statistics: Statistics) -> Any:
    sums = statistics[DISTANCES]
    return normalised(u_centred_products(sums), sums.products)


def _covariance(statistics: Statistics) -> Any:
    sums = statistics[DISTANCES]
    return root(in_units(centred_products(sums), sums)) / sums.n_samples


DISTANCE_CORRELATION = Measure(
    name="distance_correlation",
    title="distance correlation",
    symbol="dCor",
    source="Szekely, Rizzo & Bakirov 2007",
    orientation="similarity",
    symmetric=True,
    uses_k=False,
    lowest=constant(0.0),
    highest=constant(1.0),
    equal=constant(1.0),
    independent=None,
    invariances=SCALE_FREE,
    needs=frozenset({DISTANCES}),
    formula=_biased,
)

DISTANCE_CORRELATION_CORRECTED = Measure(
    name="distance_correlation_corrected",
    title="bias-corrected squared distance correlation",
    symbol="dCor²",
    source="Szekely & Rizzo 2014",
    orientation="similarity",
    symmetric=True,
    uses_k=False,
    lowest=constant(-1.0),
    highest=constant(1.0),
    equal=constant(1.0),
    independent=constant(0.0),
    invariances=SCALE_FREE,
    needs=frozenset({DISTANCES}),
    formula=_corrected,
    least_samples=4,
    tolerance=1e-4,
)

DISTANCE_COVARIANCE = Measure(
    name="distance_covariance",
    title="distance covariance",
    symbol="dCov",
    source="Szekely, Rizzo & Bakirov 2007",
    orientation="similarity",
    symmetric=True,
    uses_k=False,
    lowest=constant(0.0),
    highest=None,
    equal=None,
    independent=None,
    invariances=KERNEL_INVARIANCES,
    needs=frozenset({DISTANCES}),
    formula=_covariance,
)


def distance_correlation(
    x: Any, y: Any, *, corrected: bool = False, metric: str = "euclidean", precision: str = "highest"
) -> Any:
    """Distance correlation of two representations.

    A pure function: it works inside `jax.jit` and `jax.vmap` with the options static.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        corrected: The bias-corrected square, from -1 to 1, 0 expected for independent representations, of at least 4
            samples: debiased CKA of the matrices of distances. Otherwise the root of the V-statistic, from 0 to 1,
            which few samples of many features bring close to 1.
        metric: `euclidean`, `cosine` or `correlation` for rows of length one, or `precomputed` distances. Where given
            distances are of no Euclidean kind, the V-statistic may be negative and then counts as 0.
        precision: `float64`, `highest`, `high` or `fast`.

    Returns:
        The value; NaN where one of both is the same for all samples, or, corrected, all its distances are equal.

    Raises:
        ValueError: As for `pair_value`.

    Source:
        Szekely, Rizzo & Bakirov, Annals of Statistics 2007; corrected: Szekely & Rizzo, Annals of Statistics 2014.

    Example:
        >>> import numpy as np
        >>> x = np.linspace(-1, 1, 101)[:, None]
        >>> bool(distance_correlation(x, x**2) > 0.4)  # their correlation is 0
        True
        >>> round(float(distance_correlation(x, 2 * x + 1)), 9)
        1.0
    """
    chosen = DISTANCE_CORRELATION_CORRECTED if check_flag("corrected", corrected) else DISTANCE_CORRELATION
    return pair_value(chosen, x, y, metric=metric, precision=precision)


def distance_covariance(x: Any, y: Any, *, metric: str = "euclidean", precision: str = "highest") -> Any:
    """Distance covariance of two representations, the root of its V-statistic.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        metric: As for `distance_correlation`.
        precision: As for `distance_correlation`.

    Returns:
        At least 0, in the root of the product of both units of distance.

    Raises:
        ValueError: As for `pair_value`.

    Source:
        Szekely, Rizzo & Bakirov, Annals of Statistics 2007.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [0.0], [1.0], [1.0]])
        >>> float(distance_covariance(x, x)), float(distance_covariance(x, 4 * x))
        (0.5, 1.0)
    """
    return pair_value(DISTANCE_COVARIANCE, x, y, metric=metric, precision=precision)
