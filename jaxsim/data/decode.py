"""Image files of every format to RGB, uint8, by the rules of `jaxsim.pixels`."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL.Image
from jaxtyping import UInt8

from jaxsim.data.memory_budget import MemoryBudget
from jaxsim.data.picture_warnings import warnings_of
from jaxsim.data.source import DamagedImage
from jaxsim.files import open_regular
from jaxsim.names import printable
from jaxsim.pixels import rgb_pixels, shown_size

# What Pillow warns of, too, and the bytes of a file that holds so many, uncompressed, with 16 bits and transparency.
MOST_PIXELS = 89_478_485
MOST_BYTES = 8 * MOST_PIXELS
# Every decoding is counted with the memory it takes at most (transparency, 16 bits; some decoders read the whole file),
# and all that go on at a time share what the largest image needs: 2.9 GB, however many threads decode.
BYTES_PER_PIXEL = 24
MEMORY = MemoryBudget(MOST_PIXELS * BYTES_PER_PIXEL + MOST_BYTES)
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
        DamagedImage: the bytes are no whole image of a supported format, it has more than 89,478,485 pixels, the file
            has more than 715,827,880 bytes, is no regular file or may not be read (no permission).
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
    # Around it all: a user's filter may turn a warning into an error, which is not damage.
    with warnings_of(shown), _opened(path, shown) as file:
        return _decoded(file, os.fstat(file.fileno()).st_size, shown)


def decode_image(content: bytes, shown: str) -> UInt8[np.ndarray, "height width 3"]:
    """Decode the bytes of an image file that do not lie in a file of their own.

    Args:
        content: the bytes.
        shown: what to call the image.

    Raises:
        DamagedImage: as `read_image`.

    Example:
        >>> import io
        >>> buffer = io.BytesIO()
        >>> PIL.Image.new("L", (3, 2)).save(buffer, "PNG")
        >>> decode_image(buffer.getvalue(), "grey").shape
        (2, 3, 3)
    """
    with warnings_of(shown):
        if is_oversized(len(content)):
            raise DamagedImage(shown, _too_large(len(content)))
        return _decoded(BytesIO(content), len(content), shown)


def image_header(file: BinaryIO | BytesIO, n_bytes: int, shown: str) -> tuple[int, int] | None:
    """Return (height, width) of what `decode_image` would give, from the header; None where it cannot be read.

    Args:
        file: the bytes, to be read and sought in.
        n_bytes: how many there are.
        shown: what to call the image.
    """
    with warnings_of(shown):
        try:
            with MEMORY.taken(n_bytes), PIL.Image.open(file, formats=FORMATS) as image:
                return shown_size(image) if image.width * image.height <= MOST_PIXELS else None
        except MemoryError:
            raise
        # Whatever is wrong with the bytes, decoding says it better.
        except Exception:
            return None


def is_oversized(n_bytes: int) -> bool:
    """Returns whether a file is larger than any image that is decoded.

    Example:
        >>> is_oversized(100_000), is_oversized(40_000_000_000)
        (False, True)
    """
    return n_bytes > MOST_BYTES


@contextmanager
def _opened(path: Path, shown: str) -> Iterator[BinaryIO]:
    """The file, open, of a size that can be an image; Pillow gets it without its name, so it maps nothing."""
    try:
        file = open_regular(path)
    except OSError as error:
        if error.errno in _NOT_OF_THE_FILE:
            raise
        if error.errno == errno.ENOENT:
            raise ValueError(f"cannot read the image file {shown}: {error.strerror}. Check that it exists") from error
        raise DamagedImage(shown, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise DamagedImage(shown, f"cannot be read: {error}") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if is_oversized(size):
            raise DamagedImage(shown, _too_large(size))
        yield file


def _decoded(file: BinaryIO | BytesIO, n_bytes: int, shown: str) -> UInt8[np.ndarray, "height width 3"]:
    try:
        # Twice, because memory for the file must be given back before there is a wait for that of the pixels.
        with MEMORY.taken(n_bytes), PIL.Image.open(file, formats=FORMATS) as image:
            width, height = image.size
        if width * height > MOST_PIXELS:
            raise DamagedImage(shown, _too_many(width, height))
        file.seek(0)
        with MEMORY.taken(n_bytes + width * height * BYTES_PER_PIXEL), PIL.Image.open(file, formats=FORMATS) as image:
            if image.size != (width, height):
                raise DamagedImage(shown, "it changed while it was read")
            return rgb_pixels(image)
    except MemoryError as error:
        raise MemoryError(
            f"no memory to decode {shown} ({n_bytes} bytes): use fewer threads, or free memory"
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


def _too_large(n_bytes: int) -> str:
    return f"it has {n_bytes:,} bytes, and files of at most {MOST_BYTES:,} are decoded, so that memory holds"


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
            with _opened(path, printable(str(path))) as file:
                found = image_header(file, os.fstat(file.fileno()).st_size, printable(str(path)))
        except MemoryError:
            raise
        # Whatever is wrong with the file, decoding says it better.
        except Exception:
            found = None
    if found is not None:
        return found
    height, width = read_image(path).shape[:2]
    return height, width
