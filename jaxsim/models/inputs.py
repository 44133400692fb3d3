"""The inputs of a model: pixels, or the number of each pixel's colour in a palette."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped


@dataclasses.dataclass(frozen=True)
class Pixels:
    """Float images `[B, H, W, C]`.

    Attributes:
        channels: 3 for RGB, 1 for grey.

    Example:
        >>> Pixels().example((4, 6)).shape
        (1, 4, 6, 3)
    """

    channels: int = 3

    def example(self, image_size: tuple[int, int]) -> jax.ShapeDtypeStruct:
        """Returns shape and dtype of a batch with one image of (height, width)."""
        return jax.ShapeDtypeStruct((1, *image_size, self.channels), jnp.float32)

    def check(
        self, images: Shaped[Array | np.ndarray, "..."]
    ) -> Shaped[Array | np.ndarray, "batch height width colours"]:
        """Returns `images`.

        Raises:
            ValueError: Not `[B, H, W, C]` or not floating point.
        """
        if images.ndim != 4 or images.shape[-1] != self.channels or not jnp.issubdtype(images.dtype, jnp.floating):
            raise ValueError(
                f"expected float images [B, H, W, {self.channels}] as `preprocess` returns them, "
                f"got {images.dtype} {images.shape}; call `preprocess` on pictures first"
            )
        return images


@dataclasses.dataclass(frozen=True)
class TokenIds:
    """Whole numbers `[B, H, W]`, one token for each pixel.

    Attributes:
        n_tokens: How many tokens the model knows; ids are 0 to n_tokens - 1.

    Example:
        >>> TokenIds(5).check(np.array([[[0, 5]]]))
        Traceback (most recent call last):
            ...
        ValueError: token ids out of range: expected 0 to 4, got 0 to 5; call `preprocess` on pictures first
    """

    n_tokens: int

    def example(self, image_size: tuple[int, int]) -> jax.ShapeDtypeStruct:
        """Returns shape and dtype of a batch with one image of (height, width)."""
        return jax.ShapeDtypeStruct((1, *image_size), jnp.int32)

    def check(self, images: Shaped[Array | np.ndarray, "..."]) -> Shaped[Array | np.ndarray, "batch height width"]:
        """Returns `images`.

        Raises:
            ValueError: Not `[B, H, W]`, not integers, or an id that the model does not know.
        """
        if images.ndim != 3 or not jnp.issubdtype(images.dtype, jnp.integer):
            raise ValueError(
                "expected token ids [B, H, W] as `preprocess` returns them, "
                f"got {images.dtype} {images.shape}; call `preprocess` on pictures first"
            )
        if images.size and (images.min() < 0 or images.max() >= self.n_tokens):
            raise ValueError(
                f"token ids out of range: expected 0 to {self.n_tokens - 1}, "
                f"got {images.min()} to {images.max()}; call `preprocess` on pictures first"
            )
        return images


ModelInput = Pixels | TokenIds

PIXELS = Pixels()
