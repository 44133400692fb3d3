"""Images in one channel, for models that were trained on grey pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor, Preprocessor


def with_equal_channels(plain: PlainPreprocessor) -> PlainPreprocessor:
    """Returns a preprocessing whose three channels are normalised alike, by the means of its three values.

    Example:
        >>> with_equal_channels(PlainPreprocessor((8, 8), mean=(0.25, 0.5, 0.75))).mean
        (0.5, 0.5, 0.5)
    """
    mean, std = (float(np.mean(values)) for values in (plain.mean, plain.std))
    return dataclasses.replace(plain, mean=(mean,) * 3, std=(std,) * 3)


class GreyPreprocessor:
    """Turns pictures to grey (0.299 R + 0.587 G + 0.114 B, Pillow's mode L) and lets another preprocessor do the rest.

    Args:
        inner: Makes three channels, which it treats alike; the first of them is kept.
        where: What to call the checkpoint.

    Raises:
        ValueError: `inner` does not treat the channels alike.

    Example:
        >>> plain = with_equal_channels(PlainPreprocessor((8, 8)))
        >>> GreyPreprocessor(plain, "config.json")([np.zeros((4, 6, 3), np.uint8)]).shape
        (1, 8, 8, 1)
    """

    def __init__(self, inner: Preprocessor, where: str) -> None:
        self._inner = inner
        self.image_size: tuple[int, int] = inner.image_size
        self.description: dict[str, Any] = {**inner.description, "channels": "grey: 0.299 R + 0.587 G + 0.114 B"}
        probe = inner([np.full((8, 8, 3), 100, np.uint8)])
        if not np.array_equal(probe, np.broadcast_to(probe[..., :1], probe.shape)):
            raise ValueError(
                f"{where}: the model takes one channel, and image_mean or image_std differ between channels. Write "
                'one number each, such as "image_mean": [0.5], into its preprocessor_config.json, or remove the file.'
            )

    def __call__(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width 1"]:
        """Returns `[B, H, W, 1]` float32 for uint8 images `[H, W, 3]`."""
        grey = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
        return self._inner([np.repeat(image[:, :, None], 3, axis=2) for image in grey])[..., :1]
