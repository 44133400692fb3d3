"""Intrinsic dimension at a range of scales, from ratios of distances to neighbours farther away (Gride)."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax

from jaxsim.arguments import check_count, check_flag

from ..declaration import LayerMeasure, constant
from ..inputs import as_representation
from ..pair import layer_value
from ..statistics import NeighbourDistances, Statistics
from .neighbour_ratios import INVARIANCES, check_estimate, log_ratio, quotient, share_left_out, sorted_distances

_TWICE_K = NeighbourDistances(times=2)
_NEWTON_STEPS = 12
_SMALL = 1e-3
_SPREADS = 20


class _AtScale(NamedTuple):
    """Estimates of the layers at one scale, `[n_layers]` each."""

    dimension: Any
    standard_error: Any
    scale: Any
    left_out: Any


def _at_scale(distances: Any, near: int, plain: bool) -> _AtScale:
    """Estimates from the `near`-th and `2 near`-th neighbour of every row, of distances sorted by row."""
    xp = distances.__array_namespace__()
    first, second = distances[..., near - 1], distances[..., 2 * near - 1]
    apart = first > 0
    used = apart
    if not plain:
        mu = xp.where(apart, second / xp.where(apart, first, 1), xp.nan)
        # Medians and percentiles of nothing are refused by NumPy with a warning.
        mu = xp.where(apart.any(-1)[..., None], mu, 1.0)
        middle, high = xp.nanquantile(mu, 0.5, axis=-1), xp.nanquantile(mu, 0.95, axis=-1)
        used = apart & (mu <= (middle + _SPREADS * (high - middle))[..., None])
    logs = log_ratio(second, first) * used
    n = used.sum(-1)
    dimension = _most_likely(logs, used, n if plain else n - 1, near)
    moved = dimension[..., None] * logs
    # (ln mu)^2 mu^d / (mu^d - 1)^2, times d^2.
    curvature = (_part(moved)[0] * xp.exp(-moved / 2)) ** 2
    information = n + (near - 1) * (curvature * used).sum(-1)
    scale = ((first + second) / 2).mean(-1)
    return _AtScale(dimension, dimension * quotient(1, information) ** 0.5, scale, share_left_out(apart))


def _most_likely(logs: Any, used: Any, n: Any, near: int) -> Any:
    """Root d of `n + (near - 1) sum d ln(mu) / (1 - mu^-d) - (2 near - 1) sum d ln(mu)`, the score times d.

    It falls from above 0 and is convex in d, so Newton's steps from 0 never pass the root; the slope changes by less
    than a factor of 1.5 on the way.
    """
    xp = logs.__array_namespace__()
    total = logs.sum(-1)
    dimension = xp.zeros_like(total)
    for _ in range(_NEWTON_STEPS):
        part, slope = _part(dimension[..., None] * logs)
        height = n + (near - 1) * (part * used).sum(-1) - (2 * near - 1) * dimension * total
        fall = (2 * near - 1) * total - (near - 1) * (slope * logs).sum(-1)
        dimension = dimension + quotient(height, fall)
    return dimension


def _part(moved: Any) -> tuple[Any, Any]:
    """`u / (1 - e^-u)` and its slope, for u of at least 0."""
    xp = moved.__array_namespace__()
    large = moved > _SMALL
    u = xp.where(large, moved, 1.0)
    whole = -xp.expm1(-u)
    value = xp.where(large, u / whole, 1 + moved / 2 + moved**2 / 12)
    slope = xp.where(large, (1 - value * xp.exp(-u)) / whole, 0.5 + moved / 6)
    return value, slope


def _formula(statistics: Statistics) -> Any:
    distances = sorted_distances(statistics, _TWICE_K, 2 * max(statistics.ks))
    return distances.__array_namespace__().stack([_at_scale(distances, k, False).dimension for k in statistics.ks])


GRIDE = LayerMeasure(
    name="gride",
    title="intrinsic dimension (Gride, neighbours k and 2k)",
    source="Denti et al., Scientific Reports 2022",
    unit="dimensions",
    uses_k=True,
    lowest=constant(0.0),
    highest=None,
    invariances=INVARIANCES,
    needs=frozenset({_TWICE_K}),
    formula=_formula,
    least_samples=4,
)


@dataclass(frozen=True)
class Gride:
    """Intrinsic dimension at several scales, `[n_scales]` each.

    Attributes:
        dimensions: The estimates.
        standard_errors: From the observed Fisher information. They take ratios of different samples for independent,
            which neighbours shared at large scales are not.
        scales: Mean over samples of the mean distance to the two neighbours of the ratio.
        neighbours: Number n of the nearer neighbour; the farther is `2 n` (static).
    """

    dimensions: Any
    standard_errors: Any
    scales: Any
    neighbours: tuple[int, ...]


jax.tree_util.register_dataclass(
    Gride, data_fields=["dimensions", "standard_errors", "scales"], meta_fields=["neighbours"]
)


def gride(
    x: Any, *, farthest: int = 64, plain: bool = False, metric: str = "euclidean", precision: str = "highest"
) -> Gride:
    """Intrinsic dimension from ratios of the distances to the 2n-th and the n-th neighbour, n = 1, 2, 4, 8, ...

    At n = 1 it is TwoNN by likelihood. With n the scale grows at which the dimension is seen: noise counts at small
    scales, curvature and boundaries at large ones.

    A sample whose n-th neighbour is a copy of it has no ratio at n and is left out.

    Args:
        x: `[n_samples, n_features]`.
        farthest: Largest number of neighbours; at most `n_samples - 2` are taken.
        plain: Take the plain likelihood. Otherwise, as programs in use do, the number of ratios N counts as N - 1 and
            ratios beyond the median plus 20 times the way to the 95th percentile are dropped.
        metric: As for `twonn`.
        precision: As for `twonn`.

    Returns:
        Dimensions, standard errors and scales. Pure under `jax.jit` and `jax.vmap`, as `twonn` is.

    Raises:
        ValueError: For fewer than 4 samples, `farthest` below 2, NaN or infinity, and neighbours that are all at equal
            distances or copies.

    Warns:
        TieWarning: If more than 1 % of the samples are left out at one of the scales.

    Source:
        Denti, Doimo, Laio, Mira, "The generalized ratios intrinsic dimension estimator", Scientific Reports 2022.

    Example:
        >>> import numpy as np
        >>> found = gride(np.random.default_rng(0).normal(size=(1000, 2)), farthest=8)
        >>> found.neighbours, found.dimensions.round().tolist()
        ((1, 2, 4), [2.0, 2.0, 2.0])
    """
    most, plain = check_count("farthest", farthest, 2), check_flag("plain", plain)
    x = as_representation(x, "x")
    most = max(2, min(most, x.shape[0] - 2))
    neighbours = tuple(1 << power for power in range(most.bit_length() - 1))
    need = NeighbourDistances(least_k=2 * neighbours[-1])

    def formula(statistics: Statistics) -> Any:
        distances = sorted_distances(statistics, need, need.least_k)
        xp = distances.__array_namespace__()
        found = [xp.stack(_at_scale(distances, near, plain)) for near in neighbours]
        return xp.stack(found, axis=1)

    measure = replace(GRIDE, uses_k=False, needs=frozenset({need}), formula=formula)
    dimensions, errors, scales, left_out = layer_value(measure, x, metric=metric, precision=precision)
    check_estimate(dimensions, left_out.max(), "gride")
    return Gride(dimensions, errors, scales, neighbours)
