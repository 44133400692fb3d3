"""Turning images of any kind into the float32 arrays that a model takes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from PIL import Image

from jaxsim.models.preprocessing.processor_settings import read_processor_settings
from jaxsim.pixels import rgb_pixels

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

AnyImage = Image.Image | np.ndarray


@runtime_checkable
class Preprocessor(Protocol):
    """Turns RGB images into what a model takes."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of what it returns."""
        ...

    @property
    def description(self) -> dict[str, Any]:
        """What it does, JSON-able."""
        ...

    def __call__(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width colours"]:
        """Takes uint8 `[H, W, 3]` images of any sizes."""
        ...


def as_rgb(image: AnyImage) -> UInt8[np.ndarray, "height width 3"]:
    """Returns an image as uint8 RGB.

    Takes PIL images of any mode, by the rules of `jaxsim.pixels` (as for image files: 16-bit grey from its whole range,
    transparency on white, EXIF orientation applied), and uint8 arrays `[H, W]`, `[H, W, 1]` or `[H, W, 3]`.

    Raises:
        ValueError: Another array shape or dtype, or a PIL mode whose range is unknown.

    Example:
        >>> as_rgb(np.zeros((2, 3), np.uint8)).shape
        (2, 3, 3)
    """
    if isinstance(image, Image.Image):
        return rgb_pixels(image)
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise ValueError(
            "expected a PIL image or a uint8 array [H, W], [H, W, 1] or [H, W, 3]; "
            f"got {array.dtype} {array.shape}. Convert it (values 0 to 255, channels last) first."
        )
    if array.ndim == 2:
        array = array[:, :, None]
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def preprocessed(images: Sequence[AnyImage] | AnyImage, preprocessor: Preprocessor) -> Shaped[np.ndarray, "..."]:
    """Returns what a preprocessor makes of PIL images or uint8 arrays, gray or RGB.

    Raises:
        ValueError: No images, or one that is not an image; its position is named.

    Example:
        >>> preprocessed([np.zeros((2, 3), np.uint8)], PlainPreprocessor((4, 4))).shape
        (1, 4, 4, 3)
    """
    if isinstance(images, Image.Image) or len(images) == 0:
        raise ValueError("expected a sequence with at least one image; wrap a single image in a list")
    pixels = []
    for position, image in enumerate(images):
        try:
            pixels.append(as_rgb(image))
        except ValueError as error:
            raise ValueError(f"image {position}: {error}") from error
    return preprocessor(pixels)


@dataclasses.dataclass(frozen=True)
class PlainPreprocessor:
    """Resize, crop, scale to 0..1, normalise: for checkpoints without a processor that can run here.

    Attributes:
        image_size: (height, width) of the result.
        mean: Subtracted per channel after scaling to 0..1.
        std: Divided by per channel.
        resample: Pillow's filter, with antialiasing.
        fit: `"stretch"` resizes to the size at once; `"crop"` covers it, keeping the aspect, then crops.
        crop_fraction: With `"crop"`: the crop's share of the resized image (224 / 256 = 0.875).
        reason: Where this comes from.

    Example:
        >>> PlainPreprocessor((8, 8))([np.zeros((4, 6, 3), np.uint8)]).shape
        (1, 8, 8, 3)
    """

    image_size: tuple[int, int]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    fit: Literal["stretch", "crop"] = "stretch"
    crop_fraction: float = 1.0
    reason: str = "the checkpoint has no preprocessor_config.json; this is the family's default"

    @property
    def description(self) -> dict[str, Any]:
        """What it does, JSON-able."""
        values = dataclasses.asdict(self)
        return {
            "processor": "plain",
            **{k: list(v) if isinstance(v, tuple) else v for k, v in values.items()},
        }

    def __call__(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width 3"]:
        """Returns `[B, H, W, 3]` float32."""
        resized = np.stack([self._resized(image) for image in images]).astype(np.float32)
        return (resized / 255 - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)

    def _resized(self, image: np.ndarray) -> np.ndarray:
        height, width = self.image_size
        picture = Image.fromarray(image)
        method = Image.Resampling[self.resample.upper()]
        if self.fit == "stretch":
            return np.asarray(picture.resize((width, height), method))
        tall, wide = height / self.crop_fraction, width / self.crop_fraction
        scale = max(tall / picture.height, wide / picture.width)
        size = max(round(picture.width * scale), width), max(round(picture.height * scale), height)
        picture = picture.resize(size, method)
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        return np.asarray(picture.crop((left, top, left + width, top + height)))


class TransformersPreprocessor:
    """The checkpoint's own image processor, run by transformers on Pillow (no torch).

    Args:
        directory: Holds `preprocessor_config.json`.
        image_size: (height, width) wanted instead of the processor's own.
        spread: Whether a mean or a deviation of one number, of a model for grey images, counts for three channels.

    Raises:
        ValueError: The processor cannot be made, or gives images of different sizes.
    """

    def __init__(self, directory: Path, image_size: tuple[int, int] | None = None, *, spread: bool = False) -> None:
        from transformers import AutoImageProcessor

        where, _ = read_processor_settings(directory)
        try:
            # Not left out: without it transformers asks on the terminal whether to run the checkpoint's own code.
            self._processor: Any = AutoImageProcessor.from_pretrained(
                directory, backend="pil", local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # transformers raises many types, ImportError and NameError among them
            if "trust_remote_code" in str(error):
                raise ValueError(
                    f"{directory}: its image processor is code that comes with the checkpoint, which is not supported "
                    f"and never run here. Remove {where} to use the family's own preprocessing."
                ) from error
            raise ValueError(
                f"{where}: cannot make its image processor: {type(error).__name__}: {error!s:.500}. Edit the file, or "
                "remove it to use the family's own preprocessing."
            ) from error
        settings = self._processor.to_dict()
        self._override = {} if image_size is None else _resized_settings(settings, image_size)
        for name in ("image_mean", "image_std") if spread else ():
            if isinstance(settings.get(name), list | tuple) and len(settings[name]) == 1:
                self._override[name] = [settings[name][0]] * 3
        self.description: dict[str, Any] = json.loads(json.dumps({**settings, **self._override}, default=str))
        self.description["processor"] = type(self._processor).__name__
        try:
            values = [self([np.zeros((*shape, 3), np.uint8)]) for shape in ((48, 80), (80, 48))]
        except Exception as error:  # what transformers and Pillow raise on settings that do not go together
            raise ValueError(
                f"{where}: its image processor fails on a picture of 48 x 80: {type(error).__name__}: {error!s:.500}"
            ) from error
        if not all(np.isfinite(each).all() and each.shape[-1] == 3 for each in values):
            raise ValueError(f"{where}: its image processor does not make finite numbers in three channels")
        probes = [each.shape[1:3] for each in values]
        if probes[0] != probes[1]:
            raise ValueError(
                f"{directory}: its image processor keeps the aspect ratio, so images would differ in size "
                f"({probes[0]} and {probes[1]}). Pass image_size=(height, width)."
            )
        self.image_size: tuple[int, int] = probes[0]
        if image_size is not None and self.image_size != tuple(image_size):
            raise ValueError(
                f"{directory}: its image processor gives {self.image_size}, {tuple(image_size)} was asked for"
            )

    def __call__(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width 3"]:
        """Returns `[B, H, W, 3]` float32."""
        pixels = self._processor(
            images=list(images), return_tensors="np", input_data_format="channels_last", **self._override
        )
        values = np.asarray(pixels["pixel_values"], np.float32)
        return np.ascontiguousarray(values.transpose(0, 2, 3, 1))


def _resized_settings(settings: Mapping[str, Any], image_size: tuple[int, int]) -> dict[str, Any]:
    """Returns call options that make a processor give `image_size`, keeping its ratio of resizing to cropping."""
    height, width = image_size
    size, crop = settings.get("size") or {}, settings.get("crop_size") or {}
    if settings.get("do_center_crop") and crop:
        edge = size.get("shortest_edge") or min(size.get("height", 0), size.get("width", 0))
        ratio = max(1.0, edge / min(crop["height"], crop["width"])) if edge else 1.0
        short = round(max(height, width) * ratio)
        wanted = {"shortest_edge": short} if "shortest_edge" in size else {"height": short, "width": short}
        return {"do_resize": True, "size": wanted, "crop_size": {"height": height, "width": width}}
    if "crop_pct" in settings:  # ConvNeXt's: resizes and crops by itself, to a square
        square = {"do_resize": True, "size": {"shortest_edge": max(height, width)}}
        return {**square, "do_center_crop": True, "crop_size": {"height": height, "width": width}}
    return {"do_resize": True, "size": {"height": height, "width": width}}
