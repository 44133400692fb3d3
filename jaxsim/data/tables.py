"""Images as bytes in the rows of Parquet and Arrow files, as the datasets library keeps them."""

import json
import threading
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxsim.arguments import shown
from jaxsim.arrow_tables import ArrowTable
from jaxsim.data.encoded import EncodedSource, columns_of, file_state
from jaxsim.names import printable
from jaxsim.sample_ids import ID_KEYS, checked_ids, numbered_ids

_USUAL = ("image", "img", "jpg", "png")
_CURE = "name another column in ids=, or number the rows with ids=False"


class TableSource(EncodedSource):
    """The images of a table: a column of encoded bytes, or of structures with `bytes`, as `datasets.Image` stores them.

    The other columns of texts and numbers are labels and groups; class numbers of `datasets.ClassLabel` come as the
    names of the classes.

    Args:
        files: Parquet or Arrow files, whose rows follow each other.
        path: What was asked for.
        key: The column of images; by default the only one that can hold them, or `image`.
        ids: The column of ids; by default the usual names, otherwise rows are numbered. False numbers them.

    Raises:
        ValueError: If pyarrow is not installed, a file is damaged, no column holds images, or ids are not unique.
    """

    def __init__(self, files: tuple[Path, ...], path: Path, *, key: str | None = None, ids: Any = None):
        super().__init__()
        self._table, self._path = ArrowTable(files), path
        if self._table.n_rows == 0:
            raise ValueError(f"expected at least one image, but the table {path} has no rows")
        self._key = self._image_column(key)
        self._ids = self._read_ids(ids)
        self._states = [file_state(file) for file in files]
        self._lock = threading.Lock()

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the id column, or row numbers."""
        return self._ids

    @property
    def origin(self) -> dict[str, Any]:
        """Kind, absolute path and column."""
        return {"kind": "table", "path": printable(str(self._path.absolute())), "key": self._key}

    @property
    def columns(self) -> Mapping[str, tuple[Any, ...]]:
        """Labels and groups: the columns of texts and numbers."""
        return self._columns

    @cached_property
    def _columns(self) -> Mapping[str, tuple[Any, ...]]:
        names = _class_names(self._table)
        plain = [each for each in self._table.columns if each != self._key and _is_plain(self._table.type_of(each))]
        return columns_of({each: _named(self._table.values(each), names.get(each)) for each in plain})

    def content(self, index: int) -> bytes:
        """The bytes of the image file in a row."""
        with self._lock:
            (value,) = self._table.values(self._key, index, index + 1)
        found = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(found, bytes):
            return found
        path = value.get("path") if isinstance(value, dict) else None
        if isinstance(path, str):
            return self._beside(path).read_bytes()
        raise ValueError(f"row {index} holds no bytes of an image")

    def state(self, index: int) -> list[int]:
        """Of all files of the table."""
        return [number for state in self._states for number in state]

    def _beside(self, path: str) -> Path:
        """A file that the table names instead of holding it."""
        folder = self._path if self._path.is_dir() else self._path.parent
        return Path(path) if Path(path).is_absolute() else folder / path

    def _image_column(self, key: str | None) -> str:
        able = [each for each in self._table.columns if _holds_bytes(self._table.type_of(each))]
        if key is None:
            key = able[0] if len(able) == 1 else next((each for each in _USUAL if each in able), None)
        if key is None or key not in able:
            there = ", ".join(map(repr, able)) or "none that can hold images"
            raise ValueError(
                f"expected a column of encoded images in {self._path}, got {there} among "
                f"{', '.join(self._table.columns)}; say which with key="
            )
        return key

    def _read_ids(self, ids: Any) -> tuple[str, ...]:
        n, columns = self._table.n_rows, self._table.columns
        if ids is None:
            ids = next((key for key in ID_KEYS if key in columns), False)
        if ids is False:
            return numbered_ids(n)
        if isinstance(ids, str):
            if ids not in columns:
                raise ValueError(f"expected ids as a column of {self._path} ({', '.join(columns)}), got {shown(ids)}")
            return checked_ids(self._table.values(ids), n, f"the column {ids!r} of {self._path}", _CURE)
        return checked_ids(ids, n, "ids", _CURE)


def holds_images(files: tuple[Path, ...]) -> bool:
    """Whether a table has a column of bytes."""
    table = ArrowTable(files[:1])
    return any(_holds_bytes(table.type_of(each)) for each in table.columns)


def _holds_bytes(kind: Any) -> bool:
    text = str(kind)
    return text in ("binary", "large_binary") or (text.startswith("struct<") and "bytes: binary" in text)


def _is_plain(kind: Any) -> bool:
    text = str(kind)
    return text in ("string", "large_string", "string_view", "bool", "float", "double") or text.startswith(
        ("int", "uint", "dictionary")
    )


def _class_names(table: ArrowTable) -> dict[str, list[str]]:
    """Column -> names of its classes, of those that the datasets library declares as class labels."""
    try:
        noted = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
        features = noted.get("info", {}).get("features", {})
    except (ValueError, AttributeError):
        return {}
    return {
        name: each["names"]
        for name, each in features.items()
        if isinstance(each, dict) and each.get("_type") == "ClassLabel" and isinstance(each.get("names"), list)
    }


def _named(values: Iterable[Any], names: list[str] | None) -> list[Any]:
    if names is None:
        return list(values)
    return [names[x] if isinstance(x, int) and 0 <= x < len(names) else x for x in values]
