"""Datasets as NetCDF 4 files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from jaxsim.files import NestedTooDeep, OwnedFiles, parse_json, read_regular


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
        content = read_regular(path)
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"{path} is damaged, changed, or of another study than its neighbours; {cure}")
        dataset = xr.load_dataset(io.BytesIO(content), engine="h5netcdf")
        _check_depth(dataset.attrs)
        return dataset
    # A reader of HDF5 that meets arbitrary bytes raises nearly anything, but never for want of a sound file.
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"cannot read {path} as NetCDF: {error}; {cure}") from error


def _check_depth(attributes: Mapping[Any, Any]) -> None:
    """Refuses attributes whose JSON is nested so deep that the report could not show it."""
    for name, value in attributes.items():
        if isinstance(value, str) and value[:1] in ("[", "{"):
            try:
                parse_json(value)
            except NestedTooDeep as error:
                raise NestedTooDeep(f"its attribute {name!r} is {error}") from None
            except ValueError:
                pass  # a text that only begins like JSON
