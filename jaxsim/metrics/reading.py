"""Arrays of other libraries as something that NumPy can slice row by row, with every bit that they hold."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jax.core import Tracer

from jaxsim.wording import counted

_EXACT_INTEGERS = 2**53

HOST_PLATFORMS = ("cpu",)
"""Platforms whose arrays the host reads where they lie."""


def readable(x: Any, name: str) -> Any:
    """An array that NumPy can slice, at its full width.

    Args:
        x: Array of NumPy, JAX, torch, SciPy (sparse), pandas or xarray, whatever offers `shape`, `dtype` and slices
            (arrays on disk), DLPack or NumPy's protocols, or a nested list.
        name: What to call it in an error.

    Returns:
        A NumPy array, a JAX tracer, or something with `shape`, `dtype` and row slices.

    Raises:
        ValueError: For masked values, and for what cannot be read as numbers.

    Example:
        >>> import scipy.sparse
        >>> readable(scipy.sparse.csr_array(np.eye(2)), "x")[0:1].tolist()
        [[1.0, 0.0]]
    """
    if isinstance(x, np.ma.MaskedArray):
        check_unmasked(x, 0, name)
        return np.ma.getdata(x)
    if isinstance(x, np.ndarray):
        return np.asarray(x)
    if isinstance(x, jax.Array):
        # Keys of random numbers are no array of NumPy's.
        as_it_is = isinstance(x, Tracer) or not x.is_fully_addressable or jnp.issubdtype(x.dtype, jax.dtypes.extended)
        return x if as_it_is or _elsewhere(x) else np.asarray(x)
    if isinstance(x, pd.DataFrame):
        return _frame(x, name)
    if _is_torch(x):
        return _torch(x, name)
    if hasattr(x, "tocsr"):
        # SciPy: rows are made dense as they are read.
        return Rows(x.tocsr(), x.shape, x.dtype, lambda rows: rows.toarray())
    if hasattr(x, "todense"):
        return readable(x.todense(), name)
    if all(hasattr(x, each) for each in ("shape", "dtype", "__getitem__")) and not isinstance(x, xr.Dataset):
        dtype = _numpy_dtype(x)
        if dtype is not None:
            return x if x.dtype is dtype else Rows(x, x.shape, dtype, np.asarray)
    return _whole(x, name)


def _elsewhere(x: jax.Array) -> bool:
    """Whether it lies on devices that the host cannot read in place: it is used there."""
    return any(device.platform not in HOST_PLATFORMS for device in x.devices())


class Rows:
    """An array whose rows are turned into NumPy's as they are read.

    Example:
        >>> Rows(np.eye(2, dtype=bool), (2, 2), np.uint8, np.asarray)[0:1].tolist()
        [[1, 0]]
    """

    def __init__(self, x: Any, shape: Any, dtype: Any, read: Any) -> None:
        """Wrap an array; `read` is applied to its slices."""
        self._x, self._read = x, read
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Rows in the dtype said."""
        return np.asarray(self._read(self._x[rows])).astype(self.dtype, copy=False)


def check_unmasked(chunk: Any, start: int, name: str) -> None:
    """Refuse masked values: NumPy would hand out what lies beneath the mask.

    Args:
        chunk: Rows as they were read; anything but a masked array passes.
        start: Number of its first row.
        name: Of the layer.

    Raises:
        ValueError: If a value is masked; names layer and sample.

    Example:
        >>> check_unmasked(np.ma.masked_array([[1.0, 2.0]], [[False, False]]), 0, "x")
    """
    if not isinstance(chunk, np.ma.MaskedArray) or not np.ma.is_masked(chunk):
        return
    masked = np.ma.getmaskarray(chunk).reshape(len(chunk), -1)
    if masked.dtype.names is None and masked.any():
        rows = masked.any(1)
        raise ValueError(
            f"layer {name!r} holds masked values in {int(rows.sum())} of the samples looked at, first in sample "
            f"{start + int(np.argmax(rows))}; leave these samples out of every layer or fill them."
        )


def _numpy_dtype(x: Any) -> np.dtype | None:
    """NumPy's name for the dtype of an array, None where it has none."""
    try:
        return np.dtype(getattr(x.dtype, "numpy_dtype", x.dtype))
    except TypeError:
        return None


def _whole(x: Any, name: str) -> np.ndarray:
    by_dlpack = hasattr(x, "__dlpack__") and not hasattr(x, "__array__")
    try:
        return np.from_dlpack(x) if by_dlpack else np.asarray(x)
    except (TypeError, ValueError, BufferError, RuntimeError) as error:
        raise ValueError(
            f"layer {name!r} cannot be read as an array: got {type(x).__name__} ({error}); give an array "
            "[n_samples, n_features] of numbers."
        ) from error


def _is_torch(x: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, getattr(torch, "Tensor", ()))


def _torch(x: Any, name: str) -> np.ndarray:
    """A tensor by NumPy's own bridge: the way through JAX would cut 64 bits to 32."""
    if x.is_meta:
        raise ValueError(
            f"layer {name!r} is a torch tensor on the meta device, which has a shape and no values; run the model on a "
            "real device first."
        )
    try:
        x = x.detach()
        if x.is_quantized:
            x = x.dequantize()
        if str(x.layout) != "torch.strided":
            x = x.to_dense()
        x = x.cpu().resolve_conj().resolve_neg()
        # NumPy has no floating point of 8 bits and no bfloat16; float32 holds every value of theirs.
        narrow = x.is_floating_point() and str(x.dtype) not in ("torch.float16", "torch.float32", "torch.float64")
        return (x.float() if narrow else x).numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"layer {name!r} is a torch tensor that cannot be read as an array ({x.dtype}, {x.layout}): {error}"
        ) from error


def _frame(frame: pd.DataFrame, name: str) -> np.ndarray:
    dtypes = list(frame.dtypes)
    for column, dtype in zip(frame.columns, dtypes, strict=True):
        if not pd.api.types.is_numeric_dtype(dtype):
            raise ValueError(
                f"layer {name!r} must hold real numbers, but column {column!r} of its DataFrame has dtype {dtype}; "
                "select the columns that are features."
            )
    missing = frame.isna().to_numpy().any(1)
    if missing.any():
        raise ValueError(
            f"layer {name!r} has missing values in {counted(int(missing.sum()), 'sample')}, first in sample "
            f"{int(np.argmax(missing))}; leave these samples out of every layer or fill them."
        )
    if not dtypes:
        return frame.to_numpy()
    common = np.result_type(*(getattr(d, "numpy_dtype", getattr(d, "subtype", d)) for d in dtypes))
    for place, dtype in enumerate(dtypes):
        if common.kind == "f" and pd.api.types.is_integer_dtype(dtype):
            values = [int(each) for each in frame.iloc[:, place].to_numpy()]
            if max(max(values), -min(values)) > _EXACT_INTEGERS:
                raise ValueError(
                    f"layer {name!r} mixes integers beyond 2^53 (column {frame.columns[place]!r}) with floats, which "
                    "do not hold them; subtract an offset from the column first."
                )
    return frame.to_numpy(dtype=common)
