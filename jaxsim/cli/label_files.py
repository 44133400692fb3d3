"""Categories of images from files, for `--labels NAME=FILE`."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
        found[name] = _read(Path(path).expanduser())
    return found


def _read(path: Path) -> Any:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"expected labels in a file ending in one of {', '.join(SUFFIXES)}, got {path}")
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, allow_pickle=False)
        text = path.read_text(encoding="utf-8-sig")
        return _checked_json(json.loads(text)) if path.suffix.lower() == ".json" else _rows(text)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"cannot read labels from {path}: {why}") from error


def _rows(text: str) -> list[str] | dict[str, str]:
    """Labels in order, or by id, from lines of one or of two cells."""
    lines = [[cell.strip() for cell in row] or [""] for row in csv.reader(text.rstrip().splitlines())]
    cells = {len(row) for row in lines}
    if cells == {1}:
        return [row[0] for row in lines]
    if cells != {2}:
        odd = next((i for i, row in enumerate(lines) if len(row) != len(lines[0])), 0)
        raise ValueError(
            f"expected one label in every line, or id,label in every line, but line {odd + 1} has {len(lines[odd])} "
            "cells"
            if lines
            else "expected labels, but the file is empty"
        )
    ids = [row[0] for row in lines]
    repeated = next((each for i, each in enumerate(ids) if each in ids[:i]), None) if len(set(ids)) < len(ids) else None
    if repeated is not None:
        raise ValueError(f"expected every id once, but {repeated!r} comes twice")
    return dict(lines)  # pyright: ignore[reportReturnType]


def _checked_json(value: Any) -> Any:
    if not isinstance(value, list | dict):
        raise ValueError(f"expected a list of labels or an object from id to label, got {type(value).__name__}")
    return value
