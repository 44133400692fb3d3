"""Images of one size in an HDF5 file or a Zarr group, read one at a time."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxsim.arguments import shown
from jaxsim.data.arrays import check_pixels
from jaxsim.data.encoded import ContentSource, columns_of, file_state
from jaxsim.data.source import DamagedImage, checked_position
from jaxsim.hdf5_arrays import hdf5_datasets, hdf5_list
from jaxsim.names import printable
from jaxsim.sample_ids import ID_KEYS, checked_ids, numbered_ids
from jaxsim.zarr_arrays import open_zarr_group, read_array, read_texts

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")
_USUAL = ("images", "image", "x", "data")
_CURE = "name another in ids=, or number the images with ids=False"


class ArrayFileSource(ContentSource):
    """Images `[N, H, W]`, `[N, H, W, 1]` or `[N, H, W, 3]`, uint8, of which one is read at a time.

    Args:
        arrays: Name -> what has `shape`, `dtype` and an item for each image.
        path: Where they are.
        kind: Of file.
        key: Name of the images; by default the only array that can be that, or `images`, `image`, `x`, `data`.
        ids: Name of the ids, or the ids; by default the usual names, otherwise images are numbered. False numbers them.
        read_list: Returns the values of an array of one number or text for each image.
        texts: Names that `read_list` knows beside the arrays.

    Raises:
        ValueError: If no array, or not the one named, holds images, or ids do not fit.
    """

    def __init__(
        self,
        arrays: Mapping[str, Any],
        path: Path,
        kind: str,
        *,
        key: str | None,
        ids: Any,
        read_list: Callable[[str], list[Any]],
        texts: Sequence[str] = (),
    ):
        super().__init__()
        able = [name for name, x in arrays.items() if len(x.shape) in (3, 4) and x.dtype == np.uint8]
        if key is None:
            key = able[0] if len(able) == 1 else next((name for name in _USUAL if name in able), None)
        if key is None or key not in arrays:
            expected = "an array of images, uint8 [N, H, W, 3]" if key is None else f"an array {shown(key)}"
            raise ValueError(f"expected {expected} in {path}, got {', '.join(map(repr, arrays)) or 'none'}; say key=")
        try:
            check_pixels(arrays[key].shape, arrays[key].dtype)
        except ValueError as error:
            raise ValueError(f"{path}, array {key!r}: {error}") from error
        self._pixels, self._path, self._kind, self._key = arrays[key], path, kind, key
        n = self._pixels.shape[0]
        self._lists = (*(name for name, x in arrays.items() if tuple(x.shape) == (n,)), *texts)
        self._read_list = read_list
        if ids is None:
            ids = next((each for each in ID_KEYS if each in self._lists), False)
        if isinstance(ids, str) and ids not in self._lists:
            raise ValueError(f"expected ids as an array of {path} ({', '.join(self._lists)}), got {shown(ids)}")
        listed = read_list(ids) if isinstance(ids, str) else ids
        self._ids = numbered_ids(n) if ids is False else checked_ids(listed, n, f"the ids of {path}", _CURE)
        self._state = file_state(path)

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the array of ids, or numbers."""
        return self._ids

    @property
    def origin(self) -> dict[str, Any]:
        """Kind, absolute path and name of the array."""
        return {"kind": self._kind, "path": printable(str(self._path.absolute())), "key": self._key}

    @property
    def columns(self) -> Mapping[str, tuple[Any, ...]]:
        """Labels and groups: the arrays of one text or number for each image."""
        return self._columns

    @cached_property
    def _columns(self) -> Mapping[str, tuple[Any, ...]]:
        whole = {name: self._read_list(name) for name in self._lists}
        return columns_of({name: values for name, values in whole.items() if len(values) == len(self)})

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Read the image at a position."""
        place = checked_position(index, len(self))
        try:
            pixels = self._read(place)
        except (OSError, RuntimeError, ValueError) as error:
            raise DamagedImage(self._ids[place], f"cannot be read: {error}") from error
        pixels = pixels if pixels.ndim == 3 else pixels[..., None]
        return np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width), the same for every position."""
        checked_position(index, len(self))
        height, width = self._pixels.shape[1:3]
        return int(height), int(width)

    def content(self, index: int) -> bytes:
        """The pixels."""
        return f"{self._pixels.shape[1:]}".encode() + self._read(index).tobytes()

    def state(self, index: int) -> list[int] | None:
        """Of the file; a Zarr group has none, for its folder does not change when a chunk does."""
        return None if self._path.is_dir() else self._state

    def _read(self, index: int) -> np.ndarray:
        return np.asarray(self._pixels[index])


def open_hdf5(path: Path, key: str | None, ids: Any) -> ArrayFileSource:
    """Open the images of an HDF5 file.

    Raises:
        ValueError: It is no whole HDF5 file, or as `ArrayFileSource`.
    """
    arrays = hdf5_datasets(path)
    return ArrayFileSource(arrays, path, "HDF5 file", key=key, ids=ids, read_list=lambda name: hdf5_list(arrays[name]))


def open_zarr(path: Path, key: str | None, ids: Any) -> ArrayFileSource:
    """Open the images of a Zarr group, or of an array by itself, of version 2 or 3.

    Raises:
        ValueError: It is no Zarr group, is damaged, or as `ArrayFileSource`.
    """
    group = open_zarr_group(path)
    held = {name: _Array(store) for name, store in group.arrays.items()}

    def read_list(name: str) -> list[Any]:
        return read_texts(path, name) if name in group.others else read_array(group.arrays[name], path).tolist()

    return ArrayFileSource(held, path, "Zarr group", key=key, ids=ids, read_list=read_list, texts=group.others)


class _Array:
    """A TensorStore with NumPy's dtype."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.shape, self.dtype = tuple(store.shape), np.dtype(store.dtype.numpy_dtype)

    def __getitem__(self, index: int) -> np.ndarray:
        return read_array(self._store[index], f"image {index}")
