"""The arrays of Zarr groups (version 2 or 3), local or in a bucket; TensorStore reads them."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import tensorstore

from jaxsim.arguments import shown
from jaxsim.files import BUCKETS, AnyPath, optional_library, parse_json, remote_context
from jaxsim.warn import warn

#: One of them lies in every group and array.
MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
CURE = "write or copy it again"
_REMOTE = (*BUCKETS, "http://", "https://")


@dataclass(frozen=True)
class ZarrGroup:
    """What a Zarr group holds.

    Attributes:
        arrays: Name -> array of numbers, those in groups named "group/array".
        others: Names of arrays that TensorStore does not know, such as those of texts.
        attributes: Of the group.
        metadata: Path of every file of metadata -> its content.
    """

    arrays: dict[str, tensorstore.TensorStore]
    others: tuple[str, ...]
    attributes: dict[str, Any]
    metadata: dict[str, bytes]


def is_remote(source: Any) -> bool:
    """Whether a text names a place in a bucket.

    Example:
        >>> is_remote("gs://bucket/features.zarr"), is_remote("features.zarr")
        (True, False)
    """
    return isinstance(source, str) and source.startswith(_REMOTE)


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group or array.

    Example:
        >>> is_zarr(Path("no/such/folder"))
        False
    """
    return any((path / mark).is_file() for mark in MARKS)


def open_zarr_group(source: AnyPath | str) -> ZarrGroup:
    """Opens the arrays of a Zarr group, or an array by itself; nothing but metadata is read.

    Args:
        source: A folder, or the URL of one in a bucket.

    Raises:
        ValueError: If there is no Zarr group, or it is damaged.
    """
    metadata = _metadata(source)
    if not metadata:
        raise ValueError(f"expected a Zarr group in {source}, got none: it has no {', '.join(MARKS[:3])}")
    declared = {name: _parsed(text, source) for name, text in metadata.items()}
    noted = declared.get("zarr.json", {}).get("attributes", declared.get(".zattrs", {}))
    arrays: dict[str, tensorstore.TensorStore] = {}
    others = []
    for place, found in declared.items():
        path = PurePosixPath(place)
        if path.name == ".zarray" or (path.name == "zarr.json" and found.get("node_type") == "array"):
            parent = path.parent.as_posix()
            name = PurePosixPath(str(source)).stem if parent == "." else parent
            opened = _opened(source, path)
            if opened is None:
                others.append(name)
            else:
                arrays[name] = opened
    return ZarrGroup(arrays, tuple(others), noted if isinstance(noted, dict) else {}, metadata)


class MissingChunkWarning(UserWarning):
    """A chunk that is not there and is read as the array's fill value."""


def read_array(array: tensorstore.TensorStore, where: Any) -> np.ndarray:
    """The values of an array, or of a part of it.

    Args:
        array: As `open_zarr_group` opened it, or indexed.
        where: What to call it.

    Raises:
        ValueError: If a chunk is damaged.

    Warns:
        MissingChunkWarning: If a chunk is missing: writers leave out those that hold nothing but the fill value, and
            so does a copy that is not whole.
    """
    try:
        return array.read().result()
    except ValueError as error:
        said = str(error)
        if "is missing" not in said:
            raise ValueError(f"cannot read {where}: {shown(said)}; {CURE}") from error
    warn(
        f"{where}: a chunk is missing and is read as the fill value, {array.fill_value}; writers leave out chunks that "
        "hold nothing else, but so does a copy that is not whole",
        MissingChunkWarning,
    )
    spec = array.spec().to_json()
    spec.pop("fill_missing_data_reads", None)
    return waited(tensorstore.open(tensorstore.Spec(spec), open=True, context=remote_context()).result().read(), where)


def read_texts(source: AnyPath | str, name: str) -> list[Any]:
    """The texts of an array of one axis, by the zarr package.

    Raises:
        ValueError: If that is not installed, or the array is damaged.
    """
    zarr = optional_library("zarr", "read the texts in a Zarr array")
    try:
        return np.asarray(zarr.open_group(str(source), mode="r")[name]).tolist()
    # What zarr raises for damaged files has no common type.
    except Exception as error:
        raise ValueError(f"cannot read {name} in {source}: {shown(str(error))}; {CURE}") from error


def waited(future: Any, where: Any) -> Any:
    """The result of TensorStore's work.

    Raises:
        ValueError: If there is none; says where.
    """
    try:
        return future.result()
    except (ValueError, OSError, RuntimeError) as error:
        raise ValueError(f"cannot read {where}: {shown(str(error))}; {CURE}") from error


def _metadata(source: AnyPath | str) -> dict[str, bytes]:
    if not isinstance(source, Path):
        place = source.rstrip("/") + "/" if isinstance(source, str) else source.key_value_store
        store = waited(tensorstore.KvStore.open(place, context=remote_context()), source)
        names = [each.decode() for each in waited(store.list(), source)]
        return {name: waited(store.read(name), source).value for name in names if PurePosixPath(name).name in MARKS}
    # The chunks, thousands of files, lie in folders below arrays, which are not entered.
    found: dict[str, bytes] = {}
    waiting = [source]
    while waiting:
        folder = waiting.pop()
        marks = {mark: (folder / mark).read_bytes() for mark in MARKS if (folder / mark).is_file()}
        found |= {(folder / mark).relative_to(source).as_posix(): text for mark, text in marks.items()}
        if ".zarray" not in marks and b'"array"' not in marks.get("zarr.json", b""):
            waiting += [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
    return found


def _parsed(text: bytes, source: AnyPath | str) -> dict[str, Any]:
    try:
        found = parse_json(text)
    except ValueError as error:
        raise ValueError(f"the metadata of {source} is damaged: {error}; {CURE}") from error
    if not isinstance(found, dict):
        raise ValueError(f"the metadata of {source} is damaged: expected an object, got {shown(found)}")
    return found


def _opened(source: AnyPath | str, mark: PurePosixPath) -> tensorstore.TensorStore | None:
    """An array; None for one of a type that TensorStore does not know."""
    spec = {
        "driver": "zarr" if mark.name == ".zarray" else "zarr3",
        "kvstore": _below(source, mark.parent.as_posix()),
        "fill_missing_data_reads": False,
    }
    try:
        array = tensorstore.open(spec, open=True, context=remote_context()).result()
    except (ValueError, NotImplementedError, OSError) as error:
        said = str(error)
        if "data_type" in said or "dtype" in said or "codec" in said:
            return None
        raise ValueError(f"cannot read {mark.parent} in {source}: {shown(said)}; {CURE}") from error
    return None if np.dtype(array.dtype.numpy_dtype).kind in "OSU" else array


def _below(source: AnyPath | str, name: str) -> Any:
    """How TensorStore opens what is in a folder of a group; the group itself is "."."""
    if isinstance(source, str):
        return f"{source.rstrip('/')}/{name}/".replace("/./", "/")
    if isinstance(source, Path):
        return {"driver": "file", "path": f"{source.resolve()}/{name}/".replace("/./", "/")}
    return (source if name == "." else source / name).key_value_store
