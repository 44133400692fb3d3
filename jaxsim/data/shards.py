"""Images in tar shards, as the webdataset library writes them: files of one name are one sample."""

import glob
import os
import re
import tarfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jaxsim.arguments import shown
from jaxsim.data.decode import SUFFIXES, is_oversized
from jaxsim.data.encoded import EncodedSource, columns_of, file_state
from jaxsim.files import parse_json
from jaxsim.names import printable
from jaxsim.sample_ids import checked_ids, numbered_ids
from jaxsim.wording import counted

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_SHARDS = 100_000
_MOST_COLUMN_BYTES = 1 << 16


class ShardSource(EncodedSource):
    """The images of tar files; what lies beside an image under the same name is its label or group.

    The headers are read once, the images when they are asked for, in any order. The id is the path within the shard
    without its suffix, as webdataset's `__key__`; where two shards use one, the shard's name stands before it. `.cls`,
    `.txt` and the entries of `.json` files are columns.

    Args:
        shards: Uncompressed tar files, in order.
        ids: The ids instead, or the name of a column that is; False numbers the images.

    Raises:
        ValueError: If a shard is no whole tar file, or there is no image in them.
    """

    def __init__(self, shards: Sequence[Path], *, ids: Any = None):
        super().__init__()
        if not shards:
            raise ValueError("expected at least one tar shard, got none")
        self._shards = tuple(shards)
        self._states = {shard: file_state(shard) for shard in shards}
        samples: dict[tuple[Path, str], dict[str, _Member]] = {}
        for shard in shards:
            for key, suffix, member in _members(shard):
                samples.setdefault((shard, key), {}).setdefault(suffix, member)
        found = {at: parts for at, parts in samples.items() if any(f".{suffix}" in SUFFIXES for suffix in parts)}
        if not found:
            raise ValueError(
                f"no image in {counted(len(shards), 'shard')} ({printable(str(shards[0]))} is the first): expected "
                f"files ending in {', '.join(sorted(SUFFIXES))}"
            )
        self._samples = tuple(found.values())
        keys = [key for _, key in found]
        unique = len(set(keys)) == len(keys)
        self._ids = tuple(printable(key if unique else f"{shard.name}/{key}") for shard, key in found)
        if ids is not None:
            n = len(found)
            given = numbered_ids(n) if ids is False else self.column(ids) if isinstance(ids, str) else ids
            self._ids = checked_ids(given, n, "ids", "give different ids, or ids=False to number the images")
        elif len(set(self._ids)) != len(self._ids):
            raise ValueError("expected shards of different names, got two of one; give them in one folder, or ids=")

    @property
    def ids(self) -> tuple[str, ...]:
        """Keys of the samples."""
        return self._ids

    @property
    def origin(self) -> dict[str, Any]:
        """Kind, number of shards, and the absolute path of the first."""
        return {"kind": "shards", "path": printable(str(self._shards[0].absolute())), "n_shards": len(self._shards)}

    @property
    def columns(self) -> Mapping[str, tuple[Any, ...]]:
        """Labels and groups: `.cls` and `.txt` files, and the entries of `.json` files, that every image has."""
        return self._columns

    @cached_property
    def _columns(self) -> Mapping[str, tuple[Any, ...]]:
        rows = [_row(parts) for parts in self._samples]
        names = [name for name in rows[0] if all(name in row for row in rows)]
        return columns_of({name: [row[name] for row in rows] for name in names})

    def content(self, index: int) -> bytes:
        """The bytes of an image file within its shard."""
        parts = self._samples[index]
        return _read(next(member for suffix, member in parts.items() if f".{suffix}" in SUFFIXES))

    def state(self, index: int) -> list[int]:
        """Of the shard that holds the image."""
        return self._states[next(iter(self._samples[index].values())).shard]


def shard_files(text: str) -> tuple[Path, ...]:
    """The tar files that a text stands for: a path, a glob, or a range such as `train-{000..099}.tar`.

    Raises:
        ValueError: If one of them is not there.

    Example:
        >>> shard_files("no/such-{00..01}.tar")
        Traceback (most recent call last):
        ...
        ValueError: no such file: no/such-00.tar; check the path of the shards
    """
    named = [text]
    while match := _RANGE.search(named[0]):
        first, last = (int(each) for each in match.groups())
        if last < first or (last - first + 1) * len(named) > _MOST_SHARDS:
            raise ValueError(f"expected a range of at most {_MOST_SHARDS:,} shards, first to last, got {match.group()}")
        width = len(match.group(1))
        named = [_RANGE.sub(f"{n:0{width}d}", each, count=1) for each in named for n in range(first, last + 1)]
    expanded = [os.path.expanduser(each) for each in named]
    found = [
        Path(each)
        for name in expanded
        for each in (sorted(glob.glob(name)) if glob.has_magic(name) and not Path(name).exists() else [name])
    ]
    missing = next((each for each in found if not each.is_file()), None)
    if missing is not None:
        raise ValueError(f"no such file: {missing}; check the path of the shards")
    return tuple(found)


class _Member(NamedTuple):
    """A file within a shard."""

    shard: Path
    offset: int
    size: int


def _members(shard: Path) -> Any:
    """Key, suffix and place of every file, from the headers alone."""
    try:
        # No compression: a compressed one has no places to read from.
        with tarfile.open(shard, "r:") as archive:
            for each in archive:
                folder, _, name = each.name.rpartition("/")
                stem, dot, suffix = name.partition(".")
                if each.isreg() and stem and dot and not each.issparse():
                    key = f"{folder}/{stem}" if folder else stem
                    yield key.removeprefix("./"), suffix.lower(), _Member(shard, each.offset_data, each.size)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise ValueError(
            f"cannot read {printable(str(shard))} as an uncompressed tar file: {shown(str(error))}; write or copy it "
            "again"
        ) from error


def _read(member: _Member) -> bytes:
    if is_oversized(member.size):
        raise ValueError(f"it has {member.size:,} bytes, more than an image that is decoded")
    with member.shard.open("rb") as file:
        file.seek(member.offset)
        content = file.read(member.size)
    if len(content) != member.size:
        raise ValueError(f"the shard {printable(member.shard.name)} ends within it")
    return content


def _row(parts: Mapping[str, _Member]) -> dict[str, Any]:
    """The labels and groups beside an image."""
    row: dict[str, Any] = {}
    for suffix, member in parts.items():
        if suffix not in ("cls", "txt", "json") or member.size > _MOST_COLUMN_BYTES:
            continue
        content = _read(member)
        if suffix == "json":
            try:
                noted = parse_json(content)
            except ValueError:
                continue
            row |= noted if isinstance(noted, dict) else {}
        else:
            text = printable(content.decode("utf-8", "backslashreplace").strip())
            row[suffix] = int(text) if suffix == "cls" and text.isdecimal() and len(text) < 19 else text
    return row
