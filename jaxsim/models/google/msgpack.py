"""Reading Flax msgpack checkpoints: Scenic's `checkpoint_STEP` files."""

from __future__ import annotations

from pathlib import Path

import flax.serialization
import numpy as np

from jaxsim.models.google.tree import Tree, flatten

# The first byte of a msgpack map: up to 15 entries, 16-bit count, 32-bit count.
_MAP = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}


def looks_like_msgpack(path: Path) -> bool:
    """Whether a file starts as a msgpack map does."""
    with path.open("rb") as file:
        return (file.read(1) or b"\0")[0] in _MAP


def read_msgpack(path: Path) -> Tree:
    """Returns the arrays of a file that `flax.serialization` wrote.

    Raises:
        ValueError: not a whole msgpack file.
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
