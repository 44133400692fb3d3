"""Datasets as NetCDF 4 files."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import xarray as xr

from jaxsim.files import OwnedFiles


def write_netcdf(dataset: xr.Dataset, files: OwnedFiles, name: str) -> None:
    """Writes a dataset as NetCDF 4, whole or not at all, and records it.

    Args:
        dataset: What to write; attributes must be strings or numbers.
        files: The folder to write into.
        name: The file; replaced if it is there as it was written.

    Raises:
        ValueError: If another file has that name.
        OSError: If it cannot be written.
    """
    with files.writing(name) as partial:
        dataset.to_netcdf(partial, engine="h5netcdf")


def read_netcdf(path: Path, *, sha256: str | None = None) -> xr.Dataset:
    """Reads a NetCDF file wholly into memory.

    Args:
        path: The file.
        sha256: What its content must be; None takes any.

    Returns:
        The dataset.

    Raises:
        ValueError: If the file is not NetCDF 4, is damaged, or has another content.
    """
    cure = "delete it and run the comparison again"
    try:
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"{path} is damaged, changed, or of another study than its neighbours; {cure}")
        return xr.load_dataset(io.BytesIO(content), engine="h5netcdf")
    # A reader of HDF5 that meets arbitrary bytes raises nearly anything, but never for want of a sound file.
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"cannot read {path} as NetCDF: {error}; {cure}") from error
