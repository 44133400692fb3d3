"""The datasets of HDF5 files."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from jaxsim.arguments import shown

CURE = "the file is damaged or not whole: write or copy it again"


def hdf5_datasets(path: Path) -> dict[str, h5py.Dataset]:
    """The datasets of an HDF5 file, those in groups named "group/dataset"; the file stays open.

    Raises:
        ValueError: If it is no whole HDF5 file.
    """
    found: dict[str, h5py.Dataset] = {}

    def note(name: str, each: Any) -> None:
        if isinstance(each, h5py.Dataset) and each.shape:
            found[name] = each

    try:
        h5py.File(path, "r").visititems(note)
    # h5py raises OSError, RuntimeError and KeyError for damaged files.
    except Exception as error:
        raise ValueError(f"cannot read {path} as HDF5: {shown(str(error))}; {CURE}") from error
    return found


def hdf5_list(dataset: h5py.Dataset) -> list[Any]:
    """The numbers or texts of a dataset of one axis.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        texts = h5py.check_string_dtype(dataset.dtype)
        return list(dataset.asstr(errors="backslashreplace")[:] if texts else np.asarray(dataset[:]).tolist())
    except (OSError, RuntimeError) as error:
        raise ValueError(f"cannot read the dataset {dataset.name}: {shown(str(error))}; {CURE}") from error
