"""Arrays in memory, and arrays in .npy and .npz files, as a source."""

import hashlib
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxsim.data.archive_claims import check_claims, claimed_shape
from jaxsim.data.source import ImageSource, checked_position
from jaxsim.files import open_regular, read_array
from jaxsim.names import printable
from jaxsim.sample_ids import checked_ids

_IMAGE_KEYS = ("images", "x")
_CURE = "save it with numpy.save as an .npy file, which stays on disk"


class ArraySource(ImageSource):
    """Images of one size in an array.

    Args:
        images: uint8, `[N, H, W]` or `[N, H, W, 1]` (grey) or `[N, H, W, 3]` (RGB). Memory-mapped arrays
            stay on disk.
        prefix: put before the number of an image to make its id.
        digits: least number of digits of that number; more are used when N needs them.
        origin: what goes to `description` beside `n_images` and `fingerprint`.
        columns: labels and groups, one value for each image.
        ids: one for each image instead; with False they are numbered as without.

    Raises:
        ValueError: another dtype or shape, or no image.

    Example:
        >>> source = ArraySource(np.zeros((2, 8, 8), np.uint8))
        >>> source.ids, source.load(1).shape
        (('000000', '000001'), (8, 8, 3))
    """

    def __init__(
        self,
        images: Any,
        *,
        prefix: str = "",
        digits: int = 6,
        origin: dict[str, Any] | None = None,
        columns: Mapping[str, Any] | None = None,
        ids: Any = None,
    ):
        pixels = np.asarray(images)
        check_pixels(pixels.shape, pixels.dtype)
        self._pixels = pixels if pixels.ndim == 4 else pixels[..., None]
        n = len(pixels)
        width = max(digits, len(str(n - 1)))
        self._ids = tuple(f"{prefix}{i:0{width}d}" for i in range(n))
        if ids is not None and ids is not False:
            self._ids = checked_ids(ids, n, "ids", "give different ids, or ids=False to number the images")
        self._origin = {"kind": "array"} if origin is None else origin
        self._columns = {name: np.asarray(values).tolist() for name, values in (columns or {}).items()}

    @property
    def ids(self) -> tuple[str, ...]:
        """Prefix and number."""
        return self._ids

    @property
    def columns(self) -> Mapping[str, list[Any]]:
        """As given."""
        return self._columns

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"uint8 {self._pixels.shape}".encode())
        for image in self._pixels:
            digest.update(image.tobytes())
        return digest.hexdigest()

    @property
    def description(self) -> dict[str, Any]:
        """Origin, number of images; the fingerprint is of shape and pixels."""
        return self._origin | {"n_images": len(self), "fingerprint": self._fingerprint}

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Return a copy of the image at a position as RGB."""
        image = self._pixels[checked_position(index, len(self))]
        return np.array(np.broadcast_to(image, (*image.shape[:2], 3)))

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width), the same for every position."""
        height, width = self._pixels.shape[1:3]
        return height, width


def read_array_file(path: str | os.PathLike[str], key: str | None = None, ids: Any = None) -> ArraySource:
    """Open the images in a `.npy` or `.npz` file; pickled objects are never loaded.

    Args:
        path: the file.
        key: which array of an `.npz`; by default its only array, or the one named `images` or `x`.
        ids: the name of the array of ids in an `.npz`, or the ids; by default images are numbered.

    Raises:
        ValueError: no such file, not an array file, pickled objects, no array of that name, or an array that
            `ArraySource` refuses; names the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "two.npz"
        >>> np.savez(path, images=np.zeros((2, 8, 8, 3), np.uint8), labels=np.arange(2))
        >>> len(read_array_file(path))
        2
    """
    file = Path(path).expanduser()
    if file.exists() and not file.is_file():
        raise ValueError(f"cannot read the array file {printable(str(file))}: it is no regular file (a pipe, a device)")
    try:
        array, name, columns = _read_array(file, key)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, tokenize.TokenError) as error:
        if isinstance(error, FileNotFoundError):
            raise ValueError(f"expected images, came a file that does not exist: {file}. Check the path") from error
        raise ValueError(
            f"cannot read the array file {file}: {error}. Write it with numpy.save or numpy.savez"
        ) from error
    except MemoryError as error:
        raise MemoryError(f"no memory to read the array file {printable(str(file))}: {_CURE}") from error
    except ValueError as error:
        if "pickle" not in str(error) and "Python objects" not in str(error):
            raise ValueError(f"cannot read the array file {file}: {error}") from error
        raise ValueError(
            f"{file} holds pickled objects, which are never loaded (they can run code): "
            "save the images as one uint8 array of shape [N, H, W, 3]"
        ) from error
    origin: dict[str, Any] = {"kind": "array file", "path": printable(str(file.absolute()))}
    try:
        listed = columns.get(ids) if isinstance(ids, str) else ids
        if isinstance(ids, str) and listed is None:
            raise ValueError(f"expected ids as an array with one entry for each image, got {ids!r}")
        return ArraySource(
            array, origin=origin if name is None else origin | {"key": name}, columns=columns, ids=listed
        )
    except ValueError as error:
        raise ValueError(f"{file}{'' if name is None else f', array {name!r}'}: {error}") from error


