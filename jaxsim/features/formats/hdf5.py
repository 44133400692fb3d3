"""Datasets of an HDF5 file (h5py, PyTables, MATLAB 7.3, netCDF 4) as features."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.arguments import shown
from jaxsim.features.formats.contents import Contents, fingerprint_of_files
from jaxsim.features.formats.natural_order import natural_order
from jaxsim.features.formats.other_axes import NotRows
from jaxsim.hdf5_arrays import CURE, hdf5_datasets, hdf5_list
from jaxsim.rows import LazyRows


def read_hdf5(path: Path) -> Contents:
    """The datasets of an HDF5 file, those in groups named "group/dataset", in natural order of their names.

    Raises:
        ValueError: If it is no whole HDF5 file.
    """
    found = hdf5_datasets(path)
    lists = [name for name, each in found.items() if len(each.shape) == 1 and each.dtype.kind in "iuSO"]
    return Contents(
        kind="HDF5 file",
        source=str(path.absolute()),
        arrays={name: _rows(path, found[name]) for name in natural_order(found) if found[name].dtype.kind in "fiub"},
        id_keys=tuple(lists),
        read_ids=lambda key: hdf5_list(found[key]),
        fingerprint=lambda: fingerprint_of_files([path]),
    )


def _rows(path: Path, dataset: Any) -> Any:
    def read(start: int, stop: int) -> np.ndarray:
        try:
            return dataset[start:stop]
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{path}, dataset {dataset.name}: {shown(str(error))}; {CURE}") from error

    if len(dataset.shape) != 2:
        return NotRows(dataset.shape, dataset.dtype, lambda: dataset[:])
    return LazyRows(read, dataset.shape, dataset.dtype, chunk_rows=(dataset.chunks or (1,))[0])
