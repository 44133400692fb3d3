"""Arrays in `.npy` files that others may have made: mapped into memory, or a sentence."""

from pathlib import Path

import numpy as np

from jaxsim.files.reading import open_regular

# The last character of Unicode; Python's texts break on what lies beyond.
_LAST = 0x10FFFF


def read_array(path: Path) -> np.ndarray:
    """Returns the array of a `.npy` file, mapped into memory, so that none is taken for what is not there.

    Args:
        path: The file.

    Raises:
        ValueError: It is no whole `.npy` file, holds Python objects or texts that are none, or is no regular file.
        OSError: It cannot be opened.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.npy"
        >>> np.save(path, np.arange(3))
        >>> read_array(path).tolist()
        [0, 1, 2]
    """
    with open_regular(path):
        pass
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    # The header is parsed as Python, which raises nearly anything for arbitrary bytes.
    except Exception as error:
        raise ValueError(f"{error or type(error).__name__}") from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise ValueError("it is an archive of several arrays")
    check_texts(found)
    return found


def check_texts(array: np.ndarray) -> None:
    """Refuses an array of texts with characters that there are not, on which Python's texts break.

    Raises:
        ValueError: There is one.

    Example:
        >>> check_texts(np.array([0x7FFFFFFF], np.uint32).view("U1"))
        Traceback (most recent call last):
        ...
        ValueError: expected texts, got characters that Unicode does not have
    """
    if array.dtype.kind != "U" or array.size == 0 or array.dtype.itemsize == 0:
        return
    codes = np.ascontiguousarray(array).reshape(-1).view(array.dtype.byteorder.replace("|", "=") + "u4")
    if int(codes.max()) > _LAST:
        raise ValueError("expected texts, got characters that Unicode does not have")
