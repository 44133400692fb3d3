"""Statistics of a few layers inside a JAX transformation, where measures of two arrays are pure functions.

The streaming passes decide by what they find and add up on the host; a traced function can do neither. Rows are still
worked through in blocks, so that neighbours and sums of kernels need no N x N matrix; distances of all pairs and
medians of them do.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxsim_kernels import Metric, Precision, pair_imbalance
from jaxsim_kernels.padding import COLUMN_MULTIPLE
from jaxsim_kernels.prepare import Layer, traced_layer
from jaxsim_kernels.strips import gram_strip, nearest_in_strip

from .factors import pair_values, traced_factors
from .neighbour_similarities import traced_similarities
from .spectra import traced_spectrum
from .statistics import (
    CondensedDistances,
    FactorPairs,
    Imbalances,
    KernelSums,
    Need,
    NeighbourDistances,
    NeighbourLists,
    Neighbours,
    NeighbourSimilarities,
    Spectra,
    Statistics,
    Sums,
)

_ROWS = 256


def traced_statistics(
    layers: Sequence[jax.Array], needs: frozenset[Need], ks: tuple[int, ...], metric: Metric, precision: Precision
) -> Statistics:
    """What formulas read, as traced arrays.

    Args:
        layers: One or two, `[n_samples, n_features]`.
        needs: What formulas will read.
        ks: Numbers of neighbours.
        metric: The one asked for.
        precision: Of the products.

    Returns:
        The statistics, in float32, or float64 where x64 is enabled and an input is.

    Example:
        >>> x = jnp.arange(5.0)[:, None] ** 2
        >>> found = traced_statistics([x], frozenset({Neighbours()}), (1,), "euclidean", "highest")
        >>> found[Neighbours()].columns.ravel().tolist()
        [1, 0, 1, 2, 3]
    """
    n_samples = layers[0].shape[0]
    found: dict[Need, Any] = {}
    of_metrics: dict[Metric, list[Need]] = {}
    factored: list[FactorPairs] = []
    for need in sorted(needs, key=repr):
        if isinstance(need, Spectra):
            found[need] = tuple(traced_spectrum(x) for x in layers)
        elif isinstance(need, FactorPairs):
            factored.append(need)
        else:
            of_metrics.setdefault(need.metric or metric, []).append(need)
    for centred in sorted({need.centred for need in factored}):
        factors = [traced_factors(x, centred) for x in layers]
        found.update(pair_values(factors, [need for need in factored if need.centred == centred]))
    for own, wanted in of_metrics.items():
        found.update(_of_metric(layers, wanted, ks, own, precision))
    return Statistics(n_samples, ks, tuple(x.shape[1] for x in layers), found)


def _of_metric(
    layers: Sequence[jax.Array], needs: list[Need], ks: tuple[int, ...], metric: Metric, precision: Precision
) -> dict[Need, Any]:
    n_samples = layers[0].shape[0]
    n_padded = -(-n_samples // COLUMN_MULTIPLE) * COLUMN_MULTIPLE
    prepared = [traced_layer(x, metric, n_padded) for x in layers]
    given = metric == "precomputed"
    found: dict[Need, Any] = {}
    kernels = [need for need in needs if isinstance(need, KernelSums)]
    if given and any(need.kernel == "linear" for need in kernels):
        raise ValueError("expected features where inner products are needed, got metric='precomputed'.")
    lists = [need for need in needs if isinstance(need, (Neighbours, NeighbourDistances, NeighbourSimilarities))]
    # Samples apart from the row itself are all that can be had.
    wanted = [max(getattr(need, "least_k", 0), getattr(need, "times", 1) * max(ks)) for need in lists]
    k = min(max([*ks, *wanted]), n_samples - 1)
    coefficients = [_coefficients(need, prepared, n_samples, given) for need in kernels]

    def block(start: jax.Array) -> tuple[Any, ...]:
        rows = jnp.minimum(start + jnp.arange(_ROWS), n_samples - 1)
        valid = start + jnp.arange(_ROWS) < n_samples
        strips = [gram_strip(layer.features, rows, precision, precomputed=given) for layer in prepared]
        columns = ()
        if lists:
            columns = jnp.stack(
                [nearest_in_strip(strip, layer.half_norms, k)[1] for strip, layer in zip(strips, prepared, strict=True)]
            )
        sums = []
        for need, own in zip(kernels, coefficients, strict=True):
            values = jnp.stack(
                [
                    _kernel(strip, layer, rows, valid, need, given, own[number])
                    for number, (strip, layer) in enumerate(zip(strips, prepared, strict=True))
                ]
            )
            flat = values.reshape(len(layers), -1)
            sums.append((jnp.dot(flat, flat.T, precision=lax.Precision.HIGHEST), values.sum(2)))
        return columns, tuple(sums)

    columns, sums = lax.map(block, jnp.arange(0, n_samples, _ROWS))
    for need, (products, row_sums) in zip(kernels, sums, strict=True):
        by_layer = row_sums.transpose(1, 0, 2).reshape(len(layers), -1)[:, :n_samples]
        found[need] = Sums(
            products.sum(0), by_layer, _diagonal(prepared, need, n_samples), n_samples, _units(prepared, need)
        )
    if lists:
        columns = columns.transpose(1, 0, 2, 3).reshape(len(layers), -1, k)[:, :n_samples]
    for need in lists:
        if isinstance(need, NeighbourDistances):
            found[need] = _distances(layers, prepared, columns, metric)
        elif isinstance(need, NeighbourSimilarities):
            found[need] = traced_similarities(layers, columns, metric, need.across)
        else:
            found[need] = NeighbourLists(columns, jnp.arange(n_samples))
    for need in needs:
        if isinstance(need, Imbalances):
            found[need] = _imbalances(layers, ks, metric, precision)
        elif isinstance(need, CondensedDistances):
            first, second = jnp.triu_indices(n_samples, 1)
            found[need] = jnp.stack(
                [_pair_distances(x, layer, first, second, metric) for x, layer in zip(layers, prepared, strict=True)]
            )
    return found


def _imbalances(layers: Sequence[jax.Array], ks: tuple[int, ...], metric: Metric, precision: Precision) -> jax.Array:
    ordered = tuple(sorted(ks))
    values = pair_imbalance(layers[0], layers[-1], ordered, metric, precision=precision).values
    at = jnp.asarray([ordered.index(k) for k in ks])
    floor = (jnp.asarray(ks) + 1) / layers[0].shape[0]
    forward, backward = values[0][at], values[1][at]
    return jnp.stack([jnp.stack([floor, forward], 1), jnp.stack([backward, floor], 1)], 1)


def _coefficients(need: KernelSums, layers: Sequence[Layer], n_samples: int, given: bool) -> list[Any]:
    """Of `rbf`, what squared distances of the scaled features are multiplied by."""
    if need.kernel != "rbf":
        return [0.0] * len(layers)
    first, second = jnp.triu_indices(n_samples, 1)
    found = []
    for layer in layers:
        if given:
            squared = layer.features[second, first] ** 2
        else:
            # About the centre, products keep the digits that a median needs; pairs of rows would take D times as much.
            products = jnp.dot(
                layer.features[:n_samples], layer.features[:n_samples].T, precision=lax.Precision.HIGHEST
            )
            norms = 2 * layer.half_norms[:n_samples]
            squared = jnp.maximum(norms[first] + norms[second] - 2 * products[first, second], 0)
        found.append(0.5 / ((need.bandwidth or 1.0) ** 2 * jnp.median(squared)))
    return found


def _kernel(
    strip: jax.Array, layer: Layer, rows: jax.Array, valid: jax.Array, need: KernelSums, given: bool, coefficient: Any
) -> jax.Array:
    norms = jnp.where(jnp.isfinite(layer.half_norms), layer.half_norms, 0)
    counts = valid[:, None] & jnp.isfinite(strip) & jnp.isfinite(layer.half_norms)
    product = jnp.where(counts, strip, 0)
    if need.kernel == "linear":
        values = product
    else:
        squared = product**2 if given else jnp.maximum(2 * (norms[rows][:, None] + norms - product), 0)
        if need.kernel == "squared_distance":
            values = squared
        elif need.kernel == "distance":
            # The slope of a square root at 0 is infinite, and would make gradients NaN.
            values = -product if given else jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1)), 0)
        else:
            values = jnp.exp(-coefficient * squared)
    return jnp.where(counts, values, 0)


def _diagonal(layers: Sequence[Layer], need: KernelSums, n_samples: int) -> jax.Array:
    if need.kernel == "linear":
        return jnp.stack([2 * layer.half_norms[:n_samples] for layer in layers])
    return jnp.full((len(layers), n_samples), 1.0 if need.kernel == "rbf" else 0.0, layers[0].features.dtype)


def _units(layers: Sequence[Layer], need: KernelSums) -> jax.Array:
    power = {"linear": 2, "squared_distance": 2, "distance": 1, "rbf": 0}[need.kernel]
    return jnp.stack([jnp.asarray(layer.scale, layer.features.dtype) ** power for layer in layers])


def _distances(layers: Sequence[jax.Array], prepared: Sequence[Layer], columns: jax.Array, metric: Metric) -> jax.Array:
    """Distances to neighbours by differences, `[n_layers, n_samples, k]`."""
    n_samples, k = columns.shape[1:]
    rows = jnp.repeat(jnp.arange(n_samples), k)
    return jnp.stack(
        [
            (
                jnp.asarray(x)[rows, own.reshape(-1)]
                if metric == "precomputed"
                else _feature_distances(layer, rows, own.reshape(-1))
            ).reshape(n_samples, k)
            for x, layer, own in zip(layers, prepared, columns, strict=True)
        ]
    )


def _pair_distances(x: jax.Array, layer: Layer, first: jax.Array, second: jax.Array, metric: Metric) -> jax.Array:
    """Distances of pairs of samples, in the units of the representation."""
    if metric == "precomputed":
        return jnp.asarray(x)[first, second]
    distances = _feature_distances(layer, first, second)
    return distances if metric == "euclidean" else distances**2 / 2


def _feature_distances(layer: Layer, first: jax.Array, second: jax.Array) -> jax.Array:
    moved = layer.features[first] - layer.features[second]
    squared = (moved * moved).sum(1)
    # The scale comes last: its square may leave the range of float32.
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1)), 0) * layer.scale
