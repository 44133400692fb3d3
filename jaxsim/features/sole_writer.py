"""One writer at a time for every folder of features, on a disk or in a bucket."""

import datetime
import json
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from jaxsim.arguments import shown
from jaxsim.features.feature_set import ARRAYS
from jaxsim.features.store import check_no_links
from jaxsim.files import AnyPath, RemotePath, parse_json

LOCK = ".lock"


@contextmanager
def sole_writer(folder: AnyPath) -> Iterator[None]:
    """Create a folder and keep other processes from writing features into it.

    On a disk the lock is the operating system's, on the file `.lock`: it ends with the process, however that ends. In a
    bucket it is the object `.lock`, which says who holds it and stays if its process is killed.

    Raises:
        ValueError: the folder cannot be written, or another process writes to it.
    """
    if isinstance(folder, RemotePath):
        with _sole_remote_writer(folder):
            yield
        return
    check_no_links(folder / ARRAYS)
    if (folder / LOCK).is_symlink() or ((folder / LOCK).exists() and not (folder / LOCK).is_file()):
        raise ValueError(f"expected {folder / LOCK} to be a file, got a link or something else: remove it")
    lock = _locked(folder)
    try:
        yield
    finally:
        lock.release()


def _locked(folder: Path) -> filelock.BaseFileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except filelock.Timeout as error:
        raise ValueError(
            f"another process is extracting features into {folder}: wait for it, or choose another folder"
        ) from error
    except OSError as error:
        raise ValueError(f"cannot write to {folder}: {error.strerror}. Choose a folder you may write to") from error
    return lock


@contextmanager
def _sole_remote_writer(folder: RemotePath) -> Iterator[None]:
    lock = folder / LOCK
    content = json.dumps(
        {
            "host": platform.node(),
            "process": os.getpid(),
            "since": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "token": secrets.token_hex(8),
        }
    ).encode("ascii")
    generation = lock.create(content)
    if generation is None:
        raise ValueError(
            f"another process is extracting features into {folder}, {_holder(lock)}: wait for it, or choose another "
            f"folder; if it was killed, delete {lock}, and the same command continues where it was"
        )
    if lock.create(content) is not None:
        lock.unlink()
        raise ValueError(
            f"cannot keep a second writer out of {folder}: its store takes no notice of conditional writes "
            "(If-None-Match); extract to a local folder and copy it there"
        )
    try:
        yield
    finally:
        lock.remove_own(generation)


def _holder(lock: RemotePath) -> str:
    """Who holds a lock, as far as it says."""
    try:
        found = parse_json(lock.read_bytes())
        return f"process {found['process']:d} on {shown(found['host'])} since {shown(found['since'])}"
    except (ValueError, KeyError, TypeError):
        return "which does not say who it is"
