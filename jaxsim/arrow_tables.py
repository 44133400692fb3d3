"""Tables in Parquet and Arrow files, read a few rows at a time."""

import bisect
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jaxsim.arguments import shown
from jaxsim.files.optional import optional_library
from jaxsim.names import printable

PARQUET_SUFFIXES, ARROW_SUFFIXES = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
_BATCH_ROWS = 1024
# A group of rows up to this size is kept as it is decoded, for reading back and forth in it.
_KEPT_BYTES = 1 << 26


class ArrowTable:
    """The rows of one or several Parquet or Arrow files, one after the other.

    Nothing but the files' footers is read when it is opened. Of Parquet a column is decoded group by group, and a
    group that is larger than 64 MB in batches of 1,024 rows; Arrow files are mapped into memory.

    Args:
        files: In the order of their rows; all of the same columns.

    Attributes:
        n_rows: Of all files together.
        schema: pyarrow's schema.

    Raises:
        ValueError: If pyarrow is not installed, a file is none of these, or is damaged, or their columns differ.
    """

    def __init__(self, files: Sequence[Path]):
        optional_library("pyarrow", "read Parquet and Arrow files")
        self.files = tuple(files)
        self._parts = [_opened(file) for file in files]
        self.schema = self._parts[0].schema
        for file, part in zip(files, self._parts, strict=True):
            if part.schema.names != self.schema.names or part.schema.types != self.schema.types:
                raise ValueError(
                    f"expected {file} with the columns of {files[0]} ({', '.join(self.schema.names)}), got "
                    f"{', '.join(part.schema.names)}; open them one by one"
                )
        self._starts = [0]
        for part in self._parts:
            self._starts.append(self._starts[-1] + part.n_rows)
        self.n_rows: int = self._starts[-1]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; of two with one name the first counts."""
        return tuple(dict.fromkeys(self.schema.names))

    def type_of(self, column: str) -> Any:
        """The pyarrow type of a column, that of what an extension type stores."""
        found = self.schema.types[self.schema.names.index(column)]
        return getattr(found, "storage_type", found)

    def read(self, column: str, start: int, stop: int) -> list[Any]:
        """Rows of a column, as pyarrow arrays that follow each other.

        Raises:
            ValueError: If the file is damaged there.
        """
        found: list[Any] = []
        part = bisect.bisect_right(self._starts, start) - 1
        while start < stop:
            offset = self._starts[part]
            end = min(stop, self._starts[part + 1])
            if end > start:
                try:
                    blocks = self._parts[part].read(column, start - offset, end - offset)
                    for block in blocks:
                        # A place that points out of its file would end the process.
                        block.validate(full=True)
                    found += blocks
                # pyarrow's errors are OSError, ValueError, and of its own.
                except Exception as error:
                    raise ValueError(self._damaged(self.files[part], column, error)) from error
            start, part = max(start, end), part + 1
        return found

    def _damaged(self, file: Path, column: str, error: Exception) -> str:
        return f"{printable(str(file))} is damaged in the column {column!r}: {shown(str(error))}; write it again"

    def values(self, column: str, start: int = 0, stop: int | None = None) -> list[Any]:
        """Rows of a column as Python values."""
        blocks = self.read(column, start, self.n_rows if stop is None else stop)
        try:
            return [each for block in blocks for each in block.to_pylist()]
        # Texts that are no UTF-8, dates that are no dates, and the like.
        except (ValueError, OverflowError, LookupError) as error:
            raise ValueError(self._damaged(self.files[0], column, error)) from error


def table_files(path: Path) -> tuple[Path, ...]:
    """The Parquet or Arrow files that a path stands for: itself, or those of a folder, at any depth, in order.

    Example:
        >>> import tempfile
        >>> table_files(Path(tempfile.mkdtemp()))
        ()
    """
    if not path.is_dir():
        return (path,) if path.suffix.lower() in PARQUET_SUFFIXES + ARROW_SUFFIXES else ()
    for suffixes in (PARQUET_SUFFIXES, ARROW_SUFFIXES):
        # The caches of the datasets library lie beside its files, and are not the data.
        found = sorted(
            each
            for each in path.rglob("*")
            if each.suffix.lower() in suffixes and not each.name.startswith((".", "cache-")) and each.is_file()
        )
        if found:
            return tuple(found)
    return ()


class _ParquetPart:
    """One Parquet file."""

    def __init__(self, file: Path):
        self._file = optional_library("pyarrow.parquet", "read Parquet files").ParquetFile(file)
        metadata = self._file.metadata
        self.schema, self.n_rows = self._file.schema_arrow, metadata.num_rows
        self._groups = [0]
        for group in range(metadata.num_row_groups):
            self._groups.append(self._groups[-1] + metadata.row_group(group).num_rows)
        self._sizes = [metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups)]
        self._lock = threading.Lock()
        self._cursors: dict[str, _Cursor] = {}

    def read(self, column: str, start: int, stop: int) -> list[Any]:
        # pyarrow's readers of one file are not to be used by two threads at once.
        with self._lock:
            found = []
            while start < stop:
                group = bisect.bisect_right(self._groups, start) - 1
                first = self._groups[group]
                end = min(stop, self._groups[group + 1])
                cursor = self._cursors.get(column)
                if cursor is None or cursor.group != group or cursor.position > start - first:
                    cursor = self._cursors[column] = _Cursor(group, self._batches(column, group))
                found += cursor.read(start - first, end - first)
                start = end
            return found

    def _batches(self, column: str, group: int) -> Iterator[Any]:
        rows = self._groups[group + 1] - self._groups[group]
        size = rows if self._sizes[group] <= _KEPT_BYTES else _BATCH_ROWS
        for batch in self._file.iter_batches(batch_size=max(1, size), row_groups=[group], columns=[column]):
            yield batch.column(0)


class _Cursor:
    """A place in a group of rows whose batches are decoded one after the other.

    Attributes:
        group: Its number.
        position: Of the first row of the batch at hand.
    """

    def __init__(self, group: int, batches: Iterator[Any]):
        self.group, self.position = group, 0
        self._batches, self._batch = batches, None

    def read(self, start: int, stop: int) -> list[Any]:
        found = []
        while start < stop:
            while self._batch is None or start >= self.position + len(self._batch):
                self.position += 0 if self._batch is None else len(self._batch)
                self._batch = next(self._batches)
            block = self._batch.slice(start - self.position, min(stop, self.position + len(self._batch)) - start)
            found.append(block)
            start += len(block)
        return found


class _ArrowPart:
    """One Arrow file, of the random-access format or a stream, mapped into memory."""

    def __init__(self, file: Path):
        pyarrow = optional_library("pyarrow", "read Arrow files")
        mapped = pyarrow.memory_map(os.fspath(file), "r")
        try:
            opened = pyarrow.ipc.open_file(mapped)
            batches = [opened.get_batch(number) for number in range(opened.num_record_batches)]
        except pyarrow.ArrowInvalid:
            mapped.seek(0)
            opened = pyarrow.ipc.open_stream(mapped)
            batches = list(opened)
        self.schema = opened.schema
        self._table = pyarrow.Table.from_batches(batches, self.schema)
        self.n_rows = self._table.num_rows

    def read(self, column: str, start: int, stop: int) -> list[Any]:
        return self._table.column(self.schema.names.index(column)).slice(start, stop - start).chunks


def _opened(file: Path) -> Any:
    try:
        part = _ParquetPart(file) if file.suffix.lower() in PARQUET_SUFFIXES else _ArrowPart(file)
        str(part.schema)  # names that are no UTF-8 are told when they are looked at
        return part
    # pyarrow's errors are OSError, ValueError, and of its own.
    except Exception as error:
        raise ValueError(
            f"cannot read {printable(str(file))} as a table: {shown(str(error))}; expected a whole Parquet or Arrow "
            "file"
        ) from error
