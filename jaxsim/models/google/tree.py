"""A Google-style checkpoint as names and arrays, read from `.npz` or msgpack, and where the image model lies in it."""

from __future__ import annotations

import dataclasses
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.serialization
import ml_dtypes
import numpy as np

# Where training states keep the parameters, and below them the image tower of a two-tower model. Optimizer
# states repeat every parameter's name under other roots, so a root is compared from the start of the name.
ROOTS = ("params/", "optimizer/target/params/", "optimizer/target/", "opt/target/params/", "opt/target/", "")
TOWERS = ("", "params/", "img/", "visual/")
STATISTICS = ("model_state/batch_stats/", "batch_stats/")


@dataclasses.dataclass(frozen=True)
class Tree:
    """A checkpoint's arrays by name.

    Attributes:
        where: What to call it in messages.
        format: `"npz"`, `"msgpack"` or `"orbax"`.
        shapes: Shape of each array; names are joined by `/`, places in a list are numbers.
        read: Returns an array by name (bfloat16 as ml_dtypes' type).
    """

    where: str
    format: str
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]

    def below(self, root: str, statistics: str | None) -> Tree:
        """Returns the arrays under a root, named from there; batch statistics as `batch_stats/...`."""
        origin = {name.removeprefix(root): name for name in self.shapes if name.startswith(root)}
        if statistics is not None:
            names = [name for name in self.shapes if name.startswith(statistics)]
            origin |= {f"batch_stats/{name.removeprefix(statistics)}": name for name in names}
        shapes = {short: self.shapes[name] for short, name in origin.items()}
        return Tree(self.where, self.format, shapes, lambda short: self.read(origin[short]))


def candidates(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Yields every (root, tree below it) where the parameters of an image model may lie."""
    for root in ROOTS:
        for tower in TOWERS:
            full = root + tower
            if any(name.startswith(full) for name in tree.shapes):
                yield full, tree.below(full, _statistics(tree, tower))


def _statistics(tree: Tree, tower: str) -> str | None:
    places = [place + tower for place in STATISTICS]
    return next((place for place in places if any(name.startswith(place) for name in tree.shapes)), None)


def flatten(nested: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of nested dicts and lists by name; a list gives the names that a dict of numbers would.

    Example:
        >>> flatten({"a": [1, {"b": 2}], "c": {"0": 3}, "empty": {}})
        {'a/0': 1, 'a/1/b': 2, 'c/0': 3}
    """
    if isinstance(nested, Mapping):
        items = [(str(key), value) for key, value in nested.items()]
    elif isinstance(nested, Sequence) and not isinstance(nested, str | bytes):
        items = [(str(index), value) for index, value in enumerate(nested)]
    else:
        return {} if nested is None else {prefix.removesuffix("/"): nested}
    return {name: leaf for key, value in items for name, leaf in flatten(value, f"{prefix}{key}/").items()}


# Bytes that any archive may take, and how many times its size a larger one may: trained weights compress to half.
_SMALL, _MOST_INFLATED = 2**28, 20
# What zipfile raises for archives that are encrypted, or compressed as it does not know, is RuntimeError.
# The header of an array is parsed as Python, which has errors of its own.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error, LookupError),
    *(SyntaxError, tokenize.TokenError),
)


def read_npz(path: Path) -> Tree:
    """Returns the arrays of an `.npz` file; only their headers are read now.

    Raises:
        ValueError: Not a whole `.npz` file, or one with pickled objects.
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


# The first byte of a msgpack map: up to 15 entries, 16-bit count, 32-bit count.
_MAP = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}


def looks_like_msgpack(path: Path) -> bool:
    """Returns whether a file starts as a msgpack map does."""
    with path.open("rb") as file:
        return (file.read(1) or b"\0")[0] in _MAP


def read_msgpack(path: Path) -> Tree:
    """Returns the arrays of a file that `flax.serialization` wrote.

    Raises:
        ValueError: Not a whole msgpack file.
    """
    try:
        nested = flax.serialization.msgpack_restore(path.read_bytes())
    except Exception as error:  # msgpack's own exceptions have no common class below this
        raise ValueError(
            f"{path} is not a whole msgpack checkpoint ({type(error).__name__}: {error}). It may be truncated: "
            "fetch it again."
        ) from error
    arrays = {name: np.asarray(leaf) for name, leaf in flatten(nested).items() if hasattr(leaf, "shape")}
    return Tree(str(path), "msgpack", {name: array.shape for name, array in arrays.items()}, arrays.__getitem__)
