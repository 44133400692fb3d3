"""Reading files that others may have made: only regular ones, and JSON of any content ends in a value or a sentence."""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

#: Far above what jaxsim or a library of models writes; the depth that Python itself can read depends on who calls.
DEEPEST_JSON = 100
# Far above any configuration or index.
_LARGEST_JSON = 64 * 2**20
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


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
        ValueError: expected a regular file, got a device
    """
    _check_regular(path.stat().st_mode)
    # Should it have become a pipe meanwhile, nobody waits for its writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    return os.fdopen(handle, "rb")


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ValueError(f"expected a regular file, got {_KINDS.get(stat.S_IFMT(mode), 'something else')}")


def is_there(path: Path) -> bool:
    """Returns whether there is a regular file at a path (or a link to one).

    Args:
        path: The file.

    Raises:
        ValueError: There is something else, which would be waited for (a pipe), never ends (a device) or cannot be
            read (a directory, a link to nothing).

    Example:
        >>> is_there(Path("no-such-file"))
        False
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise ValueError(f"{path}: expected a file, got a link to something that is not there") from None
        return False
    except NotADirectoryError:
        return False
    except (OSError, ValueError) as error:
        raise ValueError(f"{path!s:.200}: cannot be looked at: {error}") from error
    try:
        _check_regular(mode)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return True


def contents(directory: Path, most: int = 8) -> str:
    """Returns what lies in a directory, for messages: a few names, directories with a slash.

    Args:
        directory: The directory.
        most: So many names are given.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> contents(folder)
        'nothing'
        >>> (folder / "metrics").mkdir()
        >>> contents(folder)
        'metrics/'
    """
    try:
        names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in directory.iterdir())
    except OSError as error:
        return f"nothing that could be read ({error.strerror})"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    # The repr of a name has no line breaks.
    return ", ".join(f"{name!r:.60}".strip("'") for name in names[:most]) + more or "nothing"


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


def read_json_object(path: Path) -> dict[str, Any]:
    """Returns the JSON object that anybody's file holds.

    Args:
        path: The file.

    Raises:
        ValueError: There is no regular file, or it does not hold a JSON object of at most 64 MiB and 100 levels.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "config.json"
        >>> path.write_text('{"depth": 12}')
        13
        >>> read_json_object(path)
        {'depth': 12}
    """
    if not is_there(path):
        raise ValueError(f"{path}: no such file")
    size = path.stat().st_size
    if size > _LARGEST_JSON:
        raise ValueError(f"{path}: {size:,} bytes; expected a JSON file of at most {_LARGEST_JSON:,}")
    try:
        value = parse_json(read_regular(path).decode())
    except (ValueError, OSError) as error:  # no JSON, no UTF-8, or a number of too many digits
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value
