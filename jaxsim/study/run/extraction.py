"""Every model's features: extracted here, taken from an earlier run, or given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jax
from jaxsim_kernels import meet

from jaxsim.arguments import Progress
from jaxsim.data import ImageSource
from jaxsim.features import Extraction, FeatureSet, extract_together
from jaxsim.study.run.inputs import StudyInput
from jaxsim.study.run.places import places_of
from jaxsim.study.run.settings import Settings


def all_features(
    inputs: Sequence[StudyInput],
    images: ImageSource | None,
    settings: Settings,
    out: Path | None,
    progress: Progress | None = None,
    twins: tuple[Sequence[StudyInput], Path | None] = ((), None),
) -> tuple[dict[str, FeatureSet], dict[str, FeatureSet]]:
    """Extracts what is not there yet; every image is decoded once for all models and their untrained twins.

    Several processes divide the images among themselves and write one folder; at the end all of them read all features.

    Args:
        inputs: The models.
        images: The images; None when all features were given.
        settings: The settings.
        out: Folder that keeps the features; None keeps them in memory.
        progress: Called as `progress(done, total, what)`.
        twins: The untrained models, and the folder that keeps their features.

    Returns:
        Model name -> its features, in the order of the inputs; and the same of the twins.

    Raises:
        ValueError: As `jaxsim.features.extract`.
    """
    several = jax.process_count() > 1
    sets = [(inputs, out, "features of {}"), (twins[0], twins[1], "untrained: features of {}")]
    folders = [places_of(each, images, settings, folder) for each, folder, _ in sets]
    if several:
        meet("folders")  # nobody writes before all have looked
    wanted: list[tuple[int, str, Extraction]] = []
    found: list[dict[str, FeatureSet]] = [{}, {}]
    for number, (models, _, what) in enumerate(sets):
        for each in models:
            if isinstance(each.given, FeatureSet):
                found[number][each.name] = each.given
            elif images is None:
                raise ValueError(without_images(each.name))
            else:
                folder, pool = folders[number].get(each.name), settings.pool_of(each.name)
                wanted.append((number, each.name, Extraction(each.given, pool, folder, what.format(each.name))))
    if wanted:
        extracted = extract_together(
            [each for _, _, each in wanted],
            images,
            batch_size=settings.batch_size,
            strict=settings.strict,
            overwrite=settings.overwrite,
            verify_images=settings.verify_images,
            across_processes=several,
            progress=progress,
        )
        for (number, name, _), features in zip(wanted, extracted, strict=True):
            found[number][name] = features
    ordered = [{each.name: found[number][each.name] for each in models} for number, (models, _, _) in enumerate(sets)]
    return ordered[0], ordered[1]


def without_images(name: str) -> str:
    """What is wrong with a model and no images."""
    return f"expected images to run the model {name!r} on, got none; give images="
