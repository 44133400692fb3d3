"""Nulls of measures that are products of centred kernels, from exact moments over all pairings."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxsim_kernels import Metric
from scipy.optimize import brentq

from ..declaration import Measure
from ..gathered import gather
from ..request import Request
from ..statistics import Need
from .closed_form import KernelProduct, Null, null_of, product_of_means, spreads
from .null import AgainstNull, Calibrated


def from_moments(
    measures: Mapping[Measure, KernelProduct],
    request_of: Callable[[Metric, bool], Request],
    metric: Metric,
    n_sources: int,
    same: bool,
    level: float,
    over_layers: bool,
) -> dict[str, Calibrated]:
    """Measures against their nulls, without a permutation.

    Args:
        measures: Which, and how they are made of kernels.
        request_of: The checked request for a metric, of sources and targets or of the sources alone.
        metric: The one asked for.
        n_sources: How many of the layers are sources.
        same: Whether the targets are the sources.
        level: Of thresholds.
        over_layers: Whether the best and the mean over layers are wanted.

    Returns:
        By name.
    """
    needs: frozenset[Need] = frozenset().union(*(each.needs for each in measures))
    linear = frozenset(form.kernel for form in measures.values() if form.kernel.kernel == "linear")
    gathered = gather(lambda own: request_of(own, not same), metric, needs, "calibrate", linear)
    request = gathered.request
    arrays, n_samples = request.arrays, request.n_samples
    targets = slice(0, n_sources) if same else slice(n_sources, None)
    known: dict[Any, tuple[Null, Any]] = {}
    found = {}
    for each, form in measures.items():
        key = (form.kernel, form.debiased)
        if key not in known:
            of_layers = spreads(arrays, form, metric, gathered.whole[form.kernel])
            of_mean = None
            if over_layers and form.itself:
                of_mean = product_of_means(arrays[:n_sources], None if same else arrays[targets], form, metric)
            known[key] = null_of(of_layers[:n_sources], of_layers[targets], n_samples), of_mean
        null, of_mean = known[key]
        values = np.asarray(each.formula(gathered.whole), np.float64)[:n_sources, targets]
        pairs = _against(each, form, null, values, level)
        over = None
        if over_layers:
            best = _best(each, form, null, pairs, level)
            mean = _nothing(pairs.value.mean()) if of_mean is None else _mean(pairs.value, of_mean, level)
            over = _mapped(lambda a, b: np.array([[a, b]]), best, mean)
        found[each.name] = Calibrated(_mapped(lambda values: values[None], pairs), over)
    return found


def _against(measure: Measure, form: KernelProduct, null: Null, values: np.ndarray, level: float) -> AgainstNull:
    sign = 1 if measure.orientation == "similarity" else -1
    return AgainstNull(
        sign * values,
        sign * form.value(null.mean),
        sign * form.value(null.quantile(1 - level)),
        null.p_value(form.product(values)),
    )


def _best(measure: Measure, form: KernelProduct, null: Null, pairs: AgainstNull, level: float) -> AgainstNull:
    """The pair of layers most alike: the chance that any is as alike is at most the sum of the chances of all."""
    sign = 1 if measure.orientation == "similarity" else -1
    nan = np.asarray(np.nan)
    if np.isnan(pairs.value).any():
        return AgainstNull(nan, nan, nan, nan)

    def too_many(product: float) -> float:
        return float(null.p_value(product).sum() - level)

    low, high = null.quantile(1 - level).min(), null.quantile(1 - level / pairs.value.size).max()
    threshold = low if low >= high else brentq(too_many, low, high)
    best = pairs.value.max()
    chance = null.p_value(form.product(sign * best)).sum()
    return AgainstNull(
        np.asarray(best), nan, np.asarray(sign * form.value(threshold)), np.asarray(min(1.0, float(chance)))
    )


def _mean(values: np.ndarray, of_mean: tuple[Null, float], level: float) -> AgainstNull:
    """The mean over layers, which is a product of the mean kernels of both sides."""
    (null, norm), mean = of_mean, np.asarray(values.mean())
    found = (norm * null.mean, norm * null.quantile(1 - level), null.p_value(mean / norm))
    return AgainstNull(mean, *(each.reshape(()) for each in found))


def _nothing(value: Any) -> AgainstNull:
    nan = np.asarray(np.nan)
    return AgainstNull(np.asarray(value), nan, nan, nan)


def _mapped(function: Callable[..., np.ndarray], *found: AgainstNull) -> AgainstNull:
    """A function of each field."""
    return AgainstNull(
        function(*(each.value for each in found)),
        function(*(each.null_mean for each in found)),
        function(*(each.threshold for each in found)),
        function(*(each.p_value for each in found)),
    )
