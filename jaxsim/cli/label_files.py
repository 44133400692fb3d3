"""Categories and groups of images from files, for `--labels NAME=FILE` and `--groups FILE`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.files import open_regular, parse_json, read_regular

NEAR_DUPLICATES = "near_duplicates"
SUFFIXES = (".csv", ".txt", ".json", ".npy")


def read_label_files(given: Sequence[str]) -> dict[str, Any]:
    """What `jaxsim.compare` takes as labels, from "NAME=FILE".

    A .csv or .txt has one label in a line, in the order of the images, or "id,label"; a .json a list of labels or an
    object from id to label; a .npy an array of one label for each image.

    Args:
        given: As on the command line.

    Returns:
        Name -> labels in order, or mapping from id to label.

    Raises:
        ValueError: If a name comes twice, a file cannot be read, or holds something else.

    Example:
        >>> read_label_files(["class"])
        Traceback (most recent call last):
        ...
        ValueError: expected --labels as NAME=FILE, such as class=labels.csv; got 'class'
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise ValueError(f"expected --labels as NAME=FILE, such as class=labels.csv; got {text!r}")
        if name in found:
            raise ValueError(f"expected every name of --labels once, got {name!r} twice")
        found[name] = _read(Path(path).expanduser(), "labels")
    return found


def read_group_file(given: str) -> Any:
    """What `jaxsim.compare` takes as groups, from "near_duplicates" or a file as `read_label_files` takes it.

    Args:
        given: As on the command line.

    Returns:
        The word, groups in the order of the images, or mapping from id to group.

    Raises:
        ValueError: If the file cannot be read, or holds something else.

    Example:
        >>> read_group_file("near_duplicates")
        'near_duplicates'
    """
    return given if given == NEAR_DUPLICATES else _read(Path(given).expanduser(), "groups")


def _read(path: Path, what: str) -> Any:
    if path.suffix.lower() not in SUFFIXES:
        word = f"{NEAR_DUPLICATES}, or " if what == "groups" else ""
        raise ValueError(f"expected {word}{what} in a file ending in one of {', '.join(SUFFIXES)}, got {path}")
    try:
        if path.suffix.lower() == ".npy":
            with open_regular(path):  # which refuses a pipe; mapped, so that no memory is taken for what is not there
                return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
        text = read_regular(path).decode("utf-8-sig")
        return _checked_json(parse_json(text)) if path.suffix.lower() == ".json" else _rows(text)
    except MemoryError as error:
        raise MemoryError(f"no memory to read {what} from {path}") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"cannot read {what} from {path}: {why}") from error


def _rows(text: str) -> list[str] | dict[str, str]:
    """Entries in order, or by id, from lines of one or of two cells."""
    lines = [[cell.strip() for cell in row] or [""] for row in csv.reader(text.rstrip().splitlines())]
    cells = {len(row) for row in lines}
    if cells == {1}:
        return [row[0] for row in lines]
    if cells != {2}:
        odd = next((i for i, row in enumerate(lines) if len(row) != len(lines[0])), 0)
        raise ValueError(
            f"expected one entry in every line, or id,entry in every line, but line {odd + 1} has {len(lines[odd])} "
            "cells"
            if lines
            else "the file is empty"
        )
    ids = [row[0] for row in lines]
    repeated = next((each for i, each in enumerate(ids) if each in ids[:i]), None) if len(set(ids)) < len(ids) else None
    if repeated is not None:
        raise ValueError(f"expected every id once, but {repeated!r} comes twice")
    return dict(lines)  # pyright: ignore[reportReturnType]


def _checked_json(value: Any) -> Any:
    if not isinstance(value, list | dict):
        raise ValueError(
            f"expected a list with one entry for each image, or an object by id, got {type(value).__name__}"
        )
    return value
