"""Representations on disk: one Zarr v3 array a step, written in blocks of rows, read lazily."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import tensorstore
from jaxtyping import Shaped

from jaxsim.features.step_record import StepRecord
from jaxsim.files import write_json

RowIndex = int | np.integer | slice | Sequence[int] | np.ndarray


class StoredRepresentation:
    """A representation `[n_samples, n_features]` on disk, read when it is indexed.

    Index it like a NumPy array: rows by an integer, a slice, integers or booleans, and columns by an
    integer or a slice; the result is in memory. `np.asarray` reads all of it.

    Attributes:
        shape: `(n_samples, n_features)`.
        dtype: of the stored numbers.
    """

    def __init__(self, store: tensorstore.TensorStore):
        self._store = store
        self.shape: tuple[int, int] = (int(store.shape[0]), int(store.shape[1]))
        self.dtype: np.dtype = np.dtype(store.dtype.numpy_dtype)

    ndim = 2

    @property
    def nbytes(self) -> int:
        """Size in memory when all of it is read."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"StoredRepresentation(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, index: RowIndex | tuple[Any, ...]) -> Shaped[np.ndarray, "..."]:
        rows, *columns = index if isinstance(index, tuple) else (index,)
        if len(columns) > 1 or not all(isinstance(c, slice | int | np.integer) for c in columns):
            raise IndexError(
                f"a representation is indexed by rows, and columns by an integer or a slice, came {index!r}: "
                "index the NumPy array that [rows] gives"
            )
        return self._read(rows)[(..., *columns)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a representation on disk cannot be given without a copy: leave copy out")
        return np.asarray(self._read(slice(None)), dtype=dtype)

    def _read(self, rows: RowIndex) -> np.ndarray:
        # TensorStore takes -1 for a position of its own; NumPy's meaning is got by indexing the row numbers.
        chosen = np.arange(self.shape[0])[rows]
        if isinstance(rows, slice) and chosen.size and rows.step in (None, 1):
            return self._store[int(chosen[0]) : int(chosen[-1]) + 1].read().result()
        if np.size(chosen) == 0:
            return np.empty((0, self.shape[1]), self.dtype)
        return np.asarray(self._store[chosen].read().result())


def create_stores(
    folder: Path, steps: Sequence[StepRecord], n_rows: int, chunk_rows: int, dtype: str
) -> list[tensorstore.TensorStore]:
    """Create the arrays of all steps, `[n_rows, n_features]` each, in a Zarr v3 group.

    Chunks are whole rows, not compressed (float features hardly shrink), so each is written by one
    operation and seen whole or not at all. Dimensions are named, for xarray.
    """
    folder.mkdir(parents=True, exist_ok=True)
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
                    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
                    "fill_value": "NaN",
                    "dimension_names": ["sample", f"{step.name} feature"],
                    "attributes": {"kind": step.kind, "depth": step.depth},
                },
            },
            create=True,
            delete_existing=True,
        )
        for step in steps
    ]
    return [store.result() for store in opened]


def open_stores(folder: Path, steps: Sequence[StepRecord], *, write: bool = False) -> list[tensorstore.TensorStore]:
    """Open the arrays of all steps.

    Raises:
        ValueError: an array is missing or is no Zarr array; names the step and the folder.
    """
    opened = [tensorstore.open(_location(folder, step.name), open=True, read=True, write=write) for step in steps]
    stores = []
    for step, future in zip(steps, opened, strict=True):
        try:
            stores.append(future.result())
        except ValueError as error:
            raise ValueError(
                f"the features of step {step.name} in {folder} are missing or damaged ({error}): "
                "extract them again with overwrite=True"
            ) from error
    return stores


def close_stores(folder: Path, stores: Sequence[tensorstore.TensorStore], n_rows: int) -> None:
    """Cut the arrays to the rows that were written and list them in the group, as readers of Zarr expect."""
    futures = [store.resize(exclusive_max=[n_rows, None]) for store in stores]
    for future in futures:
        future.result()
    arrays = sorted(path.parent for path in folder.glob("*/zarr.json"))
    metadata = {array.name: json.loads((array / "zarr.json").read_text()) for array in arrays}
    write_json(
        folder / "zarr.json",
        {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {},
            "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": metadata},
        },
    )


def _location(folder: Path, step: str) -> dict[str, Any]:
    # A name of a step may hold any character (a slash, in a user's own model); a folder's name may not.
    path = f"{folder.absolute()}/{quote(step, safe=' ')}/"
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": path}}
