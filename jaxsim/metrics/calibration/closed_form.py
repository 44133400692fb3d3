"""The null of measures that are products of two centred kernels: exact moments over all pairings, no permutation.

CKA, RV and distance correlation are such a product over the kernels' norms, which no pairing changes, or a function of
it. Their mean, variance and skewness over all N! pairings follow from a few sums over each layer's kernel; tails are
those of the Pearson type III distribution with these moments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxsim_kernels import Metric
from jaxtyping import Float
from scipy.stats import pearson3

from ..declaration import Measure
from ..kernel_measures.cka import CKA_ANGULAR, cka_measure
from ..kernel_measures.distance_correlation import DISTANCE_CORRELATION, DISTANCE_CORRELATION_CORRECTED
from ..kernel_measures.rv import RV
from ..statistics import KernelSums, Sums
from ..threads import of_each
from .centred_kernels import KernelSpread, centred_kernel, spread_of_kernel, with_norm
from .dense_kernels import dense_kernel
from .inner_products import entry_sums, feature_rows, mean_kernel, spread_of_features
from .permutation_moments import moment


@dataclass(frozen=True)
class KernelProduct:
    """How a measure is made of the product of two layers' centred kernels of norm 1.

    Attributes:
        kernel: Which kernel.
        debiased: Whether it is U-centred.
        value: The measure of the product, a monotone function.
        product: Its inverse.
    """

    kernel: KernelSums
    debiased: bool
    value: Callable[[Any], Any] = np.asarray
    product: Callable[[Any], Any] = np.asarray

    @property
    def itself(self) -> bool:
        """Whether the measure is the product itself."""
        return self.value is np.asarray


@dataclass(frozen=True)
class Null:
    """Moments of products over all pairings, `[n_sources, n_targets]` each.

    Attributes:
        mean: Mean.
        deviation: Standard deviation.
        skewness: Third central moment over the cube of the deviation.
    """

    mean: Float[np.ndarray, "..."]
    deviation: Float[np.ndarray, "..."]
    skewness: Float[np.ndarray, "..."]

    def quantile(self, level: float) -> np.ndarray:
        """The value that a share `level` of the pairings stays below."""
        return self.mean + self.deviation * pearson3.ppf(level, self.skewness)

    def p_value(self, products: Any) -> np.ndarray:
        """The share of the pairings that give at least that product."""
        return pearson3.sf((products - self.mean) / self.deviation, self.skewness)


def product_of(measure: Measure) -> KernelProduct | None:
    """How a measure is made of centred kernels; None for one that is not.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> product_of(find_measures("cka")[0]).debiased, product_of(find_measures("mutual_knn")[0])
        (True, None)
    """
    (need, *others) = measure.needs
    if others or not isinstance(need, KernelSums):
        return None
    if measure is DISTANCE_CORRELATION:
        return KernelProduct(need, False, lambda product: np.sqrt(np.maximum(product, 0)), np.square)
    if measure is DISTANCE_CORRELATION_CORRECTED:
        return KernelProduct(need, True)
    if measure is CKA_ANGULAR:
        return KernelProduct(need, False, lambda product: np.arccos(np.clip(product, -1, 1)), np.cos)
    if measure is RV:
        return KernelProduct(need, False)
    for debiased in (True, False):
        if need.kernel in ("linear", "rbf") and measure is cka_measure(need.kernel, debiased, need.bandwidth):
            return KernelProduct(need, debiased)
    return None


def spreads(
    layers: Sequence[Any],
    form: KernelProduct,
    metric: Metric,
    sums: Sums | None = None,
) -> list[KernelSpread]:
    """What decides each layer's null.

    Args:
        layers: `[n_samples, n_features]`.
        form: How the measure is made.
        metric: The one asked for.
        sums: What a pass has added up of the kernel of all layers; its sums of squares and cubes are taken from there.

    Returns:
        Of every layer.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> form = product_of(find_measures("cka_biased")[0])
        >>> round(spreads([np.array([[1.0], [0.0], [-1.0]])], form, "euclidean")[0].mean, 9)
        0.707106781
    """
    own = form.kernel.metric or metric

    def of_features(layer: int) -> KernelSpread:
        entries = None if sums is None else entry_sums(sums, layer)
        return spread_of_features(feature_rows(layers[layer], own), form.debiased, entries)

    if form.kernel.kernel == "linear":
        return of_each(of_features, range(len(layers)))
    # Of matrices of all pairs of samples, memory holds those of one layer.
    return [spread_of_kernel(centred_kernel(dense_kernel(x, form.kernel, own).values, form.debiased)) for x in layers]


def spread_of_mean(layers: Sequence[Any], form: KernelProduct, metric: Metric) -> tuple[KernelSpread, float]:
    """What decides the null of the mean over layers: the mean of products is the product of means of kernels.

    Args:
        layers: `[n_samples, n_features]`.
        form: How the measure is made.
        metric: The one asked for.

    Returns:
        Of the mean of the layers' centred kernels of norm 1, and its own norm.

    Example:
        >>> form = KernelProduct(KernelSums("linear"), False)
        >>> round(spread_of_mean([np.array([[1.0], [0.0], [-1.0]])] * 3, form, "euclidean")[1], 9)
        1.0
    """
    n, own = layers[0].shape[0], form.kernel.metric or metric
    if form.kernel.kernel == "linear":
        total = mean_kernel(layers, own, form.debiased)
    else:
        total = np.zeros((n, n))
        for x in layers:
            total += centred_kernel(dense_kernel(x, form.kernel, own).values, form.debiased) / len(layers)
    centred, norm = with_norm(total, form.debiased)
    return spread_of_kernel(centred / centred.dtype.type(norm or 1)), norm


def null_of(sources: Sequence[KernelSpread], targets: Sequence[KernelSpread], n_samples: int) -> Null:
    """Moments of the products of all sources with all targets.

    Args:
        sources: From `spreads`.
        targets: From `spreads`.
        n_samples: Number of samples, at least 6.

    Returns:
        The moments; NaN where a layer does not vary.

    Source:
        Kazi-Aoual et al., Computational Statistics & Data Analysis 1995; Josse, Pages & Husson, CSDA 2008.

    Example:
        >>> spread = spread_of_features(np.arange(8.0)[:, None] - 3.5, False)
        >>> round(float(null_of([spread], [spread], 8).mean[0, 0]), 9)
        0.142857143
    """
    mean = np.outer([each.mean for each in sources], [each.mean for each in targets])
    second, third = (
        moment(
            np.stack([getattr(each, name) for each in sources]),
            np.stack([getattr(each, name) for each in targets]),
            n_samples,
        )
        for name in ("second", "third")
    )
    deviation = np.sqrt(second)
    return Null(mean, deviation, third / deviation**3)


def product_of_means(
    sources: Sequence[Any], targets: Sequence[Any] | None, form: KernelProduct, metric: Metric
) -> tuple[Null, float]:
    """Moments of the product of the mean kernels of both sides, brought to norm 1, and the product of their norms.

    Args:
        sources: `[n_samples, n_features]` each.
        targets: The same; None for the sources.
        form: How the measure is made.
        metric: The one asked for.

    Returns:
        Both.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(8, 2))
        >>> form = KernelProduct(KernelSums("linear"), False)
        >>> round(product_of_means([x, x], [x], form, "euclidean")[1], 9)
        1.0
    """
    of_sources, first = spread_of_mean(sources, form, metric)
    of_targets, second = (of_sources, first) if targets is None else spread_of_mean(targets, form, metric)
    return null_of([of_sources], [of_targets], sources[0].shape[0]), first * second
