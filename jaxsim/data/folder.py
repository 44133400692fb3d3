"""A folder of image files as a source."""

import os
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxsim.data.decode import SUFFIXES, read_image, read_size
from jaxsim.data.source import ImageSource, checked_position, fingerprint_of


class FolderSource(ImageSource):
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
        root = Path(path).expanduser()
        if not root.is_dir():
            came = "a file" if root.exists() else "a path that does not exist"
            raise ValueError(f"expected a folder of images, came {came}: {root}. Check the path")
        found = sorted(_image_files(root))
        if not found:
            raise ValueError(
                f"the folder {root} holds no image, at any depth; expected files ending in "
                f"{', '.join(sorted(SUFFIXES))}. Hidden files do not count"
            )
        self._root = root
        self._ids = tuple(name for name, _ in found)
        self._sizes = tuple(size for _, size in found)

    @property
    def ids(self) -> tuple[str, ...]:
        """Relative paths with "/"."""
        return self._ids

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint_of([f"{name}\0{size}" for name, size in zip(self._ids, self._sizes, strict=True)])

    @property
    def description(self) -> dict[str, Any]:
        """Kind, absolute path, number of images; the fingerprint is of names and file sizes, not pixels."""
        return {
            "kind": "folder",
            "path": str(self._root.absolute()),
            "n_images": len(self),
            "fingerprint": self._fingerprint,
        }

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Read and decode the file at a position."""
        return read_image(self._root / self._ids[checked_position(index, len(self))])

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) of the file at a position, from its header where that can be read."""
        return read_size(self._root / self._ids[checked_position(index, len(self))])


def _image_files(root: Path) -> Iterator[tuple[str, int]]:
    """Relative path and size in bytes of every image file below `root`; each real folder is read once."""
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
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and (size := _file_size(entry)) is not None:
                yield prefix + entry.name, size
        waiting.extend(reversed(below))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or leads to one; a link to itself raises in `is_dir`."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _file_size(entry: os.DirEntry[str]) -> int | None:
    """Size of a regular file in bytes; None for a broken link, a socket, a pipe (reading one would hang)."""
    try:
        status = entry.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
