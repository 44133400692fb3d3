"""The pixels from which the low-level statistics of a study are computed: as a model sees them, in 0..1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from jaxsim.data import ImageSource, load_batches, low_level_spaces
from jaxsim.features import FeatureSet, StepModel
from jaxsim.study.inputs import StudyInput

BATCH_SIZE = 64
# Processors that resize in float32 leave the range by their interpolation's overshoot; more is not an affine map.
_ROUNDING = 1e-4

Prepare = Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class PixelView:
    """How images become the pixels of the statistics.

    Attributes:
        prepare: From uint8 images `[H, W, 3]` to pixels `[b, H, W, 3]` in 0..1.
        description: JSON-able: whose view it is, and what size.
    """

    prepare: Prepare
    description: dict[str, Any]


def choose_view(inputs: Sequence[StudyInput], size: bool | int | tuple[int, int]) -> PixelView:
    """The one view of the images that a study's statistics are computed from.

    Models may see different sizes and crops, but a statistic is one space for all of them. So without a stated size
    it is the view of the first model that is run and takes pixels: its own resizing and cropping, with its
    normalisation undone.

    Args:
        inputs: The models of the study.
        size: True for the first model's view; or an edge or (height, width), to which images are stretched
            (bicubic, antialiased).

    Returns:
        The view.

    Raises:
        ValueError: If a size is needed and none is given: no model is run here, or none takes pixels.

    Example:
        >>> choose_view([], 16).description
        {'view': 'stretched', 'image_size': [16, 16]}
    """
    if not isinstance(size, bool):
        height, width = (size, size) if isinstance(size, int) else size
        return PixelView(
            lambda images: stretched(images, height, width), {"view": "stretched", "image_size": [height, width]}
        )
    for each in inputs:
        if isinstance(each.given, FeatureSet):
            continue
        view = _seen_by(each.name, each.given)
        if view is not None:
            return view
    raise ValueError(
        "expected a size for the low-level statistics, since no model that takes pixels is run here; "
        "state the size the models saw, such as statistics=224"
    )


def read_statistics(view: PixelView, images: ImageSource) -> dict[str, Float[np.ndarray, "n_samples n_statistics"]]:
    """Reads all images once and returns the spaces of their low-level statistics.

    Args:
        view: From `choose_view`.
        images: The samples of the study, in order.

    Returns:
        The spaces of `jaxsim.data.low_level_spaces`, z-scored over these images.

    Raises:
        ValueError: If an image cannot be decoded, or is smaller than 8 x 8 in this view.
    """

    def pixels():
        for batch in load_batches(images, view.prepare, BATCH_SIZE):
            if batch.damaged:
                raise batch.damaged[0][1]
            if batch.pixels is not None:
                yield batch.pixels

    return low_level_spaces(pixels())


def stretched(images: Sequence[np.ndarray], height: int, width: int) -> Float[np.ndarray, "batch {height} {width} 3"]:
    """Images of any size resized to one, values 0..1.

    Example:
        >>> stretched([np.full((4, 6, 3), 255, np.uint8)], 2, 3).tolist()[0][0][0]
        [1.0, 1.0, 1.0]
    """
    method = Image.Resampling.BICUBIC
    resized = [np.asarray(Image.fromarray(image).resize((width, height), method)) for image in images]
    return np.stack(resized).astype(np.float32) / 255


def _seen_by(name: str, model: StepModel) -> PixelView | None:
    """A model's view with its normalisation undone; None if what it takes is not an affine map of pixels."""
    probes = [np.full((32, 32, 3), level, np.uint8) for level in (0, 51, 255)]
    black, grey, white = (np.asarray(model.preprocess([probe])) for probe in probes)
    if black.ndim != 4 or black.shape[-1] != 3:
        return None
    # Padding would not change with the level, so the middle is looked at.
    middle = (0, black.shape[1] // 2, black.shape[2] // 2)
    low, high = black[middle].astype(np.float64), white[middle].astype(np.float64)
    if not np.all(high - low > 0) or np.abs(grey[middle] - (low + 0.2 * (high - low))).max() > _ROUNDING * np.max(
        high - low
    ):
        return None

    def prepare(images: Sequence[np.ndarray]) -> np.ndarray:
        pixels = (np.asarray(model.preprocess(images), np.float32) - low) / (high - low)
        return np.clip(pixels, 0, 1).astype(np.float32)

    return PixelView(prepare, {"view": f"as {name} sees them", "image_size": list(black.shape[1:3])})
