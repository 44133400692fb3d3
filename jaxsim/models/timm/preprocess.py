"""timm's evaluation transform on Pillow."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from jaxsim.models.preprocessing.preprocessors import IMAGENET_MEAN, IMAGENET_STD, PlainPreprocessor
from jaxsim.models.preprocessing.processor_settings import MAX_EDGE, channel_values, is_crop_fraction, is_edge

_FILTERS = ("nearest", "bilinear", "bicubic", "lanczos")


@dataclasses.dataclass(frozen=True)
class TimmPreprocessor(PlainPreprocessor):
    """Resize, crop, normalise with the roundings of timm and torchvision.

    Attributes:
        crop_mode: `"center"`: the shorter edge to size / crop_pct, then the centre; `"squash"`: both edges; `"border"`:
            the longer edge, the rest filled with the mean.

    Example:
        >>> TimmPreprocessor((8, 8), crop_fraction=0.9)([np.zeros((12, 20, 3), np.uint8)]).shape
        (1, 8, 8, 3)
    """

    crop_mode: str = "center"

    def _resized(self, image: np.ndarray) -> np.ndarray:
        height, width = self.image_size
        tall, wide = (math.floor(edge / self.crop_fraction) for edge in (height, width))
        picture = Image.fromarray(image)
        method = Image.Resampling[self.resample.upper()]
        if self.crop_mode == "squash":
            size = (wide, tall)
        elif self.crop_mode == "center" and tall == wide:
            short, long = sorted(picture.size)
            scaled = int(tall * long / short)
            size = (tall, scaled) if picture.width <= picture.height else (scaled, tall)
        else:
            ratios = (picture.height / tall, picture.width / wide)
            ratio = max(ratios) if self.crop_mode == "border" else min(ratios)
            size = (round(picture.width / ratio), round(picture.height / ratio))
        picture = picture.resize(size, method)
        fill = tuple(round(255 * value) for value in self.mean) if self.crop_mode == "border" else (0, 0, 0)
        canvas = Image.new("RGB", (max(width, size[0]), max(height, size[1])), fill)
        canvas.paste(picture, ((canvas.width - size[0]) // 2, (canvas.height - size[1]) // 2))
        left, top = round((canvas.width - width) / 2), round((canvas.height - height) / 2)
        return np.asarray(canvas.crop((left, top, left + width, top + height)))

    def __call__(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width 3"]:
        """Returns `[B, H, W, 3]` float32."""
        return super().__call__(images)


def read_preprocessing(settings: dict[str, Any], where: str) -> TimmPreprocessor:
    """Returns the preprocessing that `pretrained_cfg` describes, with timm's defaults.

    Raises:
        ValueError: Not three channels, or a value that is not supported.
    """
    size = settings.get("input_size") or (3, 224, 224)
    crop = settings.get("crop_pct") or 0.875
    mode = settings.get("crop_mode") or "center"
    resample = settings.get("interpolation") or "bicubic"
    if not isinstance(size, list | tuple) or len(size) != 3 or size[0] not in (1, 3) or not all(map(is_edge, size[1:])):
        raise ValueError(
            f"{where}: input_size={size!r}; expected [channels, height, width], images of three channels, or of one, "
            f"of 1 to {MAX_EDGE} pixels an edge"
        )
    if not is_crop_fraction(crop):
        raise ValueError(f"{where}: crop_pct={crop!r}; expected a number from 0.5 to 2")
    given = {name: settings[name] for name in ("mean", "std") if settings.get(name) is not None}
    if size[0] == 1:  # one number each counts for the three channels that are made equal
        given = {
            name: value * 3 if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()
        }
    mean, std = (
        channel_values(where, given, name, default)
        for name, default in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD))
    )
    if min(std) <= 0:
        raise ValueError(f"{where}: std={list(std)}; expected three numbers above 0")
    if mode not in ("center", "squash", "border") or resample not in _FILTERS or settings.get("crop_border_pixels"):
        raise ValueError(
            f"{where}: crop_mode={mode!r}, interpolation={resample!r}, crop_border_pixels="
            f"{settings.get('crop_border_pixels')!r}; expected center, squash or border; {', '.join(_FILTERS)}; 0"
        )
    return TimmPreprocessor(
        (int(size[1]), int(size[2])),
        mean=mean,
        std=std,
        resample=resample,
        fit="crop",
        crop_fraction=float(crop),
        reason="pretrained_cfg of timm's config.json",
        crop_mode=mode,
    )
