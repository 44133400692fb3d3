"""From images to what a live model takes: what the user gives, or a plain resize and normalisation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxsim.models.preprocessing.preprocessors import IMAGENET_MEAN, IMAGENET_STD, PlainPreprocessor, Preprocessor
from jaxsim.wording import counted


class FunctionPreprocessor:
    """A user's own function.

    Args:
        function: Takes a list of uint8 `[H, W, 3]` images of any sizes; returns float `[B, H, W, C]` of one size.

    Raises:
        ValueError: It returns something else.

    Example:
        >>> FunctionPreprocessor(lambda images: np.zeros((len(images), 8, 8, 1), np.float32)).image_size
        (8, 8)
    """

    def __init__(self, function: Callable[[Sequence[np.ndarray]], Any]) -> None:
        self._function = function
        # Two functions may have one name, so what tells them apart is what they do to two pictures.
        probes = [np.arange(h * w * 3).reshape(h, w, 3).astype(np.uint8) for h, w in ((48, 80), (80, 48))]
        results = [self([probe]) for probe in probes]
        if results[0].shape != results[1].shape:
            raise ValueError(
                "expected preprocess to bring images of all sizes to one, it gave "
                f"{results[0].shape[1:]} for one of 48 x 80 and {results[1].shape[1:]} for one of 80 x 48"
            )
        digest = hashlib.sha256(b"".join(result.tobytes() for result in results)).hexdigest()
        self.image_size: tuple[int, int] = (results[0].shape[1], results[0].shape[2])
        self.n_channels: int = results[0].shape[3]
        self.description: dict[str, Any] = {
            "processor": getattr(function, "__qualname__", type(function).__qualname__),
            "fingerprint": digest,
        }

    def __call__(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width channels"]:
        """Returns `[B, H, W, C]` float32."""
        result = np.asarray(self._function(list(images)))
        if result.ndim != 4 or len(result) != len(images) or not np.issubdtype(result.dtype, np.floating):
            raise ValueError(
                "expected preprocess to return float [B, H, W, C], channels last (channels_first=True turns them "
                f"around for the model), got {result.dtype} {result.shape} for {counted(len(images), 'image')}"
            )
        return np.ascontiguousarray(result, np.float32)


def preprocessor_from(preprocess: Any, image_size: Any, mean: Any, std: Any) -> Preprocessor:
    """Returns what `capture` is asked for; its arguments are described there.

    Raises:
        ValueError: Neither or both of a preprocessor and an image size, or numbers that make no sense.
    """
    if preprocess is not None:
        given = [
            name for name, value in (("image_size", image_size), ("mean", mean), ("std", std)) if value is not None
        ]
        if given:
            raise ValueError(f"{given[0]} is not used with preprocess=, which decides it: pass one of them")
        if isinstance(preprocess, Preprocessor):
            return preprocess
        if not callable(preprocess):
            raise ValueError(
                f"preprocess: expected a PlainPreprocessor, or a function of a list of uint8 images, got {preprocess!r}"
            )
        return FunctionPreprocessor(preprocess)
    if image_size is None:
        raise ValueError(
            "a live model does not say what images it takes: pass image_size=(height, width), with mean= and std= "
            "where they are not ImageNet's, or preprocess="
        )
    return PlainPreprocessor(
        _size(image_size),
        _colours("mean", IMAGENET_MEAN if mean is None else mean),
        _colours("std", IMAGENET_STD if std is None else std, positive=True),
        reason="given to capture",
    )


def _size(image_size: Any) -> tuple[int, int]:
    pair = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(pair) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in pair):
        raise ValueError(f"image_size={image_size!r}: expected a positive number or (height, width)")
    return pair


def _colours(name: str, values: Any, *, positive: bool = False) -> tuple[float, float, float]:
    numbers = np.asarray(values, np.float64)
    if numbers.shape != (3,) or not np.isfinite(numbers).all() or (positive and (numbers <= 0).any()):
        raise ValueError(f"{name}={values!r}: expected three {'positive ' if positive else ''}numbers, for R, G and B")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
