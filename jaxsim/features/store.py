"""Representations on disk: one Zarr v3 array a step, written in blocks of rows, read lazily."""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import tensorstore

from jaxsim.features.own_files import CURE
from jaxsim.features.step_record import StepRecord
from jaxsim.files import read_json, write_json
from jaxsim.rows import LazyRows


class StoredRepresentation(LazyRows):
    """A representation `[n_samples, n_features]` on disk, read when it is indexed.

    Index it like a NumPy array: rows by an integer, a slice, integers or booleans, and columns by an
    integer or a slice; the result is in memory. `np.asarray` reads all of it.

    Attributes:
        shape: `(n_samples, n_features)`.
        dtype: of the stored numbers.
    """

    def __init__(self, store: tensorstore.TensorStore, *, name: str = "", folder: Path | None = None):
        self._store = store
        self._name, self._folder = name, folder
        shape = (int(store.shape[0]), int(store.shape[1]))
        chunk_rows = (store.chunk_layout.read_chunk.shape or (1,))[0] or 1
        super().__init__(self._rows, shape, store.dtype.numpy_dtype, chunk_rows=chunk_rows)

    def _rows(self, start: int, stop: int) -> np.ndarray:
        try:
            return self._store[start:stop].read().result()
        except ValueError as error:
            raise ValueError(
                f"the features of step {self._name} in {self._folder} are damaged ({error}): {CURE}"
            ) from error


def create_stores(
    folder: Path, steps: Sequence[StepRecord], n_rows: int, chunk_rows: int, dtype: str
) -> list[tensorstore.TensorStore]:
    """Create the arrays of all steps, `[n_rows, n_features]` each, in a Zarr v3 group.

    Chunks are whole rows, not compressed (float features hardly shrink), so each is written by one
    operation and seen whole or not at all, and each carries its CRC-32C, so that a reader notices a flipped bit.
    Dimensions are named, for xarray.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_arrays(folder, [step.name for step in steps])
    write_json(folder / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {}})
    opened = [
        tensorstore.open(
            _location(folder, step.name)
            | {
                "metadata": {
                    "shape": [n_rows, step.n_features],
                    "data_type": dtype,
                    "chunk_grid": {
                        "name": "regular",
                        "configuration": {"chunk_shape": [chunk_rows, step.n_features]},
                    },
                    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
                    "fill_value": "NaN",
                    "dimension_names": ["sample", f"{step.name} feature"],
                    "attributes": {"kind": step.kind, "depth": step.depth},
                },
            },
            create=True,
        )
        for step in steps
    ]
    return [store.result() for store in opened]


def open_stores(folder: Path, steps: Sequence[StepRecord], *, write: bool = False) -> list[tensorstore.TensorStore]:
    """Open the arrays of all steps.

    Raises:
        ValueError: an array is missing or is no Zarr array; names the step and the folder.
    """
    # A chunk that is gone must not read as NaN.
    strict = {} if write else {"fill_missing_data_reads": False}
    opened = [
        tensorstore.open(_location(folder, step.name) | strict, open=True, read=True, write=write) for step in steps
    ]
    stores = []
    for step, future in zip(steps, opened, strict=True):
        try:
            stores.append(future.result())
        except ValueError as error:
            raise ValueError(
                f"the features of step {step.name} in {folder} are missing or damaged ({error}): {CURE}"
            ) from error
    return stores


def write_centres(folder: Path, steps: Sequence[StepRecord], centres: Sequence[np.ndarray]) -> None:
    """Keeps what is taken off the rows of every step, as arrays "STEP.centre" beside them."""
    opened = [
        tensorstore.open(
            _location(folder, centre_name(step.name))
            | {
                "metadata": {
                    "shape": [step.n_features],
                    "data_type": "float32",
                    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [step.n_features]}},
                    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
                    "fill_value": "NaN",
                    "dimension_names": [f"{step.name} feature"],
                }
            },
            create=True,
            delete_existing=True,
        )
        for step in steps
    ]
    for store, centre in zip(opened, centres, strict=True):
        store.result().write(centre).result()


def read_centres(folder: Path, steps: Sequence[StepRecord]) -> list[np.ndarray] | None:
    """What was taken off the rows of every step; None where nothing was.

    Raises:
        ValueError: An array is damaged, or one is missing beside others; names the step and the folder.
    """
    if not any((folder / _folder_name(centre_name(step.name)) / "zarr.json").exists() for step in steps):
        return None
    found = []
    for step in steps:
        try:
            spec = _location(folder, centre_name(step.name)) | {"fill_missing_data_reads": False}
            centre = tensorstore.open(spec, open=True, read=True).result().read().result()
        except ValueError as error:
            raise ValueError(f"the centre of step {step.name} in {folder} is damaged ({error}): {CURE}") from error
        if centre.shape != (step.n_features,) or centre.dtype != np.float32:
            raise ValueError(
                f"the centre of step {step.name} in {folder} should have {step.n_features} numbers, and has "
                f"{list(centre.shape)}: {CURE}"
            )
        found.append(centre)
    return found


def centre_name(step: str) -> str:
    """Name of the array that holds what was taken off a step's rows."""
    return f"{step}.centre"