def _read_array(file: Path, key: str | None) -> tuple[np.ndarray, str | None, dict[str, np.ndarray]]:
    """The array and, in an `.npz`, its name and the columns beside it; a `.npy` stays on disk."""
    if file.suffix.lower() == ".npy":
        return read_array(file), None, {}
    # NumPy leaves a damaged archive open unless it is given the handle.
    with open_regular(file) as handle:
        if not zipfile.is_zipfile(handle):
            raise zipfile.BadZipFile("not a whole .npz archive")
        handle.seek(0)
        with np.load(handle, allow_pickle=False) as opened:
            names = list(opened.files)
            usual = [name for name in _IMAGE_KEYS if name in names]
            chosen = key if key is not None else names[0] if len(names) == 1 else usual[0] if usual else None
            if chosen is None or chosen not in names:
                expected = f"an array named {key!r}" if key else "one array, or one named 'images' or 'x'"
                raise ValueError(f"expected {expected}, came {names}. Say which with key=")
            check_claims(opened.zip, f"{chosen}.npy")
            images = opened[chosen]
            return images, chosen, _columns(opened, chosen, images.shape[:1])


def _columns(archive: Any, chosen: str, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The arrays of an archive with one text or number for each image; others are not read."""
    found = {}
    for name in archive.files:
        if name == chosen:
            continue
        try:
            check_claims(archive.zip, f"{name}.npy")
            values = archive[name] if claimed_shape(archive.zip, f"{name}.npy") == shape else None
        # Arrays beside the images that are damaged, or of Python objects, are nobody's concern.
        except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, OSError, SyntaxError, tokenize.TokenError):
            continue
        if values is not None and values.dtype.kind in "iufbUS":
            found[name] = values
    return found


def check_pixels(shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuses what cannot be images of one size.

    Args:
        shape: Of the array.
        dtype: Of the array.

    Raises:
        ValueError: Another dtype or shape, or no image.

    Example:
        >>> check_pixels((2, 8, 8, 3), np.dtype("uint8"))
    """
    n_axes = len(shape)
    expected = "expected uint8 images [N, H, W], [N, H, W, 1] or [N, H, W, 3]"
    came = f"came {dtype} {list(shape)}"
    if dtype != np.uint8:
        raise ValueError(
            f"{expected}, {came}. Scale to 0..255 first, for example "
            "np.round(255 * images).astype(np.uint8) for values in 0..1"
        )
    if n_axes == 3 and shape[-1] in (1, 3):
        raise ValueError(f"{expected}, {came}, which looks like one image: give it a leading axis, images[None]")
    if n_axes == 4 and shape[-1] not in (1, 3) and shape[1] in (1, 3):
        raise ValueError(f"{expected}, {came}, with channels first: give images.transpose(0, 2, 3, 1)")
    if n_axes not in (3, 4) or (n_axes == 4 and shape[-1] not in (1, 3)):
        raise ValueError(f"{expected}, {came}. Drop alpha channels and further axes")
    if 0 in shape:
        raise ValueError(f"{expected} with at least one image and one pixel, {came}")
