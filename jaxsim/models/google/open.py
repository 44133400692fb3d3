"""Opening a Google-style checkpoint: finding it, its format, its parameters and their architecture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jaxsim.files import is_there
from jaxsim.models.google.architecture import GoogleArchitecture
from jaxsim.models.google.clip import CLIP
from jaxsim.models.google.orbax import is_orbax, read_orbax
from jaxsim.models.google.resnet import RESNET
from jaxsim.models.google.tree import Tree, candidates, looks_like_msgpack, read_msgpack, read_npz, refuse_npy
from jaxsim.models.google.vit import VIT
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.opened import OpenedSource

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
    """Returns the one orbax item of a step, whatever name its writer gave it; None where there are several or none."""
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


ARCHITECTURES: tuple[GoogleArchitecture, ...] = (VIT, RESNET, CLIP)


def open_google(path: Path, *, image_size: tuple[int, int] | None, overrides: dict[str, Any]) -> OpenedSource:
    """Opens a checkpoint that carries no configuration; the architecture is read off the shapes.

    Args:
        path: As `find_checkpoint` returns it.
        image_size: (height, width) asked for.
        overrides: What the shapes cannot tell; see `GoogleArchitecture.overridable`.

    Raises:
        ValueError: A damaged file, a pickle, an unknown tree, overrides that the architecture does not have.
    """
    tree = _read(path)
    architecture, root, below = identify(tree)
    unknown = sorted(set(overrides) - set(architecture.overridable))
    if unknown:
        raise ValueError(
            f"{path}: overrides {', '.join(unknown)}: the shapes tell that, or it does not exist. What can be said of "
            f"a {architecture.family} checkpoint: {', '.join(architecture.overridable)}"
        )
    told = architecture.describe(below.shapes, image_size, overrides, str(path))
    values = {"architecture": architecture.title, "format": tree.format, "parameters": root, **told, **overrides}
    reader = ConfigReader(values, str(path))
    reader.ignore("architecture", "format", "parameters")
    built = architecture.build(reader, below.shapes)
    reader.finish()
    config = json.loads(json.dumps(values))
    return OpenedSource(_name(path), built, architecture.family, config, below.shapes, below.read, str(path))


def _name(path: Path) -> str:
    """Returns `vit_b16` for `vit_b16.npz`, and `runs-checkpoint_7` for what would only be called a checkpoint."""
    stem = path.stem if path.suffix == ".npz" else path.name
    return f"{path.resolve().parent.name}-{stem}" if stem.startswith(("checkpoint", "ckpt")) else stem


def _read(path: Path) -> Tree:
    if path.suffix == ".npy":
        raise refuse_npy(path)
    if path.suffix == ".npz":
        return read_npz(path)
    return read_orbax(path) if path.is_dir() else read_msgpack(path)


def identify(tree: Tree) -> tuple[GoogleArchitecture, str, Tree]:
    """Returns the architecture, the root of its parameters, and the tree below it.

    Raises:
        ValueError: No architecture fits; the first differing paths of the nearest one are named.
    """
    nearest: tuple[float, str, GoogleArchitecture, list[str]] | None = None
    for root, below in candidates(tree):
        for architecture in ARCHITECTURES:
            missing = architecture.missing(below.shapes)
            if not missing:
                return architecture, root, below
            share = len(missing) / len(architecture.signature)
            if nearest is None or share < nearest[0]:
                nearest = (share, root, architecture, missing)
    first = ", ".join(sorted(tree.shapes)[:5])
    lacks = ""
    if nearest is not None:
        _, root, architecture, missing = nearest
        lacks = f" Nearest: {architecture.title}, which lacks here {', '.join(root + name for name in missing)}."
    raise ValueError(
        f"{tree.where}: no supported architecture has this tree; its first paths are {first or '(none)'}.{lacks} "
        f"Supported: {'; '.join(known.title for known in ARCHITECTURES)}."
    )
