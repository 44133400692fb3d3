"""Measures of two arrays, and of one: the same formulas, eager or inside a JAX transformation."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxsim_kernels import Metric, check_metric, check_precision

from .declaration import LayerMeasure, Measure
from .gathered import gather
from .inputs import as_representation, check_ks, check_same_samples, plain_k
from .measure_checks import check_measures
from .request import check_request
from .statistics import Statistics
from .traced_statistics import traced_statistics


def pair_value(
    measure: Measure, x: Any, y: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest"
) -> Any:
    """A measure from x to y.

    Args:
        measure: Which.
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple; only for measures that use them.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`, where the measure does not name its own.
        precision: Of dot products.

    Returns:
        The value, or one for each k if `k` is a tuple and the measure uses it. float64; traced where an input is.

    Raises:
        ValueError: For different sample counts, too few samples, k out of range, arrays that are not two-dimensional,
            NaN or infinity (the last two not inside a transformation).

    Example:
        >>> from jaxsim.metrics.kernel_measures.cka import CKA
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> round(float(pair_value(CKA, x, 2 * x + 1)), 9)
        1.0
    """
    layers = {"x": x, "y": y}
    return _at(_statistics(measure, layers, k, metric, precision), measure, k, (0, 1))


def layer_value(
    measure: LayerMeasure, x: Any, *, k: Any = 1, metric: str = "euclidean", precision: str = "highest"
) -> Any:
    """A measure of one array; arguments and errors as for `pair_value`.

    Example:
        >>> from jaxsim.metrics.layer_measures.spectral import PARTICIPATION_RATIO
        >>> round(float(layer_value(PARTICIPATION_RATIO, np.eye(5)[:, :1])), 9)
        1.0
    """
    return _at(_statistics(measure, {"x": x}, k, metric, precision), measure, k, (0,))


def _statistics(
    measure: Measure | LayerMeasure, layers: dict[str, Any], k: Any, metric: str, precision: str
) -> Statistics:
    checked, arithmetic = check_metric(metric), check_precision(precision)
    if not any(isinstance(x, Tracer) for x in layers.values()):

        def request_of(own: Metric) -> Any:
            return check_request(layers, k=k if measure.uses_k else _any_k(), metric=own, precision=arithmetic)

        check_measures([measure], request_of(checked))
        return gather(request_of, checked, measure.needs, measure.name).whole
    named = {name: as_representation(x, name) for name, x in layers.items()}
    n_samples = check_same_samples(named)
    ks = check_ks(k, n_samples) if measure.uses_k else (1,)
    if n_samples < measure.least_samples:
        raise ValueError(f"expected at least {measure.least_samples} samples for {measure.name!r}, got {n_samples}.")
    arrays = [jnp.asarray(x) for x in named.values()]
    return traced_statistics(arrays, measure.needs, ks, checked, arithmetic)


def _any_k() -> int:
    return 1


def _at(statistics: Statistics, measure: Measure | LayerMeasure, k: Any, place: tuple[int, ...]) -> Any:
    values = measure.formula(statistics)
    found = values[(..., *place)]
    if measure.uses_k and not isinstance(plain_k(k), tuple):
        found = found[0]
    return np.float64(found) if isinstance(found, np.ndarray) and found.ndim == 0 else found
