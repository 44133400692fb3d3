"""The image processor of DINOv3: scale to 0..1 first, then resize in floating point."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from PIL import Image

from jaxsim.models.preprocessing.preprocessors import IMAGENET_MEAN, IMAGENET_STD
from jaxsim.models.preprocessing.processor_settings import channel_values, read_processor_settings, require_settings

Filter = Literal["bilinear", "bicubic"]

# Pillow's codes of the filters.
FILTERS: dict[int, Filter] = {2: "bilinear", 3: "bicubic"}


@dataclasses.dataclass(frozen=True)
class FloatResizePreprocessor:
    """Scales to 0..1, resizes in float32 with antialiasing, normalises: nothing is rounded to 8 bits between.

    transformers' own processor for DINOv3 needs torchvision; this one computes the same.

    Attributes:
        image_size: (height, width) of the result.
        mean: Subtracted per channel.
        std: Divided by per channel.
        resample: Pillow's filter, with antialiasing.

    Example:
        >>> FloatResizePreprocessor((8, 8))([np.zeros((4, 6, 3), np.uint8)]).shape
        (1, 8, 8, 3)
    """

    image_size: tuple[int, int]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    resample: Filter = "bilinear"

    @classmethod
    def from_directory(cls, directory: Path, image_size: tuple[int, int] | None = None) -> FloatResizePreprocessor:
        """Reads `preprocessor_config.json`.

        Args:
            directory: Holds the file.
            image_size: (height, width) wanted instead of the processor's own.

        Raises:
            ValueError: A setting that this processor does not have.
        """
        where, settings = read_processor_settings(directory)
        switched = {"do_resize": True, "do_rescale": True, "do_normalize": True, "do_center_crop": False}
        require_settings(where, settings, {**switched, "do_pad": False, "rescale_factor": 1 / 255})
        size, resample = settings.get("size", {"height": 224, "width": 224}), settings.get("resample", 2)
        if not isinstance(size, Mapping) or not {"height", "width"} <= set(size):
            raise ValueError(f"{where}: size={size!r}; expected height and width")
        if isinstance(resample, bool) or resample not in FILTERS:
            raise ValueError(f"{where}: resample={resample!r}; expected 2 (bilinear) or 3 (bicubic)")
        return cls(
            image_size=image_size or (int(size["height"]), int(size["width"])),
            mean=channel_values(where, settings, "image_mean", IMAGENET_MEAN),
            std=channel_values(where, settings, "image_std", IMAGENET_STD),
            resample=FILTERS[resample],
        )

    @property
    def description(self) -> dict[str, Any]:
        """What it does, JSON-able."""
        values = {name: value for name, value in dataclasses.asdict(self).items() if name != "image_size"}
        lists = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"processor": "float_resize", **lists}

    def __call__(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width 3"]:
        """Takes uint8 `[H, W, 3]` images of any sizes."""
        resized = np.stack([self._resized(image) for image in images])
        return (resized - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)

    def _resized(self, image: np.ndarray) -> np.ndarray:
        height, width = self.image_size
        filter_ = Image.Resampling[self.resample.upper()]
        scaled = image.astype(np.float32) * np.float32(1 / 255)
        planes = (Image.fromarray(scaled[..., channel]) for channel in range(3))
        return np.stack([np.asarray(plane.resize((width, height), filter_)) for plane in planes], axis=-1)
