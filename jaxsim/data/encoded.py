"""Images whose bytes lie in other files than their own: in shards, tables and arrays."""

import hashlib
import os
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxsim.data.decode import decode_image, image_header
from jaxsim.data.folder import TICK
from jaxsim.data.source import DamagedImage, ImageSource, checked_position, fingerprint_of

_MOST_THREADS = 16


def file_state(path: Path) -> list[int]:
    """Size and times of a file, by which a change is noticed.

    Example:
        >>> len(file_state(Path(".")))
        3
    """
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


class ContentSource(ImageSource):
    """Images that are told apart by hashes of their content; each is read once, by threads, and then remembered.

    To add a kind of source, inherit and write `ids`, `origin`, `load`, `content` and `state`.
    """

    def __init__(self) -> None:
        self._opened = time.time_ns()
        self._hashes: dict[int, str] = {}

    @abstractmethod
    def content(self, index: int) -> bytes:
        """What decides the image at a position: its file's bytes, or its pixels.

        Raises:
            OSError: It cannot be read.
            ValueError: It cannot be read.
        """

    def state(self, index: int) -> list[int] | None:
        """Size and times of the file that holds an image; None where there is none."""
        return None

    @property
    def description(self) -> dict[str, Any]:
        """Origin and number of images; the fingerprint is of their ids and content."""
        return self.origin | {"n_images": len(self), "fingerprint": self.fingerprint_at(range(len(self)))}

    def fingerprint_at(self, indices: Sequence[int]) -> str:
        """A fingerprint of ids and content of the images at some positions; reads those that were not read before."""
        unread = [index for index in indices if index not in self._hashes]
        with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
            self._hashes |= dict(zip(unread, pool.map(self._hash_of, unread), strict=True))
        return fingerprint_of([part for index in indices for part in (self.ids[index], self._hashes[index])])

    def contents(self) -> dict[str, Any] | None:
        """State of the file and hash of every image that was read, but of files that changed a moment before."""
        states = {index: self.state(index) for index in self._hashes}
        recent = self._opened - TICK
        known = {i: state for i, state in states.items() if state is not None and max(state) < recent}
        return {self.ids[i]: [*state, self._hashes[i]] for i, state in known.items()} or None

    def take_contents(self, known: Mapping[str, Any]) -> None:
        """Take over the hashes of images whose file's size and times are as they were."""
        for index, name in enumerate(self.ids):
            told = known.get(name)
            if isinstance(told, list) and told and isinstance(told[-1], str) and told[:-1] == self.state(index):
                self._hashes.setdefault(index, told[-1])

    def _hash_of(self, index: int) -> str:
        try:
            return hashlib.blake2b(self.content(index), digest_size=16).hexdigest()
        except (OSError, ValueError) as error:
            return f"unreadable: {error}"  # it is listed as damaged when it is decoded


class EncodedSource(ContentSource):
    """Images as the bytes of image files, decoded by the rules of `jaxsim.data.decode`."""

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Decode the image at a position."""
        content = self._whole(checked_position(index, len(self)))
        return decode_image(content, self.ids[index])

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) of the image at a position, from its header where that can be read."""
        content = self._whole(checked_position(index, len(self)))
        found = image_header(BytesIO(content), len(content), self.ids[index])
        return found if found is not None else super().image_size(index)

    def _whole(self, index: int) -> bytes:
        try:
            return self.content(index)
        except (OSError, ValueError) as error:
            raise DamagedImage(self.ids[index], f"cannot be read: {error}") from error


def columns_of(named: Mapping[str, Iterable[Any]]) -> dict[str, tuple[Any, ...]]:
    """Columns that hold one text, number or truth value for every image.

    Args:
        named: Name -> values.

    Example:
        >>> columns_of({"label": [0, 1], "box": [[1, 2], [3, 4]]})
        {'label': (0, 1)}
    """
    whole = {name: tuple(values) for name, values in named.items()}
    return {name: found for name, found in whole.items() if all(isinstance(x, str | int | float | bool) for x in found)}
