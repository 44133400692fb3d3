"""Finding a Google-style checkpoint at a path."""

from __future__ import annotations

import re
from pathlib import Path

from jaxsim.files import is_there
from jaxsim.models.google.msgpack import looks_like_msgpack
from jaxsim.models.google.orbax import is_orbax

# Names under which orbax's checkpoint manager keeps one item of a step.
_ITEMS = ("default", "state", "train_state", "params")


def find_checkpoint(path: Path) -> Path | None:
    """Returns the checkpoint at a path: the file, the orbax directory, or the latest step of a training directory.

    None means that it is no Google-style checkpoint (a directory with config.json, a hub id).
    """
    if path.is_file():
        if path.suffix in (".npz", ".npy") or looks_like_msgpack(path) or _step(path) is not None:
            return path
        return None
    if not path.is_dir() or (path / "config.json").is_file():
        return None
    # A step of the checkpoint manager has metadata of its own and no arrays; these are in its items.
    if is_orbax(path) and ((path / "_METADATA").is_file() or (path / "manifest.ocdbt").is_file()):
        return path
    item = next((path / name for name in _ITEMS if is_orbax(path / name)), None)
    if item is not None:
        return item
    item = _only_item(path)
    if item is not None or is_orbax(path):
        return item or path
    steps = [(step, child) for child in path.iterdir() if (step := _step(child)) is not None]
    for _, child in sorted(steps, reverse=True):
        found = child if child.is_file() else find_checkpoint(child)
        if found is not None:
            return found
    archives = sorted(archive for archive in path.glob("*.npz") if is_there(archive))
    return archives[0] if len(archives) == 1 and not list(path.glob("*.safetensors")) else None


def _only_item(path: Path) -> Path | None:
    """The one orbax item of a step, whatever name its writer gave it; None where there are several or none."""
    if _step(path) is None and not (path / "_CHECKPOINT_METADATA").is_file():
        return None
    items = [child for child in sorted(path.iterdir()) if child.is_dir() and is_orbax(child)]
    if len(items) > 1:
        raise ValueError(
            f"{path}: a step of several items ({', '.join(item.name for item in items)}): pass the path of one of them"
        )
    return items[0] if items else None


def _step(path: Path) -> int | None:
    """Returns the training step in a name like `checkpoint_7` or, for directories, `7`."""
    found = re.fullmatch(r"(?:checkpoint_|ckpt_)?(\d+)", path.name)
    if found is None or (path.is_file() and path.name.isdigit()):
        return None
    return int(found[1])
