"""One door for every kind of image source."""

import os
from pathlib import Path
from typing import Any

import PIL.Image

from jaxsim.data.arrays import ArraySource, read_array_file
from jaxsim.data.digits import digits
from jaxsim.data.folder import FolderSource
from jaxsim.data.pictures import PictureSource
from jaxsim.data.rendered import parse_rendered
from jaxsim.data.source import ImageSource

_ARRAY_SUFFIXES = (".npz", ".npy")


def open_images(source: Any, *, key: str | None = None) -> ImageSource:
    """Open images, whatever they are kept in.

    Args:
        source: a folder of JPEG, PNG, WebP, BMP, TIFF or GIF files (read recursively); an `.npz` or `.npy`
            file of uint8 images; a uint8 array `[N, H, W]`, `[N, H, W, 1]` or `[N, H, W, 3]` (NumPy, JAX,
            anything with `__array__`); a list of Pillow images and uint8 arrays of any sizes; `"digits"`, the embedded
            set, or `"rendered"`, `"rendered:N"` or `"rendered:N:SEED"`, rendered images with known factors (write
            `"./digits"` for a folder of that name); or an `ImageSource`, returned as it is.
        key: which array of an `.npz` holds the images; by default its only one, or `images`, or `x`.

    Returns:
        The images in a fixed order, with an id each.

    Raises:
        ValueError: nothing there, nothing in it, or something else; says what was expected.

    Example:
        >>> images = open_images("digits")
        >>> len(images), images.ids[0]
        (1797, 'digits/0000')
    """
    if key is not None and not (isinstance(source, str | os.PathLike) and Path(source).suffix.lower() == ".npz"):
        raise ValueError(f"key={key!r} chooses an array of an .npz file, and the images came as {_named(source)}")
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, str | os.PathLike) and not os.fsdecode(source).strip():
        raise ValueError('expected a folder of images, came an empty path; write "." for the current folder')
    if isinstance(source, str) and source == "digits":
        return digits().source
    if isinstance(source, str) and (made := parse_rendered(source)) is not None:
        return made
    if isinstance(source, str | os.PathLike):
        if Path(source).suffix.lower() in _ARRAY_SUFFIXES and not Path(source).expanduser().is_dir():
            return read_array_file(source, key)
        return FolderSource(source)
    if isinstance(source, list | tuple):
        return PictureSource(source)
    if isinstance(source, PIL.Image.Image):
        raise ValueError("expected several images, came one Pillow image: give a list, [image, ...]")
    if hasattr(source, "__array__"):
        return ArraySource(source)
    raise ValueError(
        "expected images as a folder, an .npz or .npy file, a uint8 array [N, H, W, 3], a list of Pillow "
        f"images, 'digits' or 'rendered', came {_named(source)}. Give an iterator as a list"
    )


def _named(source: Any) -> str:
    return repr(str(source)) if isinstance(source, str | os.PathLike) else f"a {type(source).__name__}"
