"""Kernels of all pairs of samples as matrices, for what looks at them in another order many times over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxsim_kernels import Metric
from jaxsim_kernels.prepare import prepared_rows
from jaxtyping import Float

from ..condensed import machine_bytes
from ..statistics import KernelSums, Sums

_SHARE_OF_MEMORY = 0.25


@dataclass(frozen=True)
class DenseKernel:
    """A kernel of one layer.

    Attributes:
        values: With its diagonal, `[n_samples, n_samples]`.
        unit: What the values are multiples of.
    """

    values: Float[np.ndarray, "n n"]
    unit: float


def check_dense(n_samples: int, n_layers: int, budget: int | None) -> None:
    """Refuses more matrices of all pairs of samples than the memory holds.

    Raises:
        ValueError: Says what is needed and what to do.

    Example:
        >>> check_dense(100, 2, None)
    """
    needed = 8 * n_layers * n_samples**2
    allowed = int(_SHARE_OF_MEMORY * machine_bytes()) if budget is None else budget
    if needed > allowed:
        raise ValueError(
            f"expected matrices of all pairs of samples to fit {allowed:,} bytes, but shuffled pairings of "
            f"{n_samples:,} samples in {n_layers} layers take {needed:,}; give a larger budget, fewer samples or "
            "layers, or null='moments' where the measure has it."
        )


def dense_kernel(x: Any, need: KernelSums, metric: Metric) -> DenseKernel:
    """A kernel of one layer, in float64.

    Args:
        x: `[n_samples, n_features]`, or distances for `precomputed`.
        need: Which kernel; its metric is not looked at.
        metric: Of the distances.

    Returns:
        The kernel; distances by the products of samples, as streaming passes take them.

    Raises:
        ValueError: For a bandwidth from a median distance of 0.

    Example:
        >>> dense_kernel(np.array([[0.0], [3.0]]), KernelSums("distance"), "euclidean").values.tolist()
        [[0.0, 0.75], [0.75, 0.0]]
    """
    if metric == "precomputed":
        squared, unit, products = np.asarray(x[:], np.float64) ** 2, 1.0, None
        np.fill_diagonal(squared, 0)
    else:
        rows, unit = prepared_rows(x, metric)
        products = rows @ rows.T
        norms = np.diag(products)
        squared = np.maximum(norms[:, None] + norms - 2 * products, 0)
        np.fill_diagonal(squared, 0)
    if need.kernel == "linear":
        if products is None:
            raise ValueError("expected features where inner products are needed, got metric='precomputed'.")
        return DenseKernel(products, unit**2)
    if need.kernel == "squared_distance":
        return DenseKernel(squared, unit**2)
    if need.kernel == "distance":
        return DenseKernel(np.sqrt(squared), unit)
    median = np.median(squared[np.triu_indices(len(squared), 1)])
    if median == 0:
        raise ValueError(
            "expected the bandwidth of every layer from its median distance, which is 0 in one: most of its samples "
            "are equal; use drop_duplicates=True, or leave the layer or the measure out."
        )
    return DenseKernel(np.exp(-squared / (2 * (need.bandwidth or 1.0) ** 2 * median)), 1.0)


def sums_of(kernels: Sequence[DenseKernel], order: np.ndarray, n_sources: int) -> Sums:
    """What streaming passes add up, of sources paired with targets in another order.

    Args:
        kernels: Of all layers, the sources first.
        order: Which sample of the targets each sample of the sources is paired with.
        n_sources: Number of sources.

    Returns:
        The sums; among the sources and among the targets those of any order.

    Example:
        >>> kernel = dense_kernel(np.array([[0.0], [3.0]]), KernelSums("distance"), "euclidean")
        >>> sums_of([kernel, kernel], np.array([1, 0]), 1).products.tolist()
        [[1.125, 1.125], [1.125, 1.125]]
    """
    n = len(order)
    flat = np.empty((len(kernels), n * n))
    diagonal, row_sums = np.empty((len(kernels), n)), np.empty((len(kernels), n))
    for place, each in enumerate(kernels):
        values = each.values if place < n_sources else each.values[np.ix_(order, order)]
        diagonal[place] = np.diag(values)
        row_sums[place] = values.sum(1) - diagonal[place]
        flat[place] = values.ravel()
    products = flat @ flat.T - diagonal @ diagonal.T
    return Sums(products, row_sums, diagonal, n, np.array([each.unit for each in kernels]))
