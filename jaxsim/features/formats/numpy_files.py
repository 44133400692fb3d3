"""A .npy file, a folder of them, and .npz archives, as features."""

import struct
import threading
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from jaxsim.arguments import shown
from jaxsim.data.archive_claims import check_claims
from jaxsim.features.formats.contents import Contents, fingerprint_of_files
from jaxsim.features.formats.id_files import read_id_file
from jaxsim.files import check_texts, open_regular, read_array
from jaxsim.rows import LazyRows

_ID_SUFFIXES = (".txt", ".csv", ".json")
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_LOCAL_HEADER = 30


def read_npy(path: Path) -> Contents:
    """The array of a `.npy` file, mapped into memory, named as the file.

    Raises:
        ValueError: If it is no whole .npy file, or holds Python objects.
    """
    return _contents({path.stem: _mapped(path)}, "NumPy file", path, [path], {})


def read_npy_folder(path: Path) -> Contents:
    """The arrays of all `.npy` files below a folder, mapped into memory, each named by its path without the suffix.

    Ids may lie beside them, in `sample_ids.txt` (`.csv`, `.json`, `.npy`) or `ids.txt`.

    Raises:
        ValueError: If one is no whole .npy file, or holds Python objects.
    """
    files = sorted(each for each in path.rglob("*.npy") if each.is_file() and not each.name.startswith("."))
    arrays = {each.relative_to(path).with_suffix("").as_posix(): _mapped(each) for each in files}
    lists = {each.stem: each for each in sorted(path.iterdir()) if each.suffix.lower() in _ID_SUFFIXES}
    return _contents(arrays, "folder of NumPy files", path, [*files, *lists.values()], lists)


def _contents(arrays: dict[str, Any], kind: str, path: Path, files: list[Path], lists: dict[str, Path]) -> Contents:
    named = [name for name, array in arrays.items() if len(array.shape) == 1]

    def read_ids(key: str) -> Any:
        return read_id_file(lists[key]) if key in lists else arrays[key][:]

    return Contents(
        kind=kind,
        source=str(path.absolute()),
        arrays={name: array for name, array in arrays.items() if array.dtype.kind not in "USV" or array.ndim != 1},
        id_keys=(*named, *lists),
        read_ids=read_ids,
        fingerprint=lambda: fingerprint_of_files(files),
    )


def _mapped(path: Path) -> np.ndarray:
    try:
        return read_array(path)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cannot read {path} as an array: {shown(str(error))}; expected a whole .npy file that numpy.save wrote, "
            "of numbers and not of Python objects"
        ) from error


def read_npz(path: Path) -> Contents:
    """The arrays of an `.npz` archive. Uncompressed ones are mapped into memory, others read from their stream.

    Raises:
        ValueError: If it is no whole archive, or claims sizes that cannot be.
    """
    try:
        with open_regular(path) as handle, zipfile.ZipFile(handle) as archive:
            members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
            arrays = {each.filename[: -len(".npy")]: _member(path, archive, each) for each in members}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, struct.error, NotImplementedError) as error:
        raise ValueError(
            f"cannot read {path} as an .npz archive: {shown(str(error))}; write it with numpy.savez"
        ) from error
    plain = {name: each for name, each in arrays.items() if each is not None}
    found = _contents(plain, "NumPy archive", path, [path], {})
    objects = [name for name, each in arrays.items() if each is None]
    if objects and not found.arrays:
        raise ValueError(
            f"{path} holds Python objects ({', '.join(objects)}), which are never loaded (they can run code): save "
            "arrays of numbers"
        )
    return found


def _member(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Any:
    """An array of an archive; None for one of Python objects."""
    try:
        check_claims(archive, entry.filename)
        with archive.open(entry) as stream:
            read_header = _HEADERS.get(npy.read_magic(stream))
            if read_header is None:
                raise ValueError("it is of a later version of the .npy format")
            shape, columnwise, dtype = read_header(stream)
            header = stream.tell()
    except (ValueError, SyntaxError, TypeError, KeyError, tokenize.TokenError) as error:
        raise ValueError(f"cannot read {entry.filename} in {path}: {shown(str(error))}") from error
    if dtype.hasobject:
        return None
    if len(shape) != 2:
        return _whole(path, entry.filename)
    if entry.compress_type == zipfile.ZIP_STORED:
        offset = entry.header_offset + _LOCAL_HEADER + _local_lengths(archive, entry) + header
        order = "F" if columnwise else "C"
        return np.memmap(path, dtype, "r", offset, shape, order) if 0 not in shape else np.empty(shape, dtype)
    if columnwise:
        return _whole(path, entry.filename)
    return LazyRows(_Stream(path, entry.filename, header, shape, dtype).read, shape, dtype)


def _whole(path: Path, member: str) -> np.ndarray:
    """What has to be read at once: ids, labels, and columns in a compressed stream."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            found = npy.read_array(stream, allow_pickle=False)
            check_texts(found)
            return found
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path} is damaged in {member}: {shown(str(error))}; write it again") from error


def _local_lengths(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Length of the name and the extra field in front of the data, which the directory does not know."""
    file = archive.fp
    if file is None:
        raise ValueError("expected an open archive, got a closed one")
    file.seek(entry.header_offset + _LOCAL_HEADER - 4)
    name, extra = struct.unpack("<HH", file.read(4))
    return name + extra


class _Stream:
    """A compressed array, of which rows further on are cheap, and earlier ones start over."""

    def __init__(self, path: Path, member: str, header: int, shape: tuple[int, ...], dtype: np.dtype):
        self._path, self._member, self._header = path, member, header
        self._width, self._dtype = shape[1], dtype
        self._lock, self._opened = threading.Lock(), None
        self._at = 0

    def read(self, start: int, stop: int) -> np.ndarray:
        row = self._width * self._dtype.itemsize
        with self._lock:
            try:
                if self._opened is None or self._at > start:
                    # Kept for the rows that follow, so no block can close it.
                    self._opened = zipfile.ZipFile(self._path).open(self._member)  # noqa: SIM115
                    self._skip(self._header)
                    self._at = 0
                self._skip((start - self._at) * row)
                content = self._opened.read((stop - start) * row)
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
                self._opened = None
                raise ValueError(
                    f"{self._path} is damaged in {self._member}: {shown(str(error))}; write it again"
                ) from error
            self._at = stop
        if len(content) != (stop - start) * row:
            raise ValueError(f"{self._path} is damaged in {self._member}: it ends early; write it again")
        return np.frombuffer(content, self._dtype).reshape(stop - start, self._width)

    def _skip(self, n_bytes: int) -> None:
        while n_bytes > 0 and self._opened is not None:
            n_bytes -= len(self._opened.read(min(n_bytes, 1 << 22))) or n_bytes
