"""Reading orbax checkpoint directories, without the optimizer's state."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxsim.files import contents
from jaxsim.models.google.tree import Tree, flatten

# Two to three times the size of the parameters, and never needed.
_OPTIMIZER_STATE = (("opt_state",), ("optimizer", "state"), ("opt", "state"))


# What lists the arrays of one item.
_ARRAYS = ("_METADATA", "manifest.ocdbt")


def is_orbax(directory: Path) -> bool:
    """Returns whether a directory is one orbax checkpoint."""
    return any((directory / mark).is_file() for mark in ("_METADATA", "_CHECKPOINT_METADATA", "manifest.ocdbt"))


def read_orbax(directory: Path) -> Tree:
    """Returns the arrays of an orbax directory; only its metadata are read now.

    Raises:
        ValueError: Orbax cannot open it: files are missing or damaged.
    """
    import orbax.checkpoint as ocp

    directory = directory.resolve()  # orbax takes absolute paths only
    if not any((directory / mark).is_file() for mark in _ARRAYS):
        raise ValueError(
            f"{directory}: an orbax checkpoint without arrays: expected {' or '.join(_ARRAYS)} in it or in one of its "
            f"items, found {contents(directory)}. Pass the path of the step or the item that holds the parameters; if "
            "this is it, files are missing: copy the whole directory again."
        )
    try:
        _check_store(directory)
        metadata: Any = ocp.Checkpointer(ocp.PyTreeCheckpointHandler()).metadata(directory)
        metadata = getattr(metadata, "item_metadata", metadata)
        nested = _pruned(getattr(metadata, "tree", metadata))
    except Exception as error:  # orbax and tensorstore raise many types
        raise _damaged(directory, error) from error
    leaves = {name: leaf for name, leaf in flatten(nested).items() if getattr(leaf, "shape", None) is not None}
    if not leaves:
        raise _damaged(directory, ValueError("its metadata list no arrays"))

    @functools.cache
    def arrays() -> dict[str, Any]:
        options = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), nested)
        restore = ocp.args.PyTreeRestore(item=nested, restore_args=options, partial_restore=True)
        try:
            return flatten(ocp.Checkpointer(ocp.PyTreeCheckpointHandler()).restore(directory, args=restore))
        except Exception as error:  # orbax and tensorstore raise many types
            raise _damaged(directory, error) from error

    shapes = {name: tuple(leaf.shape) for name, leaf in leaves.items()}
    return Tree(str(directory), "orbax", shapes, lambda name: np.asarray(arrays()[name]))


def _check_store(directory: Path) -> None:
    """Reads every array's header, one after the other, and raises what tensorstore does.

    orbax reads all at once, and what still runs when one fails complains on stderr after the error.
    """
    if not (directory / "manifest.ocdbt").is_file():
        if any(directory.glob("ocdbt.process_*")) and not any(directory.glob("*/.zarray")):
            raise FileNotFoundError("manifest.ocdbt is missing, which says where the arrays are")
        return
    import tensorstore

    store = tensorstore.KvStore.open({"driver": "ocdbt", "base": f"file://{directory}/"}).result()
    for key in store.list().result():
        if key.endswith((b".zarray", b"zarr.json")):
            store.read(key).result()


def _pruned(nested: Any, path: tuple[str, ...] = ()) -> Any:
    """Returns the tree without optimizer states and empty places."""
    if isinstance(nested, Mapping):
        kept = {key: _pruned(value, (*path, str(key))) for key, value in nested.items()}
        return {
            key: value
            for key, value in kept.items()
            if (*path, str(key)) not in _OPTIMIZER_STATE and value is not None and value != {}
        }
    if isinstance(nested, list | tuple):
        return [_pruned(value, (*path, str(index))) for index, value in enumerate(nested)]
    return nested


def _damaged(directory: Path, error: Exception) -> ValueError:
    reason = str(error).splitlines()[0] if str(error) else "no message"
    return ValueError(
        f"{directory} is not a whole orbax checkpoint ({type(error).__name__}: {reason}). Found there: "
        f"{contents(directory)}. Files may be missing or truncated: copy the whole directory again."
    )
