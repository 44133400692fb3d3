"""What metrics accept as a representation, and what they say about anything else."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxsim_kernels import Metric
from jaxsim_kernels.centring import chunks, differences

from jaxsim.arguments import neighbour_counts
from jaxsim.warn import warn

from .named_samples import layers_of_sets, names_samples
from .reading import Rows, check_unmasked, readable

_EXACT_INTEGERS = 2.0**53
_INSTEAD = {
    "c": "give real and imaginary parts as features: np.concatenate([x.real, x.imag], axis=1)",
    "M": "subtract a date and divide by a unit of time",
    "m": "divide by a unit of time",
    "O": "convert it with x.astype(float) if its elements are numbers",
}


class DegenerateLayerWarning(UserWarning):
    """A representation that is the same for every sample."""


class TieWarning(UserWarning):
    """So many equal distances that the convention for ties decides the result."""


def as_layers(layers: Any) -> dict[str, Any]:
    """Named representations from a mapping or a sequence.

    Args:
        layers: Mapping name -> representation, or a sequence, whose names become `layer00`, `layer01`, ...; or a
            mapping from names to sets of layers whose samples have ids (`jaxsim.open_features`): these meet by id.

    Returns:
        The representations in order, each two-dimensional with `shape`, `dtype` and row slices; nothing is read yet
        from arrays on disk.

    Raises:
        ValueError: If there are none, two have one name, one is not two-dimensional or not numeric, or sample counts
            differ.

    Example:
        >>> list(as_layers([np.ones((4, 2)), np.ones((4, 3))]))
        ['layer00', 'layer01']
    """
    if isinstance(layers, Mapping) and any(names_samples(x) for x in layers.values()):
        layers = layers_of_sets(layers)
    if isinstance(layers, Mapping):
        odd = next((name for name in layers if isinstance(name, (float, bytes, tuple, bool)) or name is None), 0)
        if not isinstance(odd, (str, int)) or isinstance(odd, bool):
            raise ValueError(f"layers must have names that are text, got {odd!r}; rename it.")
        names = [str(name) for name in layers]
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise ValueError(f"layers must have different names, got two that read {twice!r}; rename one.")
        named = {str(name): as_representation(x, str(name)) for name, x in layers.items()}
    elif isinstance(layers, (str, bytes, set, frozenset)) or not hasattr(layers, "__iter__"):
        raise ValueError(f"layers must be a mapping name -> array or a sequence of arrays, got {layers!r}.")
    elif hasattr(layers, "columns"):
        raise ValueError(
            f"layers must be a mapping name -> array or a sequence of arrays, got one {type(layers).__name__}; name it "
            "as {'name': it}."
        )
    else:
        named = {f"layer{i:02d}": as_representation(x, f"layer{i:02d}") for i, x in enumerate(layers)}
    if not named:
        raise ValueError("layers must hold at least one representation, got none.")
    check_same_samples(named)
    return named


def as_representation(x: Any, name: str) -> Any:
    """An array that can be sliced row by row, without copying where that is possible.

    Args:
        x: NumPy, JAX or torch array, sparse matrix, DataFrame, memory map, array on disk, nested list: see `reading`.
        name: What to call it in an error.

    Returns:
        A NumPy array, or `x` itself if it offers `shape`, `dtype` and slices.

    Raises:
        ValueError: If it is not two-dimensional and numeric, or has masked values.

    Example:
        >>> as_representation([[1, 2], [3, 4]], "x").shape
        (2, 2)
    """
    x = readable(x, name)
    kind = getattr(x.dtype, "kind", "")
    if kind not in ("f", "i", "u", "b") and not jnp.issubdtype(x.dtype, jnp.floating):
        if getattr(x.dtype, "names", None):
            instead = f"select a field of the structured array: {', '.join(x.dtype.names)}"
        else:
            instead = _INSTEAD.get(kind, "convert it to numbers first")
        raise ValueError(f"layer {name!r} must hold real numbers, got dtype {x.dtype}; {instead}.")
    if x.shape is None:
        raise ValueError(f"layer {name!r} must have shape [n_samples, n_features], got an array without a shape.")
    if len(x.shape) != 2:
        raise ValueError(
            f"layer {name!r} must have shape [n_samples, n_features], got {tuple(x.shape)}; pool or reshape it to one "
            "vector per sample first."
        )
    if 0 in x.shape:
        raise ValueError(f"layer {name!r} is empty: shape {tuple(x.shape)}.")
    if kind != "b":
        return x
    if isinstance(x, Tracer):
        return x.astype(jnp.uint8)
    return x.view(np.uint8) if isinstance(x, np.ndarray) else Rows(x, x.shape, np.uint8, np.asarray)


def check_same_samples(layers: Mapping[str, Any]) -> int:
    """Number of samples that all representations share.

    Raises:
        ValueError: If they differ; names the first two that do.

    Example:
        >>> check_same_samples({"a": np.ones((4, 2)), "b": np.ones((4, 3))})
        4
    """
    (first, reference), *rest = layers.items()
    for name, x in rest:
        if x.shape[0] != reference.shape[0]:
            raise ValueError(
                f"all layers must describe the same samples: {first!r} has {reference.shape[0]}, {name!r} has "
                f"{x.shape[0]}."
            )
    return reference.shape[0]


def as_distances(layers: Mapping[str, Any]) -> dict[str, Any]:
    """Matrices of distances whose diagonal reads as 0, whatever it holds: 0, infinity and NaN are all in use there.

    Args:
        layers: Name -> `[n_samples, n_samples]`.

    Raises:
        ValueError: If one is not square.

    Example:
        >>> as_distances({"x": np.full((2, 2), np.inf)})["x"][0:1].tolist()
        [[0.0, inf]]
    """
    for name, x in layers.items():
        if x.shape[0] != x.shape[1]:
            raise ValueError(
                f"metric='precomputed' expects distances [n_samples, n_samples], layer {name!r} has shape "
                f"{tuple(x.shape)}; give representations with metric='euclidean' instead."
            )
    return {
        name: jnp.fill_diagonal(x, 0, inplace=False) if isinstance(x, Tracer) else _ZeroDiagonal(x)
        for name, x in layers.items()
    }


class _ZeroDiagonal:
    """A square matrix, read where it lies; the diagonal of the rows that are read is 0."""

    def __init__(self, x: Any) -> None:
        self._x, self.shape, self.dtype = x, tuple(x.shape), x.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        chunk = np.array(self._x[rows])
        chunk[np.arange(len(chunk)), np.arange(self.shape[0])[rows]] = 0
        return chunk


def check_values(layers: Mapping[str, Any], metric: Metric) -> None:
    """Look once at every value: finite, some variance, and no zero row where rows are normalised.

    Raises:
        ValueError: For NaN, infinity or a masked value, with the layer and the first sample; for a row that `metric`
            cannot normalise; for negative distances; for integers whose differences float64 does not hold.

    Warns:
        DegenerateLayerWarning: For a layer that is the same for every sample.

    Example:
        >>> check_values({"x": np.eye(3)}, "euclidean")
    """
    for name, x in layers.items():
        if metric == "euclidean" and isinstance(x, jax.Array) and _fine_on_device(x):
            continue
        first = np.asarray(x[:1])
        varies = False
        for rows, chunk in chunks(x, lambda chunk, start, name=name: check_unmasked(chunk, start, name)):
            start = rows.start
            _check_finite(chunk, start, name)
            if metric in ("cosine", "correlation"):
                _check_normalisable(chunk, start, name, metric)
            if metric == "precomputed":
                _check_distances(chunk, start, name)
            varies = varies or bool((chunk != first).any())
        if first.dtype.kind in "iu" and first.dtype.itemsize == 8 and metric in ("euclidean", "precomputed"):
            _check_integers(x, name, metric)
        if not varies:
            warn(
                f"layer {name!r} has no variance: all {x.shape[0]} samples are the same, so every rank in it is tied.",
                DegenerateLayerWarning,
            )


def _fine_on_device(x: jax.Array) -> bool:
    """Whether floats on devices are finite and not all the same, without the host; if not, the host says where."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return False
    return bool(jnp.isfinite(x).all() & (x != x[:1]).any())


