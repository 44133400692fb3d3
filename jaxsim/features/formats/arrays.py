"""Arrays in memory, or of any library that reads them from a disk, as features."""

import hashlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jaxsim.features.formats.contents import Contents
from jaxsim.rows import LazyRows

_BLOCK_ROWS = 4096


def read_mapping(given: Mapping[Any, Any]) -> Contents:
    """The arrays of a mapping; a nested mapping is a group, whose arrays are named "group/array".

    Args:
        given: Name -> array of NumPy, JAX or torch, or what offers `shape`, `dtype` and row slices (a memory map, a
            dataset of h5py, an array of zarr), or lists of texts, which are ids.

    Raises:
        ValueError: If a name is no text, or a value is no array.

    Example:
        >>> read_mapping({"enc": {"a": np.ones((2, 3))}}).arrays["enc/a"].shape
        (2, 3)
    """
    arrays: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for name, value in _flattened(given, ""):
        array = as_array(value, name)
        if array is None or (len(array.shape) == 1 and array.dtype.kind in "USOTiu"):
            texts[name] = value
        else:
            arrays[name] = array
    return Contents(
        kind="arrays",
        source="arrays in memory",
        arrays=arrays,
        id_keys=tuple(texts),
        read_ids=lambda key: texts[key],
        fingerprint=lambda: _hash_of(arrays),
    )


def as_array(value: Any, name: str) -> Any:
    """A value as something with `shape`, `dtype` and row slices of NumPy's; None for a list of texts.

    Raises:
        ValueError: If it is no array.

    Example:
        >>> as_array([[1.0, 2.0]], "x").shape
        (1, 2)
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return tensor_rows(value, torch)
    if isinstance(value, np.ndarray):
        return value
    if all(hasattr(value, each) for each in ("shape", "dtype", "__getitem__")) and not isinstance(value, jax.Array):
        dtype = getattr(value.dtype, "numpy_dtype", value.dtype)
        if len(value.shape) != 2:
            return np.asarray(value)
        return LazyRows(
            lambda start, stop: np.asarray(value[start:stop]), value.shape, dtype, chunk_rows=_chunk_rows_of(value)
        )
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"expected the layer {name!r} as an array [n_samples, n_features], got a {type(value).__name__}: {error}"
        ) from error
    if array.ndim == 0:
        raise ValueError(
            f"expected the layer {name!r} as an array [n_samples, n_features], got a {type(value).__name__}"
        )
    return None if array.dtype.kind in "USO" else array


def tensor_rows(tensor: Any, torch: Any) -> Any:
    """A torch tensor with row slices of NumPy's; what NumPy has no type for (bfloat16) becomes float32 as it is read.

    Args:
        tensor: Of any dtype of numbers.
        torch: The module.
    """
    held = tensor.detach()
    narrow = held.is_floating_point() and held.dtype not in (torch.float16, torch.float32, torch.float64)

    def read(start: int, stop: int) -> np.ndarray:
        rows = held[start:stop].cpu()
        return (rows.float() if narrow else rows).numpy()

    dtype = read(0, 0).dtype if held.ndim else np.dtype(np.float32)
    return LazyRows(read, tuple(held.shape), dtype) if held.ndim == 2 else read(0, len(held)) if held.ndim else None


def _chunk_rows_of(value: Any) -> int:
    chunks = getattr(value, "chunks", None)
    first = chunks[0] if isinstance(chunks, tuple) and chunks else getattr(value, "chunk_rows", 1)
    return first if isinstance(first, int) else 1


def _flattened(given: Mapping[Any, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for key, value in given.items():
        if not isinstance(key, str) or not key:
            raise ValueError(f"expected the names of layers to be texts, got {key!r}; rename it")
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


def _hash_of(arrays: Mapping[str, Any]) -> str:
    """A hash of all values, read once, some rows at a time."""
    digest = hashlib.blake2b(digest_size=16)
    for name, array in arrays.items():
        digest.update(f"{name} {array.shape} {array.dtype}".encode())
        for start in range(0, array.shape[0], _BLOCK_ROWS):
            digest.update(np.ascontiguousarray(array[start : start + _BLOCK_ROWS]).data.cast("B"))
    return digest.hexdigest()
