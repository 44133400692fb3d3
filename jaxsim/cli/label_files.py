"""Categories, spaces and groups of images from files: `--labels NAME=FILE`, `--space NAME=FILE`, `--groups FILE`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsim.arguments import check_on_disk
from jaxsim.files import check_commas, parse_json, read_array, read_cells, read_regular
from jaxsim.names import COLUMN, names_column
from jaxsim.wording import counted

NEAR_DUPLICATES = "near_duplicates"
SUFFIXES = (".csv", ".txt", ".json", ".npy")


def read_label_files(given: Mapping[str, str]) -> dict[str, Any]:
    """What `jaxsim.compare` takes as labels.

    A .csv or .txt has one label in a line, in the order of the images, or "id,label"; a .json a list of labels or an
    object from id to label; a .npy an array of one label for each image.

    Args:
        given: Name -> path.

    Returns:
        Name -> labels in order, or mapping from id to label.

    Raises:
        ValueError: If a file cannot be read, or holds something else.

    Example:
        >>> read_label_files({"class": "labels.png"})
        Traceback (most recent call last):
        ...
        ValueError: expected column:NAME, or labels in a file ending in one of .csv, .txt, .json, .npy, got labels.png
    """
    return {name: path if names_column(path) else _read(path, "labels") for name, path in given.items()}


def read_space_files(given: Mapping[str, str]) -> dict[str, Any]:
    """What `jaxsim.compare` takes as spaces.

    A .csv or .txt has one row of numbers in a line, in the order of the images, or an id before them; a .json a list of
    rows or an object from id to row; a .npy an array with one row for each image.

    Args:
        given: Name -> path.

    Returns:
        Name -> rows in order, or mapping from id to row.

    Raises:
        ValueError: If a file cannot be read, or holds something else.

    Example:
        >>> read_space_files({"pose": "pose.png"})
        Traceback (most recent call last):
        ...
        ValueError: expected a space in a file ending in one of .csv, .txt, .json, .npy, got pose.png
    """
    return {name: _read(path, "a space") for name, path in given.items()}


def read_group_file(given: str) -> Any:
    """What `jaxsim.compare` takes as groups, from a word or a file as `read_label_files` takes it.

    Args:
        given: As on the command line.

    Returns:
        The word (near_duplicates, column:NAME), groups in the order of the images, or mapping from id to group.

    Raises:
        ValueError: If the file cannot be read, or holds something else.

    Example:
        >>> read_group_file("near_duplicates")
        'near_duplicates'
    """
    return given if given == NEAR_DUPLICATES or names_column(given) else _read(given, "groups")


def _read(given: str, what: str) -> Any:
    path = check_on_disk(what, given)
    if path.suffix.lower() not in SUFFIXES:
        words = {"groups": f"{NEAR_DUPLICATES}, {COLUMN}NAME, or ", "labels": f"{COLUMN}NAME, or "}
        raise ValueError(
            f"expected {words.get(what, '')}{what} in a file ending in one of {', '.join(SUFFIXES)}, got {path}"
        )
    try:
        if path.suffix.lower() == ".npy":
            return np.array(read_array(path))
        text = read_regular(path).decode("utf-8-sig")
        if path.suffix.lower() == ".json":
            return _checked_json(parse_json(text))
        return _number_rows(text) if what == "a space" else _rows(text)
    except MemoryError as error:
        raise MemoryError(f"no memory to read {what} from {path}") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"cannot read {what} from {path}: {why}") from error


def _rows(text: str) -> list[str] | dict[str, str]:
    """Entries in order, or by id, from lines of one or of two cells."""
    lines = [row or [""] for row in read_cells(text)]
    cells = {len(row) for row in lines}
    if cells == {1}:
        return [row[0] for row in lines]
    if cells != {2}:
        check_commas(text.splitlines())
        odd = next((i for i, row in enumerate(lines) if len(row) != len(lines[0])), 0)
        raise ValueError(
            f"expected one entry in every line, or id,entry in every line, but line {odd + 1} has "
            f"{counted(len(lines[odd]), 'cell')}"
            if lines
            else "the file is empty"
        )
    ids = [row[0] for row in lines]
    repeated = next((each for each, count in Counter(ids).items() if count > 1), None)
    if repeated is not None:
        raise ValueError(f"expected every id once, but {repeated!r} comes twice")
    return dict(lines)  # pyright: ignore[reportReturnType]


def _number_rows(text: str) -> list[list[float]] | dict[str, list[float]]:
    """Rows of numbers in order, or by the id before them."""
    lines = read_cells(text)
    if not lines:
        raise ValueError("the file is empty")
    by_id = any(line and not _is_number(line[0]) for line in lines)
    for number, line in enumerate(lines, 1):
        if len(line) != len(lines[0]) or len(line) <= by_id or not all(map(_is_number, line[by_id:])):
            check_commas(text.splitlines())  # numbers of languages that write 0,5 hold commas
            raise ValueError(
                f"expected as many numbers in every line, or an id and then numbers, but line {number} is otherwise"
            )
    rows = [[float(cell) for cell in line[by_id:]] for line in lines]
    return {line[0]: row for line, row in zip(lines, rows, strict=True)} if by_id else rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _checked_json(value: Any) -> Any:
    if not isinstance(value, list | dict):
        raise ValueError(
            f"expected a list with one entry for each image, or an object by id, got {type(value).__name__}"
        )
    return value
