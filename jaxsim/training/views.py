"""Random views of an image that keep its colours, its luminance and the direction of its stripes up to a mirror."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8


@dataclasses.dataclass(frozen=True)
class Views:
    """Shift, zoom, mirror and noise; no colour jitter, no blur, no grey.

    What views differ in is what a self-supervised model is taught to ignore. These differ in where and how large
    things are and in noise, so hue, saturation, luminance, contrast and, nearly, the stripes survive.

    Attributes:
        shift: Largest shift in pixels, each axis.
        zoom: Largest factor of enlargement; its inverse is the smallest.
        noise: Standard deviation, pixels being 0..1.
        mirror: Whether half of the views are mirrored.

    Example:
        >>> still = Views(shift=0, zoom=1.0, noise=0.0, mirror=False)
        >>> still(jax.random.key(0), jnp.full((1, 4, 4, 3), 255, jnp.uint8)).max()
        Array(1., dtype=float32)
    """

    shift: int = 3
    zoom: float = 1.15
    noise: float = 0.03
    mirror: bool = True

    def __call__(
        self, key: Array, images: UInt8[Array | np.ndarray, "batch height width 3"]
    ) -> Float[Array, "batch height width 3"]:
        """Return one view of each image, normalised to -1..1 as the shipped models' preprocessors do."""
        keys = jax.random.split(key, 4)
        n, height, width = images.shape[:3]
        shifts = jax.random.uniform(keys[0], (2, n), minval=-self.shift, maxval=self.shift)
        log_zoom = jnp.log(self.zoom)
        zooms = jnp.exp(jax.random.uniform(keys[1], (n,), minval=-log_zoom, maxval=log_zoom))
        signs = jnp.where(jax.random.bernoulli(keys[2], 0.5, (n,)), -1.0, 1.0) if self.mirror else jnp.ones(n)
        rows = _bilinear(height, shifts[0], zooms)
        columns = _bilinear(width, shifts[1], zooms * signs)
        pixels = jnp.einsum("byh,bhwc->bywc", rows, normalised(images))
        pixels = jnp.einsum("bxw,bywc->byxc", columns, pixels)
        return pixels + 2 * self.noise * jax.random.normal(keys[3], pixels.shape)


def normalised(images: UInt8[Array | np.ndarray, "batch height width 3"]) -> Float[Array, "batch height width 3"]:
    """Return images in -1..1, as the shipped models see them.

    Example:
        >>> normalised(jnp.full((1, 1, 1, 3), 255, jnp.uint8)).max()
        Array(1., dtype=float32)
    """
    return jnp.asarray(images, jnp.float32) / 127.5 - 1


def _bilinear(size: int, shift: Array, zoom: Array) -> Array:
    """`[batch, size, size]`: what each position of the view takes from each of the image; the edge is continued."""
    places = jnp.arange(size) - (size - 1) / 2
    sources = (places[None] / zoom[:, None]) - shift[:, None] + (size - 1) / 2
    sources = jnp.clip(sources, 0, size - 1)
    return jnp.maximum(0, 1 - jnp.abs(sources[:, :, None] - jnp.arange(size)))
