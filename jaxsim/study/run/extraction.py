"""Every model's features: extracted here, taken from an earlier run, or given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jax
from jaxsim_kernels import meet

from jaxsim.arguments import Progress
from jaxsim.data import ImageSource
from jaxsim.features import FeatureSet, extract, open_features
from jaxsim.study.progress import renamed
from jaxsim.study.run.inputs import StudyInput
from jaxsim.study.run.places import places_of
from jaxsim.study.run.settings import Settings


def all_features(
    inputs: Sequence[StudyInput],
    images: ImageSource | None,
    settings: Settings,
    out: Path | None,
    progress: Progress | None = None,
) -> dict[str, FeatureSet]:
    """Extracts what is not there yet.

    Of several processes each runs some of the models; at the end all of them read all features.

    Args:
        inputs: The models.
        images: The images; None when all features were given.
        settings: The settings.
        out: Folder that keeps the features; None keeps them in memory.
        progress: Called as `progress(done, total, what)`.

    Returns:
        Model name -> its features, in the order of the inputs.

    Raises:
        ValueError: As `jaxsim.features.extract`.
    """
    folders = places_of(inputs, images, settings, out)
    if jax.process_count() > 1:
        meet("folders")  # nobody writes before all have looked
    features: dict[str, FeatureSet] = {}
    for index, each in enumerate(inputs):
        if isinstance(each.given, FeatureSet):
            features[each.name] = each.given
        elif images is None:
            raise ValueError(without_images(each.name))
        elif index % jax.process_count() == jax.process_index():
            features[each.name] = extract(
                each.given,
                images,
                pool=settings.pool_of(each.name),
                out=folders.get(each.name),
                batch_size=settings.batch_size,
                strict=settings.strict,
                overwrite=settings.overwrite,
                verify_images=settings.verify_images,
                progress=renamed(progress, f"features of {each.name}"),
            )
    if jax.process_count() > 1:
        meet("features")
        features |= {name: open_features(folder) for name, folder in folders.items() if name not in features}
    return {each.name: features[each.name] for each in inputs}


def without_images(name: str) -> str:
    """What is wrong with a model and no images."""
    return f"expected images to run the model {name!r} on, got none; give images="
