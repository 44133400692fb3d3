"""A list of pictures in memory, of any sizes, as a source."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import PIL.Image
from jaxtyping import UInt8

from jaxsim.data.source import DamagedImage, ImageSource
from jaxsim.pixels import rgb_pixels
from jaxsim.sample_ids import checked_ids, numbered_ids


class PictureSource(ImageSource):
    """Pillow images and arrays, of which each may have another size.

    Args:
        pictures: Pillow images of any mode, by the rules of `jaxsim.pixels`, and uint8 arrays `[H, W]`, `[H, W, 1]` or
            `[H, W, 3]`. They are not copied: leave them as they are.
        ids: one for each; by default, and with False, they are numbered.

    Raises:
        ValueError: no picture, or an entry that is none; names its place.

    Example:
        >>> pictures = [PIL.Image.new("L", (4, 3)), np.zeros((5, 6, 3), np.uint8)]
        >>> source = PictureSource(pictures)
        >>> source.ids, source.load(0).shape, source.load(1).shape
        (('000000', '000001'), (3, 4, 3), (5, 6, 3))
    """

    def __init__(self, pictures: Sequence[Any], *, ids: Any = None):
        if not len(pictures):
            raise ValueError("expected at least one picture, came an empty list")
        self._pictures = tuple(_checked(each, place) for place, each in enumerate(pictures))
        n = len(pictures)
        given = numbered_ids(n) if ids is None or ids is False else ids
        self._ids = checked_ids(given, n, "ids", "give different ids")

    @property
    def ids(self) -> tuple[str, ...]:
        """As given, or numbers."""
        return self._ids

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for place in range(len(self)):
            try:
                pixels = self.load(place)
            except DamagedImage as error:
                digest.update(f"damaged {error.reason}".encode())
                continue
            digest.update(f"{pixels.shape}".encode())
            digest.update(pixels.tobytes())
        return digest.hexdigest()

    @property
    def description(self) -> dict[str, Any]:
        """Kind and number; the fingerprint is of sizes and pixels."""
        return {"kind": "pictures", "n_images": len(self), "fingerprint": self._fingerprint}

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Return a copy of the picture at a position as RGB."""
        picture = self._pictures[index]
        if isinstance(picture, np.ndarray):
            pixels = picture if picture.ndim == 3 else picture[..., None]
            return np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
        try:
            return rgb_pixels(picture)
        # Pillow reads a file only now, and a decoder that meets arbitrary bytes raises nearly anything.
        except MemoryError:
            raise
        except Exception as error:
            raise DamagedImage(self._ids[index], str(error) or type(error).__name__) from error


def _checked(picture: Any, place: int) -> Any:
    expected = "expected a list of Pillow images or of uint8 arrays [H, W], [H, W, 1] or [H, W, 3]"
    if isinstance(picture, PIL.Image.Image):
        if 0 in picture.size:
            raise ValueError(f"{expected}, came a picture without pixels at {place}")
        return picture
    if isinstance(picture, str) or not hasattr(picture, "__array__"):
        raise ValueError(
            f"{expected}, came a list whose entry {place} is a {type(picture).__name__}: "
            "give files as their folder or as paths alone, and stack what is an array for itself with numpy.stack"
        )
    pixels = np.asarray(picture)
    shape = pixels.shape
    if pixels.dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))) or 0 in shape:
        raise ValueError(f"{expected}, came {pixels.dtype} {list(shape)} at {place}")
    return pixels
