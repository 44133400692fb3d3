"""What others may have put where a file of ours is read: a pipe, JSON of any depth; each ends in a sentence."""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

#: Far above what jaxsim writes; the depth that Python itself can read depends on who calls.
DEEPEST_JSON = 100


class NestedTooDeep(ValueError):
    """A JSON text that is nested more than 100 deep."""


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file (or a link to one) to read it.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be opened.
        ValueError: It is a pipe, which would be waited for, a device, which never ends, or a folder.

    Example:
        >>> open_regular(Path("/dev/zero"))
        Traceback (most recent call last):
        ...
        ValueError: expected a regular file, got something else (a folder, a pipe, a device)
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("expected a regular file, got something else (a folder, a pipe, a device)")
    # Should it have become a pipe meanwhile, nobody waits for its writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    return os.fdopen(handle, "rb")


def read_regular(path: Path) -> bytes:
    """Returns the content of a regular file; raises as `open_regular`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> path.write_bytes(b"content")
        7
        >>> read_regular(path)
        b'content'
    """
    with open_regular(path) as file:
        return file.read()


def parse_json(text: str | bytes) -> Any:
    """Returns what a JSON text says.

    Args:
        text: Anybody's.

    Raises:
        ValueError: It is no JSON.
        NestedTooDeep: What walks through it may not survive it.

    Example:
        >>> parse_json('{"a": [1, 2]}')
        {'a': [1, 2]}
        >>> parse_json("[" * 100_000)
        Traceback (most recent call last):
        ...
        jaxsim.files.reading.NestedTooDeep: nested more than 100 deep
    """
    too_deep = f"nested more than {DEEPEST_JSON} deep"
    try:
        value = json.loads(text)
    except RecursionError:
        raise NestedTooDeep(too_deep) from None
    level = [value]
    for _ in range(DEEPEST_JSON + 1):
        parts = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        if not parts:
            return value
        level = [inner for part in parts for inner in part]
    raise NestedTooDeep(too_deep)
