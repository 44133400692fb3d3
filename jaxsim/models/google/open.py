"""Opening a Google-style checkpoint: its format, where the parameters lie, which architecture they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jaxsim.models.google.architecture import GoogleArchitecture
from jaxsim.models.google.clip import CLIP
from jaxsim.models.google.msgpack import read_msgpack
from jaxsim.models.google.npz import read_npz, refuse_npy
from jaxsim.models.google.orbax import read_orbax
from jaxsim.models.google.resnet import RESNET
from jaxsim.models.google.tree import Tree, candidates
from jaxsim.models.google.vit import VIT
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.opened import OpenedSource

ARCHITECTURES: tuple[GoogleArchitecture, ...] = (VIT, RESNET, CLIP)


def open_google(path: Path, *, image_size: tuple[int, int] | None, overrides: dict[str, Any]) -> OpenedSource:
    """Opens a checkpoint that carries no configuration; the architecture is read off the shapes.

    Args:
        path: as `find_checkpoint` returns it.
        image_size: (height, width) asked for.
        overrides: what the shapes cannot tell; see `GoogleArchitecture.overridable`.

    Raises:
        ValueError: a damaged file, a pickle, an unknown tree, overrides that the architecture does not have.
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
    """`vit_b16` for `vit_b16.npz`; `runs-checkpoint_7` for what would only be called a checkpoint."""
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
        ValueError: no architecture fits; the first differing paths of the nearest one are named.
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
