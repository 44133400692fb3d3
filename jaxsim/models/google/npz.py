"""Reading `.npz` checkpoints of vision_transformer and big_vision, one array at a time and never a pickle."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from jaxsim.models.google.tree import Tree

# Bytes that any archive may take, and how many times its size a larger one may: trained weights compress to half.
_SMALL, _MOST_INFLATED = 2**28, 20
# What zipfile raises for archives that are encrypted, or compressed as it does not know, is RuntimeError.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error, LookupError)


def read_npz(path: Path) -> Tree:
    """Returns the arrays of an `.npz` file; only their headers are read now.

    Raises:
        ValueError: not a whole `.npz` file, or one with pickled objects.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            inflated = sum(member.file_size for member in archive.infolist())
            if inflated > max(_SMALL, _MOST_INFLATED * path.stat().st_size):
                raise _Refused(
                    f"{path}: {path.stat().st_size:,} bytes that would take {inflated:,} in memory; weights do not "
                    "compress so far, so this is no checkpoint of a trained model"
                )
            for member in archive.namelist():
                with archive.open(member) as file:
                    shapes[member.removesuffix(".npy")], dtype = _header(file)
                if dtype.hasobject:
                    raise _refused(path, f"its array {member.removesuffix('.npy')!r}")
    except _Refused:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return Tree(str(path), "npz", shapes, lambda name: _read(path, name))


def refuse_npy(path: Path) -> ValueError:
    """Returns the error for a `.npy` file given as a checkpoint."""
    try:
        with path.open("rb") as file:
            shape, dtype = _header(file)
    except _DAMAGE as error:
        return _damaged(path, error)
    if dtype.hasobject:
        return _refused(path, "it")
    return ValueError(
        f"{path} holds one array of shape {shape}, not the named arrays of a checkpoint. Expected .npz, a msgpack file "
        "or an orbax directory."
    )


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _read(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            array = archive[name]
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    # NumPy has no bfloat16 and stores it as two anonymous bytes.
    return array.view(ml_dtypes.bfloat16) if array.dtype == np.dtype("V2") else array


class _Refused(ValueError):
    """A refusal, told apart from damage."""


def _refused(path: Path, what: str) -> _Refused:
    return _Refused(
        f"{path}: {what} is pickled. Opening a pickle can run any code, so it is never done here. Convert it once "
        "where you trust it: tree = numpy.load(path, allow_pickle=True).item(); flat = "
        "flax.traverse_util.flatten_dict(tree, sep='/'); numpy.savez('checkpoint.npz', **flat)."
    )


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is not a whole {path.suffix} file ({error}). It may be truncated: fetch it again.")
