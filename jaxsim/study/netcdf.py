"""Datasets as NetCDF 4 files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import xarray as xr
from xarray.backends import H5NetCDFStore

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
    # As `Dataset.to_netcdf(engine="h5netcdf")` does it, byte for byte, in half the time.
    with (
        files.writing(name) as partial,
        _OpenFile(partial, "w", track_order=True) as file,
        h5netcdf.File(file, "w") as target,
    ):
        dataset.dump_to_store(H5NetCDFStore(target))


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
        with (
            _OpenFile(io.BytesIO(content), "r") as file,
            h5netcdf.File(file, "r", phony_dims="access", decode_vlen_strings=True) as origin,
        ):
            dataset = xr.load_dataset(H5NetCDFStore(origin))
        _check_depth(dataset.attrs)
        return dataset
    # A reader of HDF5 that meets arbitrary bytes raises nearly anything, but never for want of a sound file.
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"cannot read {path} as NetCDF: {error}; {cure}") from error


class _OpenFile(h5py.File):
    """Keeps what it has opened: h5netcdf asks for every variable by its name some fifty times."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._opened: dict[str, Any] = {}
        super().__init__(*args, **kwargs)

    def __getitem__(self, name: Any) -> Any:
        if not isinstance(name, str):
            return super().__getitem__(name)
        if name == "/":
            return self  # so that what is deleted or moved through it is forgotten
        path = name.lstrip("/")
        if path not in self._opened:
            self._opened[path] = super().__getitem__(path)
        return self._opened[path]

    def __delitem__(self, name: Any) -> None:
        self._opened.clear()
        super().__delitem__(name)

    def move(self, source: str, dest: str) -> None:
        self._opened.clear()
        super().move(source, dest)


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
