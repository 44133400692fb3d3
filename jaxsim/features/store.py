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
from jaxsim.files import AnyPath, RemotePath, read_json, remote_context, unlink_all, write_json
from jaxsim.rows import LazyRows


class StoredRepresentation(LazyRows):
    """A representation `[n_samples, n_features]` on disk, read when it is indexed.

    Index it like a NumPy array: rows by an integer, a slice, integers or booleans, and columns by an
    integer or a slice; the result is in memory. `np.asarray` reads all of it.

    Attributes:
        shape: `(n_samples, n_features)`.
        dtype: of the stored numbers.
    """

    def __init__(self, store: tensorstore.TensorStore, *, name: str = "", folder: AnyPath | None = None):
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
    folder: AnyPath, steps: Sequence[StepRecord], n_rows: int, chunk_rows: int, dtype: str
) -> list[tensorstore.TensorStore]:
    """Create the arrays of all steps, `[n_rows, n_features]` each, in a Zarr v3 group.

    Chunks are whole rows, not compressed (float features hardly shrink), so each is written by one
    operation and seen whole or not at all, and each carries its CRC-32C, so that a reader notices a flipped bit.
    Dimensions are named, for xarray.
    """
    if isinstance(folder, Path):
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
            context=remote_context(),
        )
        for step in steps
    ]
    return wait_written(folder, opened)


def open_stores(folder: AnyPath, steps: Sequence[StepRecord], *, write: bool = False) -> list[tensorstore.TensorStore]:
    """Open the arrays of all steps.

    Raises:
        ValueError: an array is missing or is no Zarr array; names the step and the folder.
    """
    # A chunk that is gone must not read as NaN.
    strict = {} if write else {"fill_missing_data_reads": False}
    opened = [
        tensorstore.open(
            _location(folder, step.name) | strict, open=True, read=True, write=write, context=remote_context()
        )
        for step in steps
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


def write_centres(folder: AnyPath, steps: Sequence[StepRecord], centres: Sequence[np.ndarray]) -> None:
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
            context=remote_context(),
            delete_existing=True,
        )
        for step in steps
    ]
    stores = wait_written(folder, opened)
    wait_written(folder, [store.write(centre) for store, centre in zip(stores, centres, strict=True)])


def read_centres(folder: AnyPath, steps: Sequence[StepRecord]) -> list[np.ndarray] | None:
    """What was taken off the rows of every step; None where nothing was.

    Raises:
        ValueError: An array is damaged, or one is missing beside others; names the step and the folder.
    """
    if not any((folder / _folder_name(centre_name(step.name)) / "zarr.json").is_file() for step in steps):
        return None
    found = []
    for step in steps:
        try:
            spec = _location(folder, centre_name(step.name)) | {"fill_missing_data_reads": False}
            opened = tensorstore.open(spec, open=True, read=True, context=remote_context())
            centre = opened.result().read().result()
        except ValueError as error:
            raise ValueError(f"the centre of step {step.name} in {folder} is damaged ({error}): {CURE}") from error
        if centre.shape != (step.n_features,) or centre.dtype != np.float32:
            raise ValueError(
                f"the centre of step {step.name} in {folder} should have {step.n_features} numbers, and has "
                f"{list(centre.shape)}: {CURE}"
            )
        found.append(centre)
    return found


def wait_written(folder: AnyPath, futures: Sequence[Any]) -> list[Any]:
    """Waits for what is being written, and returns what comes of it.

    Raises:
        ValueError: something cannot be written (the disk is full, a bucket refuses it); names the folder.
    """
    try:
        return [future.result() for future in futures]
    except (ValueError, OSError, RuntimeError) as error:
        raise ValueError(
            f"cannot write features into {folder}: {' '.join(str(error).split())}. What is written stays: make room "
            "there, or copy the folder to where there is, and the same command continues"
        ) from error


def centre_name(step: str) -> str:
    """Name of the array that holds what was taken off a step's rows."""
    return f"{step}.centre"


def close_stores(folder: AnyPath, stores: Sequence[tensorstore.TensorStore], n_rows: int) -> None:
    """Cut the arrays to the rows that were written and list them in the group, as readers of Zarr expect."""
    futures = [store.resize(exclusive_max=[n_rows, None]) for store in stores]
    wait_written(folder, futures)
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


def remove_arrays(folder: AnyPath, steps: Sequence[str]) -> None:
    """Remove the arrays of some steps, metadata and chunks, and the folders that are empty then; nothing else."""
    if isinstance(folder, Path):
        check_no_links(folder)
    for step in steps:
        array, centre = folder / _folder_name(step), folder / _folder_name(centre_name(step))
        unlink_all([centre / "c" / "0", centre / "zarr.json"])
        remove_empty([centre / "c", centre])
        # The metadata last: without them nobody could tell what the chunks are.
        unlink_all([chunk for chunk in array.glob("c/*/0") if chunk.parent.name.isdigit()])
        unlink_all([array / "zarr.json"])
        remove_empty([*(each for each in array.glob("c/*") if each.name.isdigit()), array / "c", array])


def remove_empty(folders: Sequence[AnyPath]) -> None:
    """Removes those of some folders that are there and empty; a bucket has no empty folders."""
    for each in folders:
        if isinstance(each, Path) and each.is_dir() and not any(each.iterdir()):
            each.rmdir()


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


def _location(folder: AnyPath, step: str) -> dict[str, Any]:
    if isinstance(folder, RemotePath):
        return {"driver": "zarr3", "kvstore": (folder / _folder_name(step)).key_value_store}
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
