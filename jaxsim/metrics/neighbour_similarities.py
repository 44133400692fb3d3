"""Inner products of samples with their neighbours, by every layer."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxsim_kernels import Metric
from jaxsim_kernels.centring import chunks
from jaxsim_kernels.directions import normalised_rows
from jaxsim_kernels.host.neighbour_products import products_at
from jaxsim_kernels.prepare import traced_directions
from jaxtyping import Int

from .statistics import SimilaritiesAtNeighbours

_ROWS = 256


def similarities_at(
    layers: Sequence[Any],
    columns: Int[np.ndarray, "n_layers n_rows n_neighbours"],
    rows: Int[np.ndarray, " n_rows"],
    metric: Metric,
    across: bool = False,
) -> SimilaritiesAtNeighbours:
    """Inner products of rows with their neighbours, in float64, from one layer's features at a time.

    Args:
        layers: `[n_samples, n_features]` with `shape`, `dtype` and row slices.
        columns: Neighbours as sample numbers, nearest first.
        rows: Sample numbers of the rows, such as all samples, query rows, or those of a half.
        metric: `euclidean` takes rows as they are, `cosine` rows of length one, `correlation` centred rows of length
            one.
        across: Whether every layer's inner products at the neighbours by every other are wanted.

    Returns:
        The inner products.

    Raises:
        ValueError: For `precomputed` distances, which have no inner products.

    Example:
        >>> found = similarities_at([np.eye(3) + 1], np.array([[[1], [0], [1]]]), np.arange(3), "cosine")
        >>> found.own.ravel().round(3).tolist(), found.row_means.round(3).tolist()
        ([0.833, 0.833, 0.833], [[0.889, 0.889, 0.889]])
    """
    _check_features(metric)
    n_layers = len(layers)
    own, means = np.empty(columns.shape), np.empty(columns.shape[:2])
    elsewhere = np.empty((n_layers, *columns.shape)) if across else None
    for place, x in enumerate(layers):
        features = np.empty(x.shape)
        for chunk, read in chunks(x):
            features[chunk] = normalised_rows(read, metric)
        of_rows = features if len(rows) == len(features) else features[rows]
        means[place] = of_rows @ of_rows.mean(axis=0)
        if elsewhere is None:
            own[place] = products_at(features, rows, columns[place : place + 1])[0]
        else:
            elsewhere[place] = products_at(features, rows, columns)
            own[place] = elsewhere[place, place]
    return SimilaritiesAtNeighbours(own, elsewhere, means)


def traced_similarities(
    layers: Sequence[jax.Array], columns: jax.Array, metric: Metric, across: bool = False
) -> SimilaritiesAtNeighbours:
    """The same inside a JAX transformation, where every sample is a row.

    Args:
        layers: `[n_samples, n_features]`.
        columns: Neighbours of every sample `[n_layers, n_samples, n_neighbours]`, nearest first.
        metric: As for `similarities_at`.
        across: As for `similarities_at`.

    Returns:
        The inner products, in float64 where a layer is and in float32 otherwise.

    Raises:
        ValueError: For `precomputed` distances.

    Example:
        >>> found = traced_similarities([jnp.eye(3) + 1], jnp.array([[[1], [0], [1]]]), "euclidean")
        >>> found.own.ravel().tolist()
        [5.0, 5.0, 5.0]
    """
    _check_features(metric)
    n_samples = layers[0].shape[0]
    own, means, elsewhere = [], [], []
    for place, x in enumerate(layers):
        features = jnp.asarray(x, jnp.float64 if x.dtype == jnp.float64 else jnp.float32)
        features = features if metric == "euclidean" else traced_directions(features, metric)
        lists = columns if across else columns[place : place + 1]

        def block(start: jax.Array, features: jax.Array = features, lists: jax.Array = lists) -> jax.Array:
            rows = jnp.minimum(start + jnp.arange(_ROWS), n_samples - 1)
            products = jnp.dot(features[rows], features.T, precision=lax.Precision.HIGHEST)
            return jnp.take_along_axis(products[None], lists[:, rows], axis=2)

        found = lax.map(block, jnp.arange(0, n_samples, _ROWS))
        found = jnp.moveaxis(found, 0, 1).reshape(len(lists), -1, columns.shape[2])[:, :n_samples]
        means.append(jnp.dot(features, features.mean(axis=0), precision=lax.Precision.HIGHEST))
        own.append(found[place if across else 0])
        elsewhere.append(found)
    return SimilaritiesAtNeighbours(jnp.stack(own), jnp.stack(elsewhere) if across else None, jnp.stack(means))


def _check_features(metric: Metric) -> None:
    if metric == "precomputed":
        raise ValueError("expected features where inner products are needed, got metric='precomputed'.")
