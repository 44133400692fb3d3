"""Arrays of a Zarr group (version 2 or 3), local or in a bucket, as features."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorstore

from jaxsim.data.source import fingerprint_of
from jaxsim.features.formats.contents import Contents, fingerprint_of_files
from jaxsim.features.formats.natural_order import natural_order
from jaxsim.features.formats.other_axes import NotRows
from jaxsim.files import AnyPath
from jaxsim.rows import LazyRows
from jaxsim.sample_ids import ID_KEYS
from jaxsim.zarr_arrays import ZarrGroup, open_zarr_group, read_array, read_texts


def read_zarr(source: AnyPath | str) -> Contents:
    """The arrays of a Zarr group, those in groups named "group/array", in natural order of their names.

    Ids are a list in the attributes of the group, under `sample_ids`, or an array of integers; an array of texts is
    read by the zarr package.

    Args:
        source: A folder, or the URL of one in a bucket.

    Raises:
        ValueError: If there is no Zarr group, or it is damaged.
    """
    group = open_zarr_group(source)
    kept = {key: group.attributes[key] for key in ID_KEYS if isinstance(group.attributes.get(key), list)}
    arrays = {name: _rows(group.arrays[name], f"{source}, array {name}") for name in natural_order(group.arrays)}
    numbers = [name for name, array in arrays.items() if array.ndim == 1 and array.dtype.kind in "iu"]

    def read_ids(key: str) -> Any:
        return kept[key] if key in kept else arrays[key][:] if key in arrays else read_texts(source, key)

    return Contents(
        kind="Zarr group",
        source=str(source.absolute() if isinstance(source, Path) else source),
        arrays=arrays,
        id_keys=(*kept, *numbers, *group.others),
        read_ids=read_ids,
        fingerprint=lambda: _fingerprint(source, group),
    )


def _rows(array: tensorstore.TensorStore, where: str) -> Any:
    dtype = np.dtype(array.dtype.numpy_dtype)
    if array.ndim != 2:
        return NotRows(array.shape, dtype, lambda: read_array(array, where))
    chunk_rows = (array.chunk_layout.read_chunk.shape or (1,))[0] or 1
    return LazyRows(lambda start, stop: read_array(array[start:stop], where), array.shape, dtype, chunk_rows=chunk_rows)


def _fingerprint(source: AnyPath | str, group: ZarrGroup) -> str:
    if isinstance(source, Path):
        return fingerprint_of_files(sorted(each for each in source.rglob("*") if each.is_file()))
    return fingerprint_of([part for name in sorted(group.metadata) for part in (name, repr(group.metadata[name]))])
