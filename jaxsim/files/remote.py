"""Folders in a bucket: what features need of `pathlib.Path`, on the objects of `gs://` and `s3://`."""

from __future__ import annotations

import fnmatch
import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BUCKETS = ("gs://", "s3://", "memory://")
# After so many attempts, about a minute, a store that does not answer is told as an error; TensorStore tries for hours.
_RETRIES = 6
# How TensorStore marks that there is no object, where a write is to happen only if there is none.
_MISSING = b"\2"


class RemotePath:
    """An object in a bucket, or all objects below a name, read and written through TensorStore.

    The part of `pathlib.Path` that features need, under its names. There are no folders in a bucket: one is there while
    there is an object below it. An object is written whole or not at all.

    `s3://` takes its endpoint, region and keys from the environment (`AWS_ENDPOINT_URL`, `AWS_REGION`,
    `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`; without them from `~/.aws`), and signs nothing under
    `AWS_NO_SIGN_REQUEST=YES`; `gs://` takes Google's default credentials. `memory://` is this process's memory.

    Args:
        url: As `gs://bucket/folder`; what follows the bucket is taken as it is written.

    Raises:
        ValueError: If it names no bucket.

    Example:
        >>> folder = RemotePath("memory://study/vit")
        >>> (folder / "note.json").write_bytes(b"{}")
        >>> folder.is_dir(), (folder / "note.json").read_bytes(), [str(each) for each in folder.glob("*.json")]
        (True, b'{}', ['memory://study/vit/note.json'])
    """

    def __init__(self, url: str):
        scheme, _, rest = url.partition("://")
        parts = [part for part in rest.split("/") if part]
        if f"{scheme}://" not in BUCKETS or not parts or ".." in parts:
            raise ValueError(f"expected a folder in a bucket, as s3://bucket/folder, got {url!r}")
        self._scheme, self._parts = scheme, tuple(parts)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self}/{name}")

    def __str__(self) -> str:
        return f"{self._scheme}://{'/'.join(self._parts)}"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: RemotePath) -> bool:
        return self._parts < other._parts

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return self._parts[-1]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return Path(self.name).stem

    @property
    def parent(self) -> RemotePath:
        """The folder that it is in."""
        return RemotePath(str(self).rpartition("/")[0])

    @property
    def key_value_store(self) -> dict[str, Any]:
        """How TensorStore opens the folder."""
        return _bucket(self._scheme, self._parts[0]) | {"path": f"{self._key}/".lstrip("/")}

    def resolve(self) -> RemotePath:
        """Itself: there are no links in a bucket."""
        return self

    def exists(self) -> bool:
        """Whether there is an object of that name, or one below it."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether there is an object of that name."""
        return self._key in self._listed(self._key, only=True)

    def is_dir(self) -> bool:
        """Whether there is an object below that name."""
        return bool(self._listed(f"{self._key}/".lstrip("/")))

    def glob(self, pattern: str) -> Iterator[RemotePath]:
        """The objects below that fit a pattern, of as many parts as it has; nothing that is only a folder."""
        before = f"{self._key}/".lstrip("/")
        wanted = pattern.split("/")
        literal = pattern[: min((pattern.index(mark) for mark in "*?[" if mark in pattern), default=len(pattern))]
        for key in sorted(self._listed(before + literal)):
            parts = key.removeprefix(before).split("/")
            if len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted)):
                yield self / "/".join(parts)

    def iterdir(self) -> Iterator[RemotePath]:
        """What is below, objects and folders."""
        before = f"{self._key}/".lstrip("/")
        for name in sorted({key.removeprefix(before).partition("/")[0] for key in self._listed(before)} - {""}):
            yield self / name

    def read_bytes(self) -> bytes:
        """The content of the object.

        Raises:
            ValueError: There is none, or the bucket cannot be read.
        """
        found = self._waited(self._store.read(self._key), "read")
        if found.state != "value":
            raise ValueError(f"there is no {self}")
        return found.value

    def write_bytes(self, content: bytes) -> None:
        """Writes the object, whole or not at all.

        Raises:
            ValueError: The bucket cannot be written.
        """
        self._waited(self._store.write(self._key, content), "write to")

    def create(self, content: bytes) -> bytes | None:
        """Writes the object if there is none, by a conditional write: of several writers one alone succeeds.

        Returns:
            The generation that was written, for `remove_own`; None if there was an object.
        """
        return self._waited(self._store.write(self._key, content, if_equal=_MISSING), "write to").generation or None

    def remove_own(self, generation: bytes) -> None:
        """Removes the object if it is still the one that was written."""
        self._waited(self._store.write(self._key, None, if_equal=generation), "write to")

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes the object; that there is none is no error, as buckets have it."""
        unlink_all([self])

    @property
    def _key(self) -> str:
        return "/".join(self._parts if self._scheme == "memory" else self._parts[1:])

    @property
    def _store(self) -> Any:
        try:
            return _store(self._scheme, self._parts[0])
        except (ValueError, OSError, RuntimeError) as error:
            raise ValueError(f"cannot open {self}: {' '.join(str(error).split())[:300]}") from error

    def _listed(self, start: str, *, only: bool = False) -> list[str]:
        """The names of all objects that begin so."""
        import tensorstore

        # Up to the next name of the same length; of a single name, up to that with a space behind it.
        end = f"{start} " if only else start and f"{start[:-1]}{chr(ord(start[-1]) + 1)}"
        found = self._waited(self._store.list(tensorstore.KvStore.KeyRange(start, end)), "read")
        return [key.decode("utf-8", "surrogateescape") for key in found]

    def _waited(self, future: Any, doing: str) -> Any:
        try:
            return future.result()
        except (ValueError, OSError, RuntimeError, NotImplementedError) as error:
            said = " ".join(str(error).split())[:300]
            endpoint = " and the endpoint (AWS_ENDPOINT_URL)" if self._scheme == "s3" else ""
            raise ValueError(f"cannot {doing} {self}: {said}; check the bucket, the credentials{endpoint}") from error


AnyPath = Path | RemotePath
"""A file or folder, wherever it is."""


def is_bucket(value: Any) -> bool:
    """Whether a text names a place in a bucket that can be written.

    Example:
        >>> is_bucket("gs://bucket/vit"), is_bucket("https://host/vit"), is_bucket("vit")
        (True, False, False)
    """
    return isinstance(value, str) and value.startswith(BUCKETS)


def unlink_all(files: Iterable[Path | RemotePath]) -> None:
    """Removes files, those in a bucket all at once; those that are gone already are no error.

    Example:
        >>> there = RemotePath("memory://study/old")
        >>> there.write_bytes(b"")
        >>> unlink_all([there])
        >>> there.is_file()
        False
    """
    begun = []
    for file in files:
        if isinstance(file, Path):
            file.unlink(missing_ok=True)
        else:
            begun.append((file, file._store.write(file._key, None)))
    for file, future in begun:
        file._waited(future, "remove")


def rename(file: AnyPath, name: str) -> None:
    """Gives a file another name beside it; an object in a bucket, which nobody can move, is copied and removed.

    Example:
        >>> there = RemotePath("memory://study/a")
        >>> there.write_bytes(b"kept")
        >>> rename(there, "b")
        >>> there.is_file(), (there.parent / "b").read_bytes()
        (False, b'kept')
    """
    if isinstance(file, Path):
        file.rename(file.with_name(name))
    else:
        (file.parent / name).write_bytes(file.read_bytes())
        file.unlink()


@functools.cache
def remote_context() -> Any:
    """The connections that everything in buckets shares."""
    import tensorstore

    retries = {"max_retries": _RETRIES}
    return tensorstore.Context({"s3_request_retries": retries, "gcs_request_retries": retries})


def _bucket(scheme: str, bucket: str) -> dict[str, Any]:
    if scheme == "memory":
        return {"driver": "memory"}
    if scheme == "gs":
        return {"driver": "gcs", "bucket": bucket}
    # Conditional writes, which keep two writers apart, are on by default at Amazon's own endpoints alone.
    found: dict[str, Any] = {"driver": "s3", "bucket": bucket, "use_conditional_write": True}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        found["endpoint"] = endpoint.rstrip("/")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or endpoint:
        found["aws_region"] = region or "us-east-1"
    if os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in ("YES", "TRUE", "1"):
        found["aws_credentials"] = {"type": "anonymous"}
    elif os.environ.get("AWS_ACCESS_KEY_ID"):
        found["aws_credentials"] = {"type": "environment"}
    return found


def _store(scheme: str, bucket: str) -> Any:
    import tensorstore

    return tensorstore.KvStore.open(_bucket(scheme, bucket), context=remote_context()).result()