def plain_k(k: Any) -> Any:
    """Numbers of neighbours without arrays: a single one as it is, several as a tuple.

    Example:
        >>> plain_k(np.array(3)), plain_k(np.array([1, 2])), plain_k(range(1, 3))
        (3, (1, 2), (1, 2))
    """
    if hasattr(k, "tolist") and not isinstance(k, Tracer):
        k = k.tolist()
    return tuple(getattr(v, "item", lambda v=v: v)() for v in k) if isinstance(k, (tuple, list, range)) else k


def check_ks(k: Any, n_samples: int) -> tuple[int, ...]:
    """Numbers of neighbours as a tuple in the given order.

    Raises:
        ValueError: If one is below 1, repeated, not an integer, or too large for the number of samples.

    Example:
        >>> check_ks((1, 10), 100)
        (1, 10)
    """
    ks = neighbour_counts(k)
    if n_samples < max(ks) + 2:
        raise ValueError(
            f"k={max(ks)} needs at least {max(ks) + 2} samples, got {n_samples}; use a smaller k or more samples."
        )
    if max(ks) * 2 * n_samples >= 2**31:
        raise ValueError(f"k * n_samples must stay below 2^30, got {max(ks)} * {n_samples}.")
    return ks


def _check_finite(chunk: np.ndarray, start: int, name: str) -> None:
    # The sum tells at once, except where finite values overflow: then the closer look finds nothing.
    if chunk.dtype.kind in "iub":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        # In their own width where NumPy has fast sums for it: not in 16 bits.
        if np.isfinite(chunk.sum() if chunk.dtype in (np.float32, np.float64) else chunk.sum(dtype=np.float64)):
            return
        bad = ~np.isfinite(chunk.astype(np.float64)).all(1)
    if bad.any():
        row = int(np.argmax(bad))
        what = "NaN" if np.isnan(chunk[row].astype(np.float64)).any() else "infinity"
        raise ValueError(
            f"layer {name!r} holds {what} in {int(bad.sum())} of the samples looked at, first in sample {start + row}; "
            "leave these samples out of every layer or repair them."
        )


