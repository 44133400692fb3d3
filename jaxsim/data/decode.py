"""Image files of every mode to RGB, uint8.

Rules, the same for every format:

- EXIF orientation is applied; colour profiles are not (no common vision pipeline does).
- Transparency (RGBA, LA, palette or colour-key) is composited on white: the colour under a transparent
  pixel is arbitrary.
- 16-bit grey is scaled from its whole range to 0..255 and rounded, never clipped.
- 32-bit integer and float images are refused: nothing in the file says which value is white.
- Of an animation or a file of several pages, the first frame.
"""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
from jaxtyping import UInt8

from jaxsim.data.source import DamagedImage

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_ORIENTATION, _ON_ITS_SIDE = 274, (5, 6, 7, 8)
_WITH_ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})


def read_image(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """Read and decode one image file.

    Args:
        path: a JPEG, PNG, WebP, BMP, TIFF or GIF file.

    Returns:
        RGB, uint8, 0..255.

    Raises:
        DamagedImage: the bytes are no whole image of a supported format, or it has too many pixels to be
            safe.
        ValueError: the file cannot be read at all (gone, no permission): not a property of the image.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "grey.png"
        >>> PIL.Image.new("I;16", (3, 2), 65535).save(path)
        >>> read_image(path).shape, int(read_image(path).max())
        ((2, 3, 3), 255)
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"cannot read the image file {path}: {error.strerror}. Check that it exists and may be read"
        ) from error
    try:
        with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return rgb_pixels(image)
    except PIL.Image.DecompressionBombError as error:
        raise DamagedImage(
            str(path), f"{error}. If you trust the file, raise PIL.Image.MAX_IMAGE_PIXELS or shrink the image"
        ) from error
    except PIL.UnidentifiedImageError as error:
        raise DamagedImage(str(path), f"not a whole image of the formats {', '.join(FORMATS)}") from error
    # A decoder that meets arbitrary bytes raises OSError, SyntaxError, struct.error, zlib.error and more.
    except Exception as error:
        raise DamagedImage(str(path), f"{error}" or type(error).__name__) from error


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width) of what `read_image` would give, from the file's header alone.

    Args:
        path: an image file.

    Raises:
        DamagedImage: the header cannot be read; the pixels behind a whole header may still be damaged.
        ValueError: the file cannot be read at all.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "grey.png"
        >>> PIL.Image.new("L", (3, 2)).save(path)
        >>> read_size(path)
        (2, 3)
    """
    try:
        with PIL.Image.open(path, formats=FORMATS) as image:
            turned = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
            return (image.width, image.height) if turned else (image.height, image.width)
    # Whatever is wrong with the file, decoding says it better.
    except Exception:
        height, width = read_image(path).shape[:2]
        return height, width


def rgb_pixels(image: PIL.Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    """Convert a Pillow image of any mode by the rules of this module.

    Args:
        image: first frame is taken.

    Returns:
        RGB, uint8, 0..255.

    Raises:
        ValueError: a mode without a defined white (32-bit integer, float) or one that Pillow cannot convert.

    Example:
        >>> rgb_pixels(PIL.Image.new("RGBA", (1, 1), (255, 0, 0, 0))).tolist()
        [[[255, 255, 255]]]
    """
    white = _sixteen_bit_white(image)
    inverted = white is not None and _is_white_zero(image)
    image = PIL.ImageOps.exif_transpose(image)
    if white is not None:
        grey = np.asarray(image).astype(np.float64) * (255.0 / white)
        grey = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
        grey = 255 - grey if inverted else grey
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(f"mode {image.mode} (32 bits) has no defined white: save it with 8 or 16 bits per channel")
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        opaque = PIL.Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = PIL.Image.alpha_composite(opaque, image)
    return np.array(image.convert("RGB"))


def _sixteen_bit_white(image: PIL.Image.Image) -> int | None:
    """The value of full intensity of 16-bit grey (a TIFF may use fewer bits), None for any other mode."""
    if not image.mode.startswith("I;16"):
        return None
    tags = getattr(image, "tag_v2", {})
    return 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1


def _is_white_zero(image: PIL.Image.Image) -> bool:
    """Whether a TIFF counts darkness; Pillow turns 8-bit ones around and leaves 16-bit ones as they are."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