def close_stores(folder: Path, stores: Sequence[tensorstore.TensorStore], n_rows: int) -> None:
    """Cut the arrays to the rows that were written and list them in the group, as readers of Zarr expect."""
    futures = [store.resize(exclusive_max=[n_rows, None]) for store in stores]
    for future in futures:
        future.result()
    arrays = sorted(path.parent for path in folder.glob("*/zarr.json"))
    metadata = {array.name: read_json(array / "zarr.json") for array in arrays}
    write_json(
        folder / "zarr.json",
        {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {},
            "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": metadata},
        },
    )


def remove_arrays(folder: Path, steps: Sequence[str]) -> None:
    """Remove the arrays of some steps, metadata and chunks, and the folders that are empty then; nothing else."""
    check_no_links(folder)
    for step in steps:
        array, centre = folder / _folder_name(step), folder / _folder_name(centre_name(step))
        for file in (centre / "c" / "0", centre / "zarr.json"):
            file.unlink(missing_ok=True)
        for emptied in (centre / "c", centre):
            if emptied.is_dir() and not any(emptied.iterdir()):
                emptied.rmdir()
        chunks = [chunk for chunk in array.glob("c/*/0") if chunk.parent.name.isdigit()]
        # The metadata last: without them nobody could tell what the chunks are.
        for file in (*chunks, array / "zarr.json"):
            file.unlink(missing_ok=True)
        for emptied in (*(each for each in array.glob("c/*") if each.name.isdigit()), array / "c", array):
            if emptied.is_dir() and not any(emptied.iterdir()):
                emptied.rmdir()


def check_no_links(folder: Path) -> None:
    """Refuses arrays that are kept elsewhere by a link, because they are about to be written or deleted.

    Args:
        folder: Of the arrays; need not exist.

    Raises:
        ValueError: It is a link, or one of the folders below it; names it.
    """
    links = [folder] if folder.is_symlink() else []
    links += [
        Path(above) / name
        for above, names, _ in os.walk(folder)
        for name in sorted(names)
        if (Path(above) / name).is_symlink()
    ]
    if links:
        raise ValueError(
            f"{links[0]} is a link: features are written and deleted only below the folder that was given; remove it, "
            "or choose another folder (which may be a link itself)"
        )


def _folder_name(step: str) -> str:
    # A name of a step may hold any character (a slash, in a user's own model); a folder's name may not.
    return quote(step.encode("utf-8", "surrogateescape"), safe=" ")


def _location(folder: Path, step: str) -> dict[str, Any]:
    path = f"{_utf8_path(folder.resolve())}/{_folder_name(step)}/"
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": path}}


def _utf8_path(folder: Path) -> str:
    """A path that TensorStore can take: it knows UTF-8 alone, and no ".."."""
    try:
        str(folder).encode("utf-8")
    except UnicodeEncodeError as error:
        status = folder.stat()
        if Path("/proc/self/fd").is_dir():
            return _through_handle(os.fsencode(folder), status.st_dev, status.st_ino)
        raise ValueError(
            f"cannot keep features in {str(folder)!r}: its name is not UTF-8; choose another folder"
        ) from error
    return str(folder)


@functools.cache
def _through_handle(folder: bytes, device: int, inode: int) -> str:
    """A folder by a handle on it, which stays open: stores may be read at any time."""
    return f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}"
