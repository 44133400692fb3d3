"""What is found in a file or folder of another program, before anything but names and shapes is read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxsim.data.source import fingerprint_of
from jaxsim.sample_ids import ID_KEYS


@dataclass(frozen=True)
class Contents:
    """The arrays of a file or folder.

    Attributes:
        kind: Of the format, for people.
        source: Where it is.
        arrays: Name -> what has `shape`, `dtype` and row slices: all arrays of numbers that there are.
        id_keys: Names under which ids may be kept.
        read_ids: Returns what is kept under one of these.
        fingerprint: Changes when the content does.
        columns: Name -> one number for each sample, of which several make a layer; tables alone have them.
    """

    kind: str
    source: str
    arrays: dict[str, Any]
    id_keys: tuple[str, ...]
    read_ids: Callable[[str], Iterable[Any]]
    fingerprint: Callable[[], str]
    columns: dict[str, Any] = field(default_factory=dict)

    @property
    def id_key(self) -> str | None:
        """The usual name under which ids are kept here, if there is one."""
        return next((key for key in ID_KEYS if key in self.id_keys), None)


def fingerprint_of_files(files: Sequence[Path]) -> str:
    """A fingerprint of files by name, size and time of modification; none is read.

    Args:
        files: In order.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.npy"
        >>> _ = file.write_bytes(b"one")
        >>> before = fingerprint_of_files([file])
        >>> _ = file.write_bytes(b"three")
        >>> fingerprint_of_files([file]) == before
        False
    """
    states = [file.stat() for file in files]
    return fingerprint_of(
        [
            part
            for file, state in zip(files, states, strict=True)
            for part in (file.name, str(state.st_size), str(state.st_mtime_ns))
        ]
    )
