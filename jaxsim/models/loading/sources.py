"""Recognising and opening a source of any kind: Hugging Face, timm, Google, or a model that the package ships."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxsim.models.embedded import SCHEME, embedded_directory, embedded_family
from jaxsim.models.family import family_of
from jaxsim.models.google.open import find_checkpoint, open_google
from jaxsim.models.inputs import Pixels
from jaxsim.models.loading.checkpoint import Checkpoint, locate, open_checkpoint
from jaxsim.models.loading.config import ConfigReader, overridden, with_defaults
from jaxsim.models.loading.opened import OpenedSource
from jaxsim.models.loading.prefixes import without_prefixes
from jaxsim.models.preprocessing.processor_settings import has_processor
from jaxsim.models.preprocessing.ranges import check_ranges
from jaxsim.models.timm.open import is_timm, open_timm

# Characters of a message: values of a file may be of any length.
_LONGEST = 4000
# What Python and JAX raise where numbers, strings or lists stand in a configuration in places of others.
_MISFITS = (TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


@contextlib.contextmanager
def readable_misfits(where: str) -> Iterator[None]:
    """Turns what building a model from a senseless configuration raises into a ValueError that names the file.

    Args:
        where: The file, or the directory that it is in.

    Raises:
        ValueError: No model can be built.
    """
    try:
        yield
    except ValueError as error:
        home = where.removesuffix("config.json").rstrip("/") or where
        named = home in str(error)
        if named and len(str(error)) <= _LONGEST:
            raise
        # From what knows shapes and no files.
        raise ValueError(f"{'' if named else where + ': '}{error!s:.{_LONGEST}}") from error
    except _MISFITS as error:
        raise ValueError(
            f"{where}: no model can be built from this configuration ({type(error).__name__}: {error!s:.300}). "
            "Check config.json against that of a published model of its kind."
        ) from error


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
        revision: On the hub.
        image_size: (height, width) asked for; tells the grid of a position table that is not square.
        overrides: Attributes that replace the configuration's, or what shapes cannot tell.
        weights: Whether weights must be there.

    Raises:
        ValueError: No such source, of no known kind, damaged, or with a configuration that is not supported.
    """
    if os.fspath(source).startswith(SCHEME):
        told = os.fspath(source)
        opened = open_source(embedded_directory(told), image_size=image_size, overrides=overrides, weights=weights)
        return dataclasses.replace(opened, family=embedded_family(told))
    found = find_checkpoint(Path(source).expanduser())
    if found is not None:
        with readable_misfits(str(found)):
            told = {name: value for name, value in (overrides or {}).items() if value is not None}
            return open_google(found, image_size=image_size, overrides=told)
    name, directory = _name(Path(source).expanduser()), locate(source, revision)
    checkpoint = open_checkpoint(directory, weights=weights)
    with readable_misfits(str(directory / "config.json")):
        if is_timm(checkpoint.config):
            return open_timm(name, checkpoint, dict(overrides or {}))
        return _open_hugging_face(name, checkpoint, dict(overrides or {}))


def _name(path: Path) -> str:
    """Returns the last part of a path or a hub id; `.` and `..` are named after the folder they stand for."""
    return path.name if path.name not in ("", "..") else path.resolve().name


def _open_hugging_face(name: str, checkpoint: Checkpoint, overrides: dict[str, Any]) -> OpenedSource:
    directory = checkpoint.directory
    where = str(directory / "config.json")
    values = overridden(checkpoint.config, overrides, where)
    model_type = values.get("model_type")
    if not isinstance(model_type, str):
        raise ValueError(f"{where}: no model_type; expected a Hugging Face configuration")
    family = family_of(model_type, where)
    check_ranges(values, where, checkpoint.shapes)
    whole = with_defaults(values, where)
    checkpoint = without_prefixes(checkpoint, lambda shapes: family.build(ConfigReader(whole, where), shapes).weights)
    reader = ConfigReader(whole, where)
    architecture = family.build(reader, checkpoint.shapes)
    reader.finish()
    if isinstance(architecture.inputs, Pixels):
        architecture = dataclasses.replace(architecture, inputs=Pixels(reader.channels))
    return OpenedSource(
        name,
        architecture,
        family.name,
        json.loads(json.dumps(reader.values, default=str)),
        checkpoint.shapes,
        checkpoint.read,
        str(directory),
        directory if has_processor(directory) else None,
    )
