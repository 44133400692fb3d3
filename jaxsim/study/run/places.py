"""Where the features of a run lie: found by what they were made from, whatever they are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jaxsim.data import ImageSource
from jaxsim.features import FeatureSet, StepModel
from jaxsim.features.feature_set import ARRAYS, MANIFEST
from jaxsim.features.finished import holds_other
from jaxsim.features.folder_writer import REQUEST
from jaxsim.features.opened_writers import IMAGES, read_contents
from jaxsim.features.request import describe_request
from jaxsim.features.step_record import step_records
from jaxsim.study.run.folder import feature_folders
from jaxsim.study.run.inputs import StudyInput
from jaxsim.study.run.settings import Settings

DTYPE = "float32"


def known_folders(out: Path, names: Iterable[str]) -> list[Path]:
    """The folders that features of a run are in, or may be written to."""
    return list(dict.fromkeys([*feature_folders(out, names).values(), *feature_folders_there(out)]))


def feature_folders_there(out: Path) -> list[Path]:
    """The folders of features that a run has, finished or not, by name.

    Example:
        >>> feature_folders_there(Path("/no/such/folder"))
        []
    """
    above = out / "features"
    if not above.is_dir():
        return []
    return sorted(each for each in above.iterdir() if each.is_dir() and not each.is_symlink() and _is_taken(each))


def places_of(
    inputs: Sequence[StudyInput], images: ImageSource | None, settings: Settings, out: Path | None
) -> dict[str, Path]:
    """Where the features of every model that is run are, or will be.

    Features of the same weights, images, pooling and preprocessing are found whatever their folder is called. Others of
    a model's name stay, and the new ones lie beside them: several poolings share a folder.

    Args:
        inputs: The models.
        images: The images.
        settings: The settings; under `overwrite` the folder of a model's name is taken, whatever is in it.
        out: Folder of the run; None keeps features in memory.

    Returns:
        Model name -> folder; empty without `out`.
    """
    if out is None or images is None:
        return {}
    plain = feature_folders(out, [each.name for each in inputs])
    to_run = [each for each in inputs if not isinstance(each.given, FeatureSet)]
    if settings.overwrite:
        return {each.name: plain[each.name] for each in to_run}
    there = feature_folders_there(out)
    found: dict[str, Path] = {}
    for each in to_run:
        own = plain[each.name]
        if not there:
            found[each.name] = own
            continue
        if not settings.verify_images:
            for folder in there:
                images.take_contents(read_contents(folder / IMAGES))
        request = _request(each.given, images, settings.pool_of(each.name))
        ordered = sorted((folder for folder in there if folder not in found.values()), key=lambda folder: folder != own)
        same = next((folder for folder in ordered if _holds(folder, request)), None)
        found[each.name] = same or _free(own, settings.pool_of(each.name), {*there, *found.values(), *plain.values()})
    return found


def _request(model: Any, images: ImageSource, pool: str) -> dict[str, Any]:
    checked: StepModel = model
    return describe_request(checked, images, step_records(checked.steps, pool), pool, DTYPE)


def _holds(folder: Path, request: dict[str, Any]) -> bool:
    """Whether a folder holds features of a request, finished or not."""
    return _is_begun(folder) and not holds_other(folder, request)


def _free(own: Path, pool: str, taken: set[Path]) -> Path:
    """A model's own folder, or one beside it that is named for the pooling, if that holds sound features of another."""
    if not _is_taken(own) or _is_damaged(own):
        return own  # damage is told by whoever reads it
    plain = f"{own.name}-{pool.replace(':', '-')}"
    chosen, count = plain, 1
    lower = {each.name.lower() for each in taken}
    while chosen.lower() in lower or (own.parent / chosen).exists():
        count += 1
        chosen = f"{plain}-{count}"
    return own.parent / chosen


def _is_taken(folder: Path) -> bool:
    return _is_begun(folder) or (folder / ARRAYS).is_dir()


def _is_begun(folder: Path) -> bool:
    return (folder / MANIFEST).exists() or (folder / REQUEST).exists()


def _is_damaged(folder: Path) -> bool:
    from jaxsim.features import open_features
    from jaxsim.features.own_files import read_request

    try:
        if (folder / MANIFEST).exists():
            open_features(folder)
        else:
            read_request(folder / REQUEST)
    except ValueError:
        return True
    return False
