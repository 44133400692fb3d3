"""Tensors of a safetensors file as features."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from jaxsim.arguments import shown
from jaxsim.features.formats.contents import Contents, fingerprint_of_files
from jaxsim.features.formats.natural_order import natural_order
from jaxsim.features.formats.other_axes import NotRows
from jaxsim.files import parse_json
from jaxsim.rows import LazyRows
from jaxsim.sample_ids import ID_KEYS

_DTYPES: dict[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": jnp.bfloat16, "I64": np.int64, "I32": np.int32,
    "I16": np.int16, "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8,
    "BOOL": np.bool_,
}  # fmt: skip


def read_safetensors(path: Path) -> Contents:
    """The tensors of a safetensors file, in natural order of their names.

    Ids are a JSON list in its metadata, under `sample_ids`, or a tensor of integers.

    Raises:
        ValueError: If it is no whole safetensors file.
    """
    try:
        # The file of NumPy knows no bfloat16, that of JAX does; nothing is read before a slice is.
        plain, wide = (safe_open(path, framework=framework) for framework in ("numpy", "flax"))
        metadata = plain.metadata() or {}
        slices = {}
        for name in list(plain.keys()):
            opened = plain.get_slice(name)
            slices[name] = opened.get_shape(), opened.get_dtype()
    except (SafetensorError, OSError) as error:
        raise ValueError(f"cannot read {path} as safetensors: {shown(str(error))}; write or copy it again") from error
    arrays: dict[str, Any] = {}
    for name in natural_order(slices):
        shape, dtype = slices[name]
        if dtype in _DTYPES and shape:
            opened = wide if dtype == "BF16" else plain
            arrays[name] = _rows(opened, name, tuple(shape), _DTYPES[dtype])
    lists = {key: metadata[key] for key in ID_KEYS if key in metadata}

    def read_ids(key: str) -> Any:
        if key not in lists:
            return np.asarray(plain.get_tensor(key))
        found = parse_json(lists[key])
        if not isinstance(found, list):
            raise ValueError(f"expected a JSON list of ids under {key!r} in the metadata of {path}, got something else")
        return found

    return Contents(
        kind="safetensors file",
        source=str(path.absolute()),
        arrays=arrays,
        id_keys=(*lists, *(name for name, each in arrays.items() if each.ndim == 1 and each.dtype.kind in "iu")),
        read_ids=read_ids,
        fingerprint=lambda: fingerprint_of_files([path]),
    )


def _rows(opened: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    if len(shape) == 2:
        return LazyRows(lambda start, stop: np.asarray(opened.get_slice(name)[start:stop]), shape, dtype)
    return NotRows(shape, dtype, lambda: np.asarray(opened.get_tensor(name)))
