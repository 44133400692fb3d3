"""Image files of every format to RGB, uint8, by the rules of `jaxsim.pixels`."""

import errno
import io
from pathlib import Path

import numpy as np
import PIL.Image
from jaxtyping import UInt8

from jaxsim.data.memory_budget import MemoryBudget
from jaxsim.data.picture_warnings import warnings_of
from jaxsim.data.source import DamagedImage
from jaxsim.names import printable
from jaxsim.pixels import rgb_pixels, shown_size

# What Pillow warns of, too. Every decoding is counted with the memory it takes at most (transparency, 16 bits), and all
# that go on at a time share what the largest image needs: 2.1 GB, however many threads decode.
MOST_PIXELS = 89_478_485
BYTES_PER_PIXEL = 24
MEMORY = MemoryBudget(MOST_PIXELS * BYTES_PER_PIXEL)
_NOT_OF_THE_FILE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})


def read_image(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """Read and decode one image file.

    Args:
        path: a JPEG, PNG, WebP, BMP, TIFF or GIF file.

    Returns:
        RGB, uint8, 0..255.

    Raises:
        DamagedImage: the bytes are no whole image of a supported format, it has more than 89,478,485 pixels, or the
            file may not be read (no permission).
        ValueError: there is no such file (any more).
        MemoryError: there is no memory for it; names the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "grey.png"
        >>> PIL.Image.new("I;16", (3, 2), 65535).save(path)
        >>> read_image(path).shape, int(read_image(path).max())
        ((2, 3, 3), 255)
    """
    shown = printable(str(path))
    try:
        content = path.read_bytes()
    except OSError as error:
        if error.errno in _NOT_OF_THE_FILE:
            raise
        if error.errno == errno.ENOENT:
            raise ValueError(f"cannot read the image file {shown}: {error.strerror}. Check that it exists") from error
        raise DamagedImage(shown, f"cannot be read: {error.strerror or error}") from error
    # Around it all: a user's filter may turn a warning into an error, which is not damage.
    with warnings_of(shown):
        return _decoded(content, shown)


def _decoded(content: bytes, shown: str) -> UInt8[np.ndarray, "height width 3"]:
    try:
        with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as image:
            n_pixels = image.width * image.height
            if n_pixels > MOST_PIXELS:
                raise DamagedImage(shown, _too_many(image.width, image.height))
            with MEMORY.taken(n_pixels * BYTES_PER_PIXEL):
                return rgb_pixels(image)
    except MemoryError as error:
        raise MemoryError(
            f"no memory to decode {shown} ({len(content)} bytes): use fewer threads, or free memory"
        ) from error
    except DamagedImage:
        raise
    except PIL.Image.DecompressionBombError as error:
        own = PIL.Image.MAX_IMAGE_PIXELS or MOST_PIXELS
        cure = "Shrink the image" if own >= MOST_PIXELS else "Shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS"
        raise DamagedImage(shown, f"{error}. {cure}") from error
    except PIL.UnidentifiedImageError as error:
        raise DamagedImage(shown, f"not a whole image of the formats {', '.join(FORMATS)}") from error
    # A decoder that meets arbitrary bytes raises OSError, SyntaxError, struct.error, zlib.error and more.
    except Exception as error:
        raise DamagedImage(shown, printable(f"{error}") or type(error).__name__) from error


def _too_many(width: int, height: int) -> str:
    return (
        f"it has {width} x {height} pixels, and at most {MOST_PIXELS:,} are decoded, so that memory holds: "
        "shrink the image"
    )


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width) of what `read_image` would give, from the file's header alone.

    Args:
        path: an image file.

    Raises:
        DamagedImage: the header or the file cannot be read; the pixels behind a whole header may still be damaged.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "grey.png"
        >>> PIL.Image.new("L", (3, 2)).save(path)
        >>> read_size(path)
        (2, 3)
    """
    with warnings_of(printable(str(path))):
        try:
            with PIL.Image.open(path, formats=FORMATS) as image:
                if image.width * image.height <= MOST_PIXELS:
                    return shown_size(image)
        except MemoryError:
            raise
        # Whatever is wrong with the file, decoding says it better.
        except Exception:
            pass
    height, width = read_image(path).shape[:2]
    return height, width
