"""Columns of Parquet and Arrow files (pandas, polars, the datasets library) as features."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.arrow_tables import ArrowTable
from jaxsim.features.formats.contents import Contents, fingerprint_of_files
from jaxsim.rows import LazyRows


def read_tables(files: tuple[Path, ...], path: Path) -> Contents:
    """The columns of one or several files: of lists as layers, of numbers to be put together to layers.

    Args:
        files: Parquet or Arrow files, whose rows follow each other.
        path: What was asked for.

    Raises:
        ValueError: If pyarrow is not installed, or a file is damaged.
    """
    table = ArrowTable(files)
    arrays, columns, lists = {}, {}, []
    for column in table.columns:
        kind = str(table.type_of(column))
        if (number := _number_in(table.type_of(column))) is not None:
            width = _width_of(table, column)
            if width is not None:
                arrays[column] = LazyRows(_list_reader(table, column, width, number), (table.n_rows, width), number)
        elif (plain := _number(table.type_of(column))) is not None:
            columns[column] = LazyRows(_number_reader(table, column, plain), (table.n_rows, 1), plain)
        if kind in ("string", "large_string", "string_view") or kind.startswith(("int", "uint", "dictionary")):
            lists.append(column)
    return Contents(
        kind="table",
        source=str(path.absolute()),
        arrays=arrays,
        columns=columns,
        id_keys=tuple(lists),
        read_ids=table.values,
        fingerprint=lambda: fingerprint_of_files(files),
    )


def _number(kind: Any) -> np.dtype | None:
    """NumPy's dtype for a type of numbers of Arrow's."""
    try:
        found = np.dtype(kind.to_pandas_dtype())
    except (NotImplementedError, TypeError):
        return None
    return found if found.kind in "fiub" else None


def _number_in(kind: Any) -> np.dtype | None:
    """NumPy's dtype for the numbers in a type of lists."""
    inner = getattr(kind, "value_type", None) if "list" in str(kind).partition("<")[0] else None
    return None if inner is None else _number(inner)


def _width_of(table: ArrowTable, column: str) -> int | None:
    """Length of the first list; None if there is none."""
    for block in table.read(column, 0, min(1, table.n_rows)):
        first = block[0].as_py()
        return None if not first else len(first)
    return None


def _list_reader(table: ArrowTable, column: str, width: int, dtype: np.dtype) -> Callable[[int, int], np.ndarray]:
    def read(start: int, stop: int) -> np.ndarray:
        found, row = [np.empty((0, width), dtype)], start
        for block in table.read(column, start, stop):
            block = getattr(block, "storage", block)
            values = block.flatten()
            if block.null_count or values.null_count or len(values) != width * len(block) or not _even(block, width):
                odd = next(
                    place
                    for place, each in enumerate(block.to_pylist())
                    if each is None or len(each) != width or None in each
                )
                raise ValueError(
                    f"expected {width} numbers in every row of the column {column!r}, got another length or a missing "
                    f"value in row {row + odd}; leave the row out or repair it"
                )
            found.append(values.to_numpy(zero_copy_only=False).reshape(len(block), width))
            row += len(block)
        return np.concatenate(found).astype(dtype, copy=False)

    return read


def _even(block: Any, width: int) -> bool:
    """Whether all lists have one length."""
    if not hasattr(block, "value_lengths"):
        return True
    lengths = block.value_lengths().to_numpy(zero_copy_only=False)
    return bool((lengths == width).all())


def _number_reader(table: ArrowTable, column: str, dtype: np.dtype) -> Callable[[int, int], np.ndarray]:
    def read(start: int, stop: int) -> np.ndarray:
        found, row = [np.empty((0,), dtype)], start
        for block in table.read(column, start, stop):
            if block.null_count:
                odd = block.is_null().to_numpy(zero_copy_only=False).argmax()
                raise ValueError(
                    f"expected a number in every row of the column {column!r}, got none in row {row + int(odd)}; leave "
                    "the row out or fill it"
                )
            found.append(block.to_numpy(zero_copy_only=False))
            row += len(block)
        return np.concatenate(found).astype(dtype, copy=False)[:, None]

    return read
