"""Intrinsic dimension from the k nearest neighbours of every sample, by the maximum of their likelihood (MLE)."""

from dataclasses import replace
from typing import Any

import numpy as np

from jaxsim.arguments import check_flag

from ..declaration import LayerMeasure, constant
from ..inputs import as_representation, check_ks
from ..pair import layer_value
from ..statistics import NeighbourDistances, Statistics
from .neighbour_ratios import INVARIANCES, check_estimate, log_ratio, quotient, share_left_out, sorted_distances

_OF_K = NeighbourDistances()


def _estimates(statistics: Statistics, average: str, unbiased: bool = False) -> tuple[Any, Any]:
    """Dimensions and shares of the samples left out, `[n_k, n_layers]` each."""
    distances = sorted_distances(statistics, _OF_K, max(statistics.ks))
    xp = distances.__array_namespace__()
    values, left_out = [], []
    for k in statistics.ks:
        ratios = log_ratio(distances[..., k - 1 : k], distances[..., : k - 1]).sum(-1)
        # Neither a copy nor neighbours at one distance have a dimension.
        used = (distances[..., 0] > 0) & (ratios > 0)
        n, of_ratios = used.sum(-1), k - 2 if unbiased else k - 1
        if average == "inverse":
            value = quotient(of_ratios * n, (ratios * used).sum(-1))
        else:
            own = xp.where(used, of_ratios / xp.where(used, ratios, 1), 0)
            value = quotient(own.sum(-1), n) if average == "mean" else _medians(own, used)
        values.append(value)
        left_out.append(share_left_out(used))
    return xp.stack(values), xp.stack(left_out)


def _medians(values: Any, used: Any) -> Any:
    """Medians of the used values of every line, NaN where there are none."""
    xp = values.__array_namespace__()
    ordered = xp.sort(xp.where(used, values, xp.inf), axis=-1)
    n = used.sum(-1)[..., None]
    low, high = (xp.take_along_axis(ordered, xp.clip(at, 0, None), axis=-1) for at in ((n - 1) // 2, n // 2))
    return xp.where(n > 0, (low + high) / 2, xp.nan)[..., 0]


MLE_DIMENSION = LayerMeasure(
    name="mle_dimension",
    title="intrinsic dimension (MLE)",
    source="Levina & Bickel, NeurIPS 2004",
    unit="dimensions",
    uses_k=True,
    lowest=constant(0.0),
    highest=None,
    invariances=INVARIANCES,
    needs=frozenset({_OF_K}),
    formula=lambda statistics: _estimates(statistics, "mean")[0],
    least_samples=4,
    least_k=2,
)
"""The mean over samples."""

MLE_DIMENSION_MACKAY = replace(
    MLE_DIMENSION,
    name="mle_dimension_mackay",
    title="intrinsic dimension (MLE, inverses averaged)",
    source="MacKay & Ghahramani 2005, on Levina & Bickel, NeurIPS 2004",
    formula=lambda statistics: _estimates(statistics, "inverse")[0],
)
"""The inverse of the mean over samples of the inverse."""


def mle_dimension(
    x: Any,
    *,
    k: Any = 10,
    average: str = "mean",
    unbiased: bool = False,
    metric: str = "euclidean",
    precision: str = "highest",
) -> Any:
    """Intrinsic dimension by the maximum of the likelihood of the distances to the k nearest neighbours.

    Every sample has an estimate `m = (k - 1) / sum_{j < k} ln(r_k / r_j)`, and these are averaged. Samples whose
    nearest neighbour is a copy, or whose k neighbours are all equally far, are left out.

    Args:
        x: `[n_samples, n_features]`.
        k: Number of neighbours, at least 2, or several as a tuple.
        average: `mean` of the estimates (Levina & Bickel); too large by the factor (k - 1) / (k - 2) unless `unbiased`,
            and infinite in expectation for k = 2. `inverse` of the mean of their inverses (MacKay & Ghahramani), the
            maximum of the likelihood of all samples together. `median`.
        unbiased: Take `k - 2` in place of `k - 1`; needs k of at least 3.
        metric: As for `twonn`.
        precision: As for `twonn`.

    Returns:
        The dimension, one for each k if `k` is a tuple. Pure under `jax.jit` and `jax.vmap`, as `twonn` is.

    Raises:
        ValueError: For a k that is too small or above `n_samples - 2`, NaN or infinity, options that do not exist, and
            neighbours that are all at equal distances or copies.

    Warns:
        TieWarning: If more than 1 % of the samples are left out.

    Source:
        Levina, Bickel, "Maximum likelihood estimation of intrinsic dimension", NeurIPS 2004; MacKay, Ghahramani,
        comments on it, 2005.

    Example:
        >>> x = np.random.default_rng(0).uniform(size=(1000, 2))
        >>> round(float(mle_dimension(x, average="inverse")))
        2
    """
    if average not in ("mean", "inverse", "median"):
        raise ValueError(f"average must be 'mean', 'inverse' or 'median', got {average!r}.")
    least_k = 3 if check_flag("unbiased", unbiased) else 2
    smallest = min(check_ks(k, as_representation(x, "x").shape[0]))
    if smallest < least_k:
        raise ValueError(f"expected k of at least {least_k} with unbiased={unbiased}, got k={smallest}.")

    def formula(statistics: Statistics) -> Any:
        values, left_out = _estimates(statistics, average, unbiased)
        return values.__array_namespace__().stack([values, left_out], axis=1)

    found = layer_value(replace(MLE_DIMENSION, formula=formula), x, k=k, metric=metric, precision=precision)
    values, left_out = found[..., 0], found[..., 1]
    check_estimate(values, left_out.max(), "mle_dimension")
    return np.float64(values) if isinstance(values, np.ndarray) and values.ndim == 0 else values
