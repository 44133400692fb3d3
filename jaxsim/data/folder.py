"""A folder of image files as a source."""

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from jaxsim.arguments import check_folder_path
from jaxsim.data.decode import SUFFIXES, is_oversized, read_image, read_size
from jaxsim.data.source import ImageSource, checked_position, fingerprint_of
from jaxsim.files import open_regular
from jaxsim.names import printable

_MOST_THREADS = 16
# The times of a file are no finer than this on some disks, in nanoseconds.
TICK = 2 * 10**9
_UNREADABLE = "unreadable"


class File(NamedTuple):
    """An image file: its path below the folder, and its size and times, by which a change is noticed."""

    name: str
    state: list[int]


class FileSource(ImageSource):
    """Image files below one folder; what is read of them is remembered by size and time.

    Args:
        root: the folder.
        files: in order.
        ids: one for each; by default the relative paths.
    """

    def __init__(self, root: Path, files: Sequence[File], *, ids: tuple[str, ...] | None = None):
        self._root = root
        self._opened = time.time_ns()
        self._files = tuple(files)
        self._names = _shown([file.name for file in files])
        self._ids = self._names if ids is None else ids
        self._hashes: dict[str, tuple[list[int], str]] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """Relative paths with "/"; what cannot be printed is escaped."""
        return self._ids

    @property
    def description(self) -> dict[str, Any]:
        """Kind, absolute path, number of images; the fingerprint is of names and contents of the files.

        The first time all files are read and hashed, by threads, as fast as the disk gives them.
        """
        return self.origin | {"n_images": len(self), "fingerprint": self.fingerprint_at(range(len(self)))}

    def fingerprint_at(self, indices: Sequence[int]) -> str:
        """A fingerprint of names and contents of the files at some positions; reads those that were not read before."""
        chosen = [self._files[index] for index in indices]
        unread = [file for file in chosen if self._hash_of(file) is None]
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
        if unread:
            with ThreadPoolExecutor(threads) as pool:
                found = pool.map(lambda file: _content_hash(self._root / file.name), unread)
                self._hashes |= {file.name: (file.state, each) for file, each in zip(unread, found, strict=True)}
        return fingerprint_of([part for file in chosen for part in (file.name, self._hashes[file.name][1])])

    def contents(self) -> dict[str, Any] | None:
        """State and hash of every file that was read, but of those that changed a moment before."""
        # A file that is written twice within one tick of the disk's clock has the same times both times.
        recent = self._opened - TICK
        return {
            printable(name): [*state, found]
            for name, (state, found) in self._hashes.items()
            if max(state[1:]) < recent and found != _UNREADABLE
        }

    def take_contents(self, known: Mapping[str, Any]) -> None:
        """Take over the hashes of files whose size and times are as they were."""
        for name, entry in zip(self._names, self._files, strict=True):
            told = known.get(name)
            if isinstance(told, list) and told[:-1] == entry.state and isinstance(told[-1], str):
                self._hashes.setdefault(entry.name, (entry.state, told[-1]))

    def _hash_of(self, file: File) -> str | None:
        """The hash of a file, None where it was not read yet."""
        return self._hashes[file.name][1] if file.name in self._hashes else None

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Read and decode the file at a position."""
        return read_image(self._root / self._files[checked_position(index, len(self))].name)

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) of the file at a position, from its header where that can be read."""
        return read_size(self._root / self._files[checked_position(index, len(self))].name)


class FolderSource(FileSource):
    """The images below a folder, at any depth, sorted by relative path; the relative path is the id.

    Files with other suffixes, hidden files and hidden folders are left out. Links to folders are followed,
    and each folder is read once, whatever links lead to it, so that no image is two samples and a loop
    ends. Files are decoded by the rules of `jaxsim.data.decode` when they are asked for.

    Args:
        path: the folder.

    Raises:
        ValueError: the folder does not exist, is a file, cannot be read, or holds no image.

    Example:
        >>> import tempfile, PIL.Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "birds").mkdir()
        >>> PIL.Image.new("L", (4, 3)).save(folder / "birds" / "crow.png")
        >>> source = FolderSource(folder)
        >>> source.ids, source.load(0).shape
        (('birds/crow.png',), (3, 4, 3))
    """

    def __init__(self, path: str | os.PathLike[str]):
        root = check_folder_path("images", path)
        if not root.is_dir():
            came = "a file" if root.exists() else "a path that does not exist"
            raise ValueError(f"expected a folder of images, came {came}: {root}. Check the path")
        found = sorted(_image_files(root), key=lambda file: file.name)
        if not found:
            raise ValueError(
                f"the folder {root} holds no image, at any depth; expected files ending in "
                f"{', '.join(sorted(SUFFIXES))}. Hidden files do not count"
            )
        super().__init__(root, found)

    @property
    def origin(self) -> dict[str, Any]:
        """Kind and absolute path."""
        return {"kind": "folder", "path": printable(str(self._root.absolute()))}

    @property
    def columns(self) -> Mapping[str, Sequence[str]]:
        """`folder`: the folder right below the root that holds the image, where all images lie in such folders."""
        if not all("/" in name for name in self._ids):
            return {}
        return {"folder": [name.partition("/")[0] for name in self._ids]}


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    """The names as they can be shown, each another; of equal ones the second gets a mark."""
    taken: set[str] = set(names)
    shown = []
    for name in names:
        text = printable(name)
        while text != name and text in taken:
            text += "'"
        taken.add(text)
        shown.append(text)
    return tuple(shown)


def _content_hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open_regular(path) as file:
            if is_oversized(os.fstat(file.fileno()).st_size):
                return _UNREADABLE
            while block := file.read(2**20):
                digest.update(block)
    except (OSError, ValueError):
        return _UNREADABLE  # it is listed as damaged when it is decoded
    return digest.hexdigest()


def _image_files(root: Path) -> Iterator[File]:
    """Every image file below `root`; each real folder is read once."""
    seen: set[tuple[int, int]] = set()
    # Depth first, sorted: which of several links to one folder is followed does not depend on the disk.
    waiting = [(root, "")]
    while waiting:
        folder, prefix = waiting.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            raise ValueError(f"cannot read the folder {folder}: {error.strerror}. Check its permissions") from error
        below = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                below.append((folder / entry.name, f"{prefix}{entry.name}/"))
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and (state := _file_state(entry)) is not None:
                yield File(prefix + entry.name, state)
        waiting.extend(reversed(below))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or leads to one; a link to itself raises in `is_dir`."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _file_state(entry: os.DirEntry[str]) -> list[int] | None:
    """Size and times of a regular file; None for a broken link, a socket, a pipe (reading one would hang)."""
    try:
        status = entry.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns] if stat.S_ISREG(status.st_mode) else None
