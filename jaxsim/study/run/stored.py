"""Features that an earlier extraction has left in the folder of a run, as what a comparison starts from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxsim.data import ImageSource
from jaxsim.features import FeatureSet, is_features_file, open_features
from jaxsim.features.feature_set import MANIFEST
from jaxsim.features.opened_writers import IMAGES, read_contents
from jaxsim.study.run.inputs import Named, StudyInput, unique_names
from jaxsim.study.run.kept import key_of_features
from jaxsim.study.run.places import feature_folders_there
from jaxsim.study.run.settings import Settings


def stored_inputs(
    sources: Any, settings: Settings, *, images: ImageSource | None, out: Path | None
) -> tuple[StudyInput, ...]:
    """The features of models, found in a folder by source, pooling, granularity and images; no model is loaded.

    Args:
        sources: Sources of models, or `Named` ones; none for all features of the folder with the pooling asked for.
        settings: The settings.
        images: The images; None takes features of whatever images, if there is one set of them.
        out: Folder of the run.

    Returns:
        The inputs, in the order of the sources.

    Raises:
        ValueError: If there is no folder, features of a model are not there or not finished, or there are several.
    """
    if out is None:
        raise ValueError("expected out= (--out), the folder that features were extracted to, got none")
    if images is not None and not settings.verify_images:
        for folder in feature_folders_there(out):
            images.take_contents(read_contents(folder / IMAGES))
    there = _finished(out, settings, None if images is None else images.description["fingerprint"])
    wanted = list(sources) if sources else list(dict.fromkeys(_source(each) for each in there.values()))
    if not wanted:
        raise ValueError(f"no finished features in {out / 'features'}: run jaxsim extract into this folder first")
    claimed = {each.name for each in wanted if isinstance(each, Named)}
    names, found = [], []
    for each in wanted:
        name, source = (each.name, each.source) if isinstance(each, Named) else ("", each)
        others = {path: own for path, own in there.items() if name or own.model_name not in claimed}
        features = _of_source(others, name, str(source), settings, out)
        names.append(name or features.model_name)
        found.append(features)
    return tuple(StudyInput(name, each, True) for name, each in zip(unique_names(names), found, strict=True))


def stored_twins(
    inputs: Sequence[StudyInput], settings: Settings, *, images: ImageSource | None, out: Path
) -> tuple[StudyInput, ...]:
    """The features of the same architectures with random weights, as an extraction has left them.

    Args:
        inputs: The models.
        settings: The settings.
        images: The images.
        out: Folder of the control.

    Raises:
        ValueError: As `stored_inputs`.
    """
    fingerprint = None if images is None else images.description["fingerprint"]
    there = _finished(out, settings, fingerprint)
    found = []
    for each in inputs:
        if not isinstance(each.given, FeatureSet):
            raise RuntimeError(f"expected features of {each.name!r}, got a model")
        source = _source(each.given)
        found.append(StudyInput(each.name, _of_source(there, each.name, source, settings, out), True))
    return tuple(found)


def _finished(out: Path, settings: Settings, fingerprint: str | None) -> dict[Path, FeatureSet]:
    """The finished features of a folder that were made as the settings say."""
    found = {}
    for folder in feature_folders_there(out):
        if not (folder / MANIFEST).is_file():
            continue
        features = open_features(folder)
        manifest = features.manifest
        pools = {settings.pool_of(features.model_name), *_pools(settings)}
        alike = manifest["granularity"] == settings.granularity and manifest["pool"] in pools
        if alike and fingerprint in (None, manifest["images_fingerprint"]):
            found[folder] = features
    return found


def _pools(settings: Settings) -> list[str]:
    return [settings.pool] if isinstance(settings.pool, str) else list(settings.pool.values())


def _of_source(there: dict[Path, FeatureSet], name: str, source: str, settings: Settings, out: Path) -> FeatureSet:
    of_source = {folder: each for folder, each in there.items() if _same_source(_source(each), source)}
    own = {
        folder: each
        for folder, each in of_source.items()
        if each.manifest["pool"] == settings.pool_of(name or each.model_name)
    }
    by_name = {folder: each for folder, each in own.items() if each.model_name == name}
    found = by_name or own
    if not found:
        if not of_source and is_features_file(Path(source).expanduser()):
            raise ValueError(
                f"expected models whose features were extracted into {out}, got {source!r}, which holds features "
                "itself: jaxsim.compare (jaxsim compare) measures such as they are"
            )
        raise ValueError(
            f"no finished features of {name or source!r} with pooling {settings.pool_of(name)!r} in "
            f"{out / 'features'}: run jaxsim extract into this folder with the same images and options"
        )
    if len({key_of_features(each.manifest) for each in found.values()}) > 1:
        raise ValueError(
            f"expected one set of features of {name or source!r}, got {', '.join(each.name for each in found)}; give "
            "the images that they were extracted from"
        )
    return next(iter(found.values()))


def _source(features: FeatureSet) -> str:
    return str(features.manifest["model"]["source"])


def _same_source(one: str, other: str) -> bool:
    paths = [Path(each).expanduser() for each in (one, other)]
    return one == other or (all(each.exists() for each in paths) and paths[0].resolve() == paths[1].resolve())
