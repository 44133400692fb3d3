"""Files that a reader sees whole or not at all."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jaxsim.files.reading import parse_json, read_regular
from jaxsim.files.remote import AnyPath, RemotePath

_BLOCK = 2**20


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Makes an empty file beside `path`, and moves it there when the block ends without an error.

    Its name is drawn at random and it is made only if nothing has that name, so that no link is followed and two
    writers never share one. Its permissions are those that the user's umask allows.

    Args:
        path: Where the file is to be, in a folder that exists.

    Yields:
        The file to write to.

    Raises:
        OSError: Nothing can be written there, or the disk is full; names `path`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with partial_file(path) as partial:
        ...     _ = partial.write_text("whole")
        >>> path.read_text()
        'whole'
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    with _naming(path, partial):
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        with _naming(path, partial):
            yield partial
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Writes a file such that a reader sees either the old or the whole new one.

    Args:
        path: In a folder that exists.
        content: All of it.
        durable: Whether to wait until it is on the disk, for what must outlive a loss of power.

    Raises:
        OSError: It cannot be written; names `path`.
    """
    with partial_file(path) as partial, partial.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def write_json(path: AnyPath, value: Any) -> None:
    """Writes a JSON file, whole or not at all.

    Args:
        path: In a folder that exists, or in a bucket.
        value: Anything JSON can hold.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.json"
        >>> write_json(path, {"a": [1, 2]})
        >>> read_json(path)
        {'a': [1, 2]}
    """
    content = json.dumps(value, indent=1).encode("ascii")
    if isinstance(path, RemotePath):
        path.write_bytes(content)
    else:
        write_whole(path, content, durable=True)


def read_json(path: AnyPath) -> Any:
    """Reads a JSON file.

    Raises:
        ValueError: The file cannot be read, is no regular file, is not JSON, or is nested too deeply to be ours; names
            it.
    """
    try:
        return parse_json((read_regular(path) if isinstance(path, Path) else path.read_bytes()).decode("utf-8"))
    except MemoryError as error:
        raise MemoryError(f"no memory to read {path} as JSON") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path} as JSON: {error}") from error


def content_hash(path: Path) -> str:
    """Returns the sha256 of a file, hexadecimal.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> write_whole(path, b"")
        >>> content_hash(path)[:8]
        'e3b0c442'
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _naming(path: Path, partial: Path) -> Iterator[None]:
    """An `OSError` without the name of a file (a full disk has none) gets that of the file that was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, partial, str(partial)):
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error
