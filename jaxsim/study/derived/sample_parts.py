"""Measurements of parts of the samples, laid out so that what holds for one k is worked out for all parts at once."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from jaxtyping import Float

from jaxsim.metrics.half_samples import at_equal_sizes, equal_in_halves

#: Dims of parts of the samples.
PARTS = ("split", "side", "quarter")


def as_many_k(values: xr.DataArray) -> xr.DataArray:
    """Several measurements of the same steps as one with more values of k, to be worked on at once.

    Args:
        values: Dims `k` and those of the steps, and further dims of parts of the samples (`split`, `side`, `quarter`).

    Returns:
        The same with the further dims laid out along `k`, whose coordinate counts from 0; `apart` undoes it.

    Example:
        >>> halves = xr.DataArray(np.zeros((8, 2, 3, 5)), dims=("split", "side", "k", "step"))
        >>> as_many_k(halves).sizes["k"]
        48
    """
    parts = [dim for dim in values.dims if dim in PARTS]
    rest = [dim for dim in values.dims if dim not in PARTS and dim != "k"]
    ordered = values.transpose(*parts, "k", *rest)
    n = math.prod(ordered.sizes[dim] for dim in (*parts, "k"))
    coords = {name: coord for name, coord in values.coords.items() if set(coord.dims) <= set(rest) and coord.dims}
    flat = ordered.values.reshape(n, *(ordered.sizes[dim] for dim in rest))
    return xr.DataArray(flat, coords={"k": np.arange(n), **coords}, dims=("k", *rest))


def halves_alike(halves: xr.Dataset, prefix: str = "") -> xr.Dataset:
    """What was measured within halves as if both of a split held as many samples, see `at_equal_sizes`.

    Args:
        halves: With `imbalance` along `split` and `side`, and `forward` and `backward` where spaces were measured.
        prefix: Before the names of the variables that are meant.

    Returns:
        The dataset with these moved; others as they are.
    """
    imbalance = halves[f"{prefix}imbalance"].transpose("split", "side", "k", "source", "target")
    equal = equal_in_halves(imbalance.values)
    moved = {}
    for name in ("imbalance", "forward", "backward"):
        if f"{prefix}{name}" in halves:
            own = halves[f"{prefix}{name}"].transpose("split", "side", "k", ...)
            moved[f"{prefix}{name}"] = own.copy(data=at_equal_sizes(own.values, equal))
    return halves.assign(moved)


def apart(values: Float[np.ndarray, " n *rest"], of: xr.DataArray) -> Float[np.ndarray, "..."]:
    """What was worked out from `as_many_k(of)`, along the parts of `of` again: `[*parts, n_k, *rest]`.

    Example:
        >>> halves = xr.DataArray(np.zeros((8, 2, 3, 5)), dims=("split", "side", "k", "step"))
        >>> apart(np.zeros(48), halves).shape
        (8, 2, 3)
    """
    parts = [of.sizes[dim] for dim in of.dims if dim in PARTS]
    return values.reshape(*parts, of.sizes["k"], *values.shape[1:])
