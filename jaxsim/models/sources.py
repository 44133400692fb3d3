"""Recognising what a source is: the one place that knows every kind."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsim.models.checkpoint import Checkpoint, locate, open_checkpoint
from jaxsim.models.config import ConfigReader, with_defaults
from jaxsim.models.embedded import SCHEME, embedded_directory
from jaxsim.models.family import family_of
from jaxsim.models.google.find import find_checkpoint
from jaxsim.models.google.open import open_google
from jaxsim.models.opened import OpenedSource
from jaxsim.models.timm.open import is_timm, open_timm

_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


def open_source(
    source: str | os.PathLike[str],
    *,
    revision: str | None = None,
    image_size: tuple[int, int] | None = None,
    overrides: Mapping[str, Any] | None = None,
    weights: bool = True,
) -> OpenedSource:
    """Opens a source of any kind.

    Args:
        source: `embedded:NAME` of a model the package ships; a Hugging Face or timm directory or hub id; or a
            Google-style checkpoint: an `.npz` file, a msgpack file (or a directory of `checkpoint_STEP` files), an
            orbax directory.
        revision: on the hub.
        image_size: (height, width) asked for; tells the grid of a position table that is not square.
        overrides: attributes that replace the configuration's, or what shapes cannot tell.
        weights: whether weights must be there.

    Raises:
        ValueError: no such source, of no known kind, damaged, or with a configuration that is not supported.
    """
    if os.fspath(source).startswith(SCHEME):
        source = embedded_directory(os.fspath(source))
    found = find_checkpoint(Path(source).expanduser())
    if found is not None:
        return open_google(found, image_size=image_size, overrides=dict(overrides or {}))
    name, directory = Path(os.fspath(source)).name, locate(source, revision)
    checkpoint = open_checkpoint(directory, weights=weights)
    if is_timm(checkpoint.config):
        return open_timm(name, checkpoint, dict(overrides or {}))
    return _open_hugging_face(name, checkpoint, dict(overrides or {}))


def _open_hugging_face(name: str, checkpoint: Checkpoint, overrides: dict[str, Any]) -> OpenedSource:
    directory = checkpoint.directory
    where = str(directory / "config.json")
    values = {**checkpoint.config, **overrides}
    model_type = values.get("model_type")
    if not isinstance(model_type, str):
        raise ValueError(f"{where}: no model_type; expected a Hugging Face configuration")
    family = family_of(model_type, where)
    reader = ConfigReader(with_defaults(values, where), where)
    architecture = family.build(reader, checkpoint.shapes)
    reader.finish()
    return OpenedSource(
        name,
        architecture,
        family.name,
        json.loads(json.dumps(reader.values, default=str)),
        checkpoint.shapes,
        checkpoint.read,
        str(directory),
        directory if any((directory / name).is_file() for name in _PROCESSORS) else None,
    )
