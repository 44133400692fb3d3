"""Image files of every format to RGB, uint8, by the rules of `jaxsim.pixels`."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
from jaxtyping import UInt8

from jaxsim.data.source import DamagedImage
from jaxsim.pixels import rgb_pixels, shown_size

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})


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
            return shown_size(image)
    # Whatever is wrong with the file, decoding says it better.
    except Exception:
        height, width = read_image(path).shape[:2]
        return height, width
