"""Sums over pairs of kernels of all layers as a compiled program, for devices that are not one CPU."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec as P

from .kernel_sums import KernelName
from .placement import Placement
from .programs import compiled_for, mapped_over


@cache
def kernel_program(placement: Placement, kernels: tuple[KernelName, ...], given: tuple[bool, ...]) -> Any:
    """`(strips, half_norms, samples, valid, coefficients) -> (products, row_sums)` of a block of rows.

    Strips and half norms are tuples with one of each layer, `samples` and `valid` say which samples the rows are of and
    which rows count, `coefficients` `[n_kernels, n_layers]` are those of `rbf`. Products are
    `[n_kernels, n_layers, n_layers]`, row sums `[n_kernels, n_layers, n_rows]`.
    """
    axis = placement.axis

    def step(strips, half_norms, samples, valid, coefficients):
        return kernel_sums_of_strips(strips, half_norms, samples, valid, coefficients, kernels, given, axis)

    if axis is None:
        return compiled_for(placement, step)
    # One specification serves every layer of a tuple.
    return compiled_for(placement, mapped_over(placement, step, (P(None, axis), P(axis), P(), P(), P()), P()))


def kernel_sums_of_strips(
    strips: Sequence[jax.Array],
    half_norms: Sequence[jax.Array],
    samples: jax.Array,
    valid: jax.Array,
    coefficients: jax.Array,
    kernels: tuple[KernelName, ...],
    given: tuple[bool, ...],
    axis: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """What `kernel_program` gives, inside a program; see there.

    Example:
        >>> strip = jnp.array([[-jnp.inf, 2.0]])
        >>> samples, valid = jnp.zeros(1, jnp.int32), jnp.ones(1, bool)
        >>> half = jnp.ones(2)
        >>> sums = kernel_sums_of_strips([strip], [half], samples, valid, jnp.zeros((1, 1)), ("linear",), (False,))
        >>> sums[0].item(), sums[1].item()
        (4.0, 2.0)
    """
    products, row_sums = [], []
    for kernel, name in enumerate(kernels):
        values = jnp.stack(
            [
                _values(strip, norms, samples, valid, name, own_given, coefficients[kernel, layer], axis)
                for layer, (strip, norms, own_given) in enumerate(zip(strips, half_norms, given, strict=True))
            ]
        )
        flat = values.reshape(len(strips), -1)
        products.append(lax.dot_general(flat, flat, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST))
        row_sums.append(values.sum(2))
    found = jnp.stack(products), jnp.stack(row_sums)
    return found if axis is None else lax.psum(found, axis)


def _values(
    strip: jax.Array,
    half_norms: jax.Array,
    samples: jax.Array,
    valid: jax.Array,
    kernel: KernelName,
    given: bool,
    coefficient: jax.Array,
    axis: str | None,
) -> jax.Array:
    """A kernel of the rows with this device's samples `[n_rows, n_columns]`, 0 for self, padding and rows not valid."""
    n_columns = strip.shape[1]
    local = samples if axis is None else samples - lax.axis_index(axis) * n_columns
    owned = (local >= 0) & (local < n_columns)
    counts = valid[:, None] & jnp.isfinite(strip) & jnp.isfinite(half_norms)
    product = jnp.where(counts, strip, 0)
    if given:
        values = -product
    elif kernel == "linear":
        values = product
    else:
        own = jnp.where(owned, half_norms[jnp.where(owned, local, 0)], 0)
        own = own if axis is None else lax.psum(own, axis)
        squared = 2 * (own[:, None] + jnp.where(jnp.isfinite(half_norms), half_norms, 0) - product)
        values = jnp.maximum(squared, 0)
    if kernel == "distance" and not given:
        values = jnp.sqrt(values)
    elif kernel == "squared_distance" and given:
        values = values * values
    elif kernel == "rbf":
        values = jnp.exp(-coefficient * (values * values if given else values))
    return jnp.where(counts, values, 0)
