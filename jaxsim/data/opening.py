"""One door for every kind of image source."""

import os
from collections.abc import Iterator
from glob import has_magic
from pathlib import Path
from typing import Any

import PIL.Image

from jaxsim.arguments import shown
from jaxsim.arrow_tables import ARROW_SUFFIXES, PARQUET_SUFFIXES, table_files
from jaxsim.data.array_files import HDF5_SUFFIXES, open_hdf5, open_zarr
from jaxsim.data.arrays import ArraySource, read_array_file
from jaxsim.data.digits import digits
from jaxsim.data.folder import FolderSource
from jaxsim.data.hub import download_dataset, is_hub
from jaxsim.data.paths import PathSource, matching_files
from jaxsim.data.pictures import PictureSource
from jaxsim.data.rendered import parse_rendered
from jaxsim.data.samples import SampleSource, StreamSource
from jaxsim.data.shards import ShardSource, shard_files
from jaxsim.data.source import ImageSource
from jaxsim.data.tables import TableSource
from jaxsim.zarr_arrays import is_zarr

_ARRAY_SUFFIXES = (".npz", ".npy")


def open_images(source: Any, *, key: str | None = None, ids: Any = None) -> ImageSource:
    """Open images, whatever they are kept in.

    Args:
        source: a folder of JPEG, PNG, WebP, BMP, TIFF or GIF files (read recursively), a glob ("photos/**/*.jpg") or a
            list of paths; an `.npz` or `.npy` file of uint8 images; a uint8 array `[N, H, W]`, `[N, H, W, 1]` or
            `[N, H, W, 3]` (NumPy, JAX, anything with `__array__`), also in an HDF5 file or a Zarr group; Parquet or
            Arrow files of encoded images, or a folder of them as the datasets library saves it, or
            "hf://datasets/OWNER/NAME" where a hub is reachable; tar shards as webdataset writes them
            ("train-{000..099}.tar"); a list of Pillow images and uint8 arrays of any sizes; a data set of torch, grain
            or the datasets library, or a torch `DataLoader`, of which the data set is taken in its own order;
            `"digits"`, the embedded set, or `"rendered"`, `"rendered:N"` or `"rendered:N:SEED"`, rendered images with
            known factors (write `"./digits"` for a folder of that name); or an `ImageSource`, returned as it is.
        key: which array, column or entry holds the images, where there are several; by default the only one that can,
            or `images`, `image`, `x`.
        ids: the name of the column, array or entry of ids, or the ids themselves; by default what a source has for it
            (paths, keys, `id`), otherwise numbers. False numbers them.

    Returns:
        The images in a fixed order, with an id each. `columns` are the labels and groups that came with them.

    Raises:
        ValueError: nothing there, nothing in it, or something else; says what was expected.

    Example:
        >>> images = open_images("digits")
        >>> len(images), images.ids[0]
        (1797, 'digits/0000')
    """
    if isinstance(source, str | os.PathLike):
        return _open_path(source, key, ids)
    keyed = key is not None or ids is not None
    if keyed and (isinstance(source, ImageSource | PIL.Image.Image) or hasattr(source, "__array__")):
        raise ValueError(_unnamed(key, ids, source))
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, list | tuple) and not (source and isinstance(source[0], list | tuple | dict)):
        if source and isinstance(source[0], str | os.PathLike):
            _refuse_key(key, source)
            return _path_list(source, ids)
        _refuse_key(key, source)
        return PictureSource(source, ids=ids)
    if isinstance(source, PIL.Image.Image):
        raise ValueError("expected several images, came one Pillow image: give a list, [image, ...]")
    if hasattr(source, "__array__"):
        return ArraySource(source)
    return _open_data_set(source, key, ids)


