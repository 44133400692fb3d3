"""Datasets of an HDF5 file (h5py, PyTables, MATLAB 7.3, netCDF 4) as features."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from jaxsim.arguments import shown
from jaxsim.features.formats.contents import Contents, fingerprint_of_files
from jaxsim.features.formats.natural_order import natural_order
from jaxsim.features.formats.other_axes import NotRows
from jaxsim.rows import LazyRows


def read_hdf5(path: Path) -> Contents:
    """The datasets of an HDF5 file, those in groups named "group/dataset", in natural order of their names.

    Raises:
        ValueError: If it is no whole HDF5 file.
    """
    try:
        file = h5py.File(path, "r")
        found = _datasets(file)
    # h5py raises OSError, RuntimeError and KeyError for damaged files.
    except Exception as error:
        raise ValueError(
            f"cannot read {path} as HDF5: {shown(str(error))}; the file is damaged or not whole: write or copy it again"
        ) from error
    arrays = {name: _rows(path, found[name]) for name in natural_order(found) if found[name].dtype.kind in "fiub"}
    lists = [name for name, each in found.items() if len(each.shape) == 1 and each.dtype.kind in "iuSO"]

    def read_ids(key: str) -> Iterable[Any]:
        dataset = found[key]
        return dataset.asstr()[:] if h5py.check_string_dtype(dataset.dtype) else dataset[:]

    return Contents(
        kind="HDF5 file",
        source=str(path.absolute()),
        arrays=arrays,
        id_keys=tuple(lists),
        read_ids=read_ids,
        fingerprint=lambda: fingerprint_of_files([path]),
    )


def _datasets(file: h5py.File) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def note(name: str, each: Any) -> None:
        if isinstance(each, h5py.Dataset) and each.shape:
            found[name] = each

    file.visititems(note)
    return found


def _rows(path: Path, dataset: Any) -> Any:
    def read(start: int, stop: int) -> np.ndarray:
        try:
            return dataset[start:stop]
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"{path} is damaged in the dataset {dataset.name}: {shown(str(error))}; write or copy it again"
            ) from error

    if len(dataset.shape) != 2:
        return NotRows(dataset.shape, dataset.dtype, lambda: dataset[:])
    return LazyRows(read, dataset.shape, dataset.dtype, chunk_rows=(dataset.chunks or (1,))[0])
