"""Arrays of a Zarr group (version 2 or 3), local or in a bucket, as features; TensorStore reads them."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import tensorstore

from jaxsim.arguments import shown
from jaxsim.data.source import fingerprint_of
from jaxsim.features.formats.contents import ID_KEYS, Contents, fingerprint_of_files
from jaxsim.features.formats.natural_order import natural_order
from jaxsim.features.formats.other_axes import NotRows
from jaxsim.files import optional_library, parse_json
from jaxsim.rows import LazyRows

#: One of them lies in every group and array.
MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_REMOTE = ("gs://", "s3://", "http://", "https://")


def is_remote(source: Any) -> bool:
    """Whether a text names a place in a bucket.

    Example:
        >>> is_remote("gs://bucket/features.zarr"), is_remote("features.zarr")
        (True, False)
    """
    return isinstance(source, str) and source.startswith(_REMOTE)


def read_zarr(source: Path | str) -> Contents:
    """The arrays of a Zarr group, those in groups named "group/array", in natural order of their names.

    Ids are a list in the attributes of the group, under `sample_ids`, or an array of integers; an array of texts is
    read by the zarr package.

    Args:
        source: A folder, or the URL of one in a bucket.

    Raises:
        ValueError: If there is no Zarr group, or it is damaged.
    """
    texts = _metadata(source)
    declared = {name: _parsed(text, source) for name, text in texts.items()}
    attributes = next((found for mark in ("zarr.json", ".zattrs") if isinstance(found := declared.get(mark), dict)), {})
    attributes = attributes.get("attributes", attributes)
    kept = {key: attributes[key] for key in ID_KEYS if isinstance(attributes.get(key), list)}
    arrays: dict[str, Any] = {}
    lists: list[str] = []
    for place in natural_order(declared):
        path, found = PurePosixPath(place), declared[place]
        if path.name == ".zarray" or (path.name == "zarr.json" and found.get("node_type") == "array"):
            name = path.parent.as_posix()
            name = name if name != "." else PurePosixPath(str(source)).stem
            array = _opened(source, path)
            if array is not None:
                arrays[name] = array
            if array is None or (array.ndim == 1 and array.dtype.kind in "iu"):
                lists.append(name)
    if not declared:
        raise ValueError(f"expected a Zarr group in {source}, got none: it has no zarr.json, .zgroup or .zarray")
    return Contents(
        kind="Zarr group",
        source=str(source if isinstance(source, str) else source.absolute()),
        arrays=arrays,
        id_keys=(*kept, *lists),
        read_ids=lambda key: kept[key] if key in kept else _read_list(source, arrays, key),
        fingerprint=lambda: _fingerprint(source, texts),
    )


def _metadata(source: Path | str) -> dict[str, bytes]:
    """Path of every file of metadata -> its content."""
    if isinstance(source, Path):
        # The chunks, thousands of files, lie in folders without a mark of their own.
        found = {}
        waiting = [source]
        while waiting:
            folder = waiting.pop()
            marks = [folder / mark for mark in MARKS if (folder / mark).is_file()]
            found |= {mark.relative_to(source).as_posix(): mark.read_bytes() for mark in marks}
            if not any(_is_array(mark) for mark in marks):
                waiting += [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
        return found
    store = _waited(tensorstore.KvStore.open(source.rstrip("/") + "/"), source)
    names = [each.decode() for each in _waited(store.list(), source)]
    return {name: _waited(store.read(name), source).value for name in names if PurePosixPath(name).name in MARKS}


def _is_array(mark: Path) -> bool:
    return mark.name == ".zarray" or (mark.name == "zarr.json" and b'"array"' in mark.read_bytes())


def _parsed(text: bytes, source: Path | str) -> dict[str, Any]:
    try:
        found = parse_json(text)
    except ValueError as error:
        raise ValueError(f"the metadata of {source} is damaged: {error}; write or copy it again") from error
    if not isinstance(found, dict):
        raise ValueError(f"the metadata of {source} is damaged: expected an object, got {shown(found)}")
    return found


def _opened(source: Path | str, mark: PurePosixPath) -> Any:
    """An array of numbers; None for one of texts, which TensorStore does not know."""
    driver = "zarr" if mark.name == ".zarray" else "zarr3"
    base = f"{source.resolve()}/" if isinstance(source, Path) else source.rstrip("/") + "/"
    inner = "" if mark.parent.as_posix() == "." else f"{mark.parent.as_posix()}/"
    store: Any = {"driver": "file", "path": f"{base}{inner}"} if isinstance(source, Path) else f"{base}{inner}"
    try:
        opened = tensorstore.open({"driver": driver, "kvstore": store, "open": True, "fill_missing_data_reads": False})
        array = opened.result()
    except (ValueError, NotImplementedError) as error:
        said = str(error)
        if "data_type" in said or "dtype" in said or "codec" in said:
            return None
        raise ValueError(f"cannot read {mark.parent} in {source}: {shown(said)}; write or copy it again") from error
    dtype = array.dtype.numpy_dtype
    if np.dtype(dtype).kind in "OSU":
        return None
    name = mark.parent.as_posix()

    def read(start: int, stop: int) -> np.ndarray:
        return _waited(array[start:stop].read(), f"{source}, array {name}")

    if array.ndim != 2:
        return NotRows(array.shape, dtype, lambda: _waited(array.read(), f"{source}, array {name}"))
    return LazyRows(read, array.shape, dtype, chunk_rows=array.chunk_layout.read_chunk.shape[0])


def _waited(future: Any, where: Any) -> Any:
    try:
        return future.result()
    except (ValueError, OSError, RuntimeError) as error:
        raise ValueError(f"cannot read {where}: {shown(str(error))}; write or copy it again") from error


def _read_list(source: Path | str, arrays: dict[str, Any], key: str) -> Any:
    if key in arrays:
        return arrays[key][:]
    zarr = optional_library("zarr", "read the texts in a Zarr array")
    return np.asarray(zarr.open_group(str(source), mode="r")[key])


def _fingerprint(source: Path | str, texts: dict[str, bytes]) -> str:
    if isinstance(source, Path):
        files = sorted(each for each in source.rglob("*") if each.is_file())
        return fingerprint_of_files(files)
    return fingerprint_of([json.dumps(sorted((name, text.decode("latin-1")) for name, text in texts.items()))])