def _open_path(source: str | os.PathLike[str], key: str | None, ids: Any) -> ImageSource:
    text = os.fsdecode(source)
    if not text.strip():
        raise ValueError('expected a folder of images, came an empty path; write "." for the current folder')
    embedded = None
    if isinstance(source, str):
        embedded = digits().source if source == "digits" else parse_rendered(source)
    if embedded is not None:
        if key is not None or ids is not None:
            raise ValueError(_unnamed(key, ids, source))
        return embedded
    if isinstance(source, str) and is_hub(source):
        folder = download_dataset(source)
        return TableSource(table_files(folder), folder, key=key, ids=ids)
    path = Path(source).expanduser()
    suffix = path.suffix.lower()
    if suffix == ".tar" and not path.is_dir():
        _refuse_key(key, source)
        return ShardSource(shard_files(text), ids=ids)
    if not path.exists() and has_magic(text) and suffix not in (*PARQUET_SUFFIXES, *ARROW_SUFFIXES):
        _refuse_key(key, source)
        return PathSource(matching_files(text), ids=ids)
    if path.is_dir():
        return _open_folder(path, key, ids)
    if suffix in _ARRAY_SUFFIXES:
        return read_array_file(source, key, ids)
    if suffix in HDF5_SUFFIXES and path.is_file():
        return open_hdf5(path, key, ids)
    if suffix in (*PARQUET_SUFFIXES, *ARROW_SUFFIXES) and (path.is_file() or has_magic(text)):
        files = (path,) if path.is_file() else tuple(sorted(path.parent.glob(path.name)))
        if not files:
            raise ValueError(f"no table matches {text!r}; check the pattern")
        return TableSource(files, path if path.is_file() else path.parent, key=key, ids=ids)
    _refuse_key(key, source)
    return FolderSource(source)


def _open_folder(path: Path, key: str | None, ids: Any) -> ImageSource:
    if is_zarr(path):
        return open_zarr(path, key, ids)
    if files := table_files(path):
        return TableSource(files, path, key=key, ids=ids)
    _refuse_key(key, path)
    shards = sorted(path.glob("*.tar"))
    if shards:
        return ShardSource(shards, ids=ids)
    if ids is not None:
        raise ValueError("the images of a folder have their paths as ids; leave ids= out, or give a list of paths")
    return FolderSource(path)


def _path_list(paths: Any, ids: Any) -> ImageSource:
    if all(Path(each).suffix.lower() == ".tar" for each in paths):
        return ShardSource([Path(each).expanduser() for each in paths], ids=ids)
    return PathSource(paths, ids=ids)


def _open_data_set(source: Any, key: str | None, ids: Any) -> ImageSource:
    loader = type(source).__name__ == "DataLoader" and hasattr(source, "dataset")
    # A loader's order may be drawn anew every time, and its batches may be preprocessed: the data set has the images.
    held = source.dataset if loader else source
    if hasattr(held, "__len__") and hasattr(held, "__getitem__") and not isinstance(held, dict | set | str):
        return SampleSource(held, key=key, ids=ids)
    if hasattr(held, "__iter__") and not isinstance(held, Iterator | dict | set):
        return StreamSource(held, key=key, ids=ids)
    raise ValueError(
        "expected images as a folder, a glob or list of paths, a file of arrays, tables or tar shards, a uint8 array "
        "[N, H, W, 3], a list of Pillow images, a data set of torch, grain or the datasets library, 'digits' or "
        f"'rendered', came {_named(source)}. Give an iterator as a list"
    )


def _refuse_key(key: str | None, source: Any) -> None:
    if key is not None:
        raise ValueError(_unnamed(key, None, source))


def _unnamed(key: str | None, ids: Any, source: Any) -> str:
    given = f"key={shown(key)}" if key is not None else f"ids={shown(ids)}"
    return (
        f"expected {given} with a file or data set in which arrays, columns or entries have names, but the images came "
        f"as {_named(source)}; leave it out"
    )


def _named(source: Any) -> str:
    return repr(str(source)) if isinstance(source, str | os.PathLike) else f"a {type(source).__name__}"
