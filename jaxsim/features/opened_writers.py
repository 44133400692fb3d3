"""The writers of an extraction: in memory, in a folder, or with other processes in one folder."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
from jaxsim_kernels import meet

from jaxsim.data import ImageSource
from jaxsim.features.estimate import estimate
from jaxsim.features.folder_writer import FolderWriter, remove_features
from jaxsim.features.model_runs import Extraction
from jaxsim.features.part_writer import PartWriter, prepare_parts
from jaxsim.features.parts import images_done
from jaxsim.features.sole_writer import sole_writer
from jaxsim.features.step_record import step_records
from jaxsim.features.writers import MemoryWriter, Writer
from jaxsim.files import AnyPath, read_json, write_json

IMAGES = "images.json"


def open_writers(
    wanted: Sequence[tuple[Extraction, AnyPath | None, dict[str, Any]]],
    images: ImageSource,
    size: int,
    *,
    overwrite: bool,
    check: Callable[[], None] | None,
    stack: contextlib.ExitStack,
) -> list[Writer]:
    """Where the rows of each model go; the folders are this run's until the stack is closed.

    Args:
        wanted: the models, each with its folder and what is asked for.
        images: of which images.
        size: images in a batch.
        overwrite: whether what is there is removed.
        check: raises if another process has failed, where several write together; None where one writes by itself.
        stack: closed when all is written.

    Raises:
        ValueError: as `extract`.
    """
    if check is not None:
        meet("looked")  # nobody writes before all have looked what is there
        if jax.process_index() == 0:
            for each, folder, request in wanted:
                _prepared(each, _shared(folder), request, images, size, overwrite, stack, alone=False)
        meet("prepared")
        writers = [
            PartWriter(_shared(folder), request, step_records(each.model.steps, each.pool), check)
            for each, folder, request in wanted
        ]
        meet("opened")  # nobody writes notes before all have read them
        return list(writers)
    found: list[Writer] = []
    for each, folder, request in wanted:
        alone = None if folder is None else _prepared(each, folder, request, images, size, overwrite, stack, alone=True)
        found.append(alone or MemoryWriter(request, step_records(each.model.steps, each.pool)))
    return found


def read_contents(path: AnyPath) -> dict[str, Any]:
    """What an earlier run knew of the image files; nothing if that cannot be read, and then they are hashed again."""
    try:
        found = read_json(path) if path.is_file() else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _prepared(
    each: Extraction,
    folder: AnyPath,
    request: dict[str, Any],
    images: ImageSource,
    size: int,
    overwrite: bool,
    stack: contextlib.ExitStack,
    *,
    alone: bool,
) -> FolderWriter | None:
    """Makes a folder ready: for this process, whose writer it gives, or for the parts of several."""
    steps = step_records(each.model.steps, each.pool)
    stack.enter_context(sole_writer(folder))
    if overwrite:
        remove_features(folder, steps)
    writer = None
    if alone:
        writer = FolderWriter(folder, request, steps, size)
    else:
        prepare_parts(folder, request, steps, size)
    if (contents := images.contents()) is not None:
        write_json(folder / IMAGES, contents)
    missing = len(images) - images_done(folder, len(images))
    if isinstance(folder, Path):  # a bucket has no end
        estimate(each.model, missing, pool=each.pool, dtype=request["dtype"]).check_disk(folder)
    return writer


def _shared(folder: AnyPath | None) -> AnyPath:
    if folder is None:
        raise ValueError("expected a folder (out) that all processes see for every model under across_processes")
    return folder