def _check_integers(x: Any, name: str, metric: Metric) -> None:
    """Refuse differences of 64-bit integers that float64 would round."""
    lowest = np.zeros(x.shape[1], x.dtype)
    if metric == "euclidean":
        lowest = np.minimum.reduce([chunk.min(0) for _, chunk in chunks(x)])
    for rows, chunk in chunks(x):
        moved = differences(chunk, lowest)
        if moved.max() <= _EXACT_INTEGERS:
            continue
        # Unsigned, the difference is exact; 2^64 itself is beyond it.
        whole = chunk.astype(np.uint64) - lowest.astype(np.uint64)
        held = moved < 2.0**64
        rounded = ~held | (np.where(held, moved, 0).astype(np.uint64) != whole)
        if rounded.any():
            row, column = np.argwhere(rounded)[0]
            raise ValueError(
                f"layer {name!r} holds integers that are more than 2^53 apart, which float64 does not tell from their "
                f"neighbours (feature {column}, first in sample {rows.start + row}); convert it with x.astype(float) "
                "if that rounding is what you want, or leave the feature out."
            )


def _check_distances(chunk: np.ndarray, start: int, name: str) -> None:
    negative = (chunk < 0).any(1)
    if negative.any():
        raise ValueError(
            f"metric='precomputed' expects distances, layer {name!r} holds a negative value, first in row "
            f"{start + int(np.argmax(negative))}; for similarities give 1 - s, or whatever decreases with them."
        )


def _check_normalisable(chunk: np.ndarray, start: int, name: str, metric: Metric) -> None:
    wide = chunk.astype(np.float64)
    flat = (wide == wide[:, :1]).all(1) if metric == "correlation" else (wide == 0).all(1)
    if flat.any():
        what = "constant" if metric == "correlation" else "zero"
        raise ValueError(
            f"metric={metric!r} is not defined for a {what} row: layer {name!r}, sample "
            f"{start + int(np.argmax(flat))}; use metric='euclidean' or leave the sample out."
        )
