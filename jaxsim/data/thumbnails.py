"""Images as small pictures, to be compared pixel by pixel: a space in which near copies are close."""

import numpy as np
from jaxtyping import Float

from jaxsim.data.batches import load_batches
from jaxsim.data.source import ImageSource
from jaxsim.data.statistics_view import StatisticsView

EDGE = 12
_BATCH = 64


def thumbnails(images: ImageSource, edge: int = EDGE) -> Float[np.ndarray, "n_samples n_features"]:
    """Return every image as a small square picture, less its own mean, flattened.

    Near copies are close in it: `jaxsim.near_duplicates(thumbnails(images), images.ids)`. At 12 x 12 pixels noise and
    compression average out and a crop moves what is seen by less than a pixel; without the mean a change of
    brightness counts for little.

    Args:
        images: all can be decoded.
        edge: of the pictures, in pixels; the images' aspect is kept and their middle cut out.

    Returns:
        float32 `[N, edge * edge * 3]`, -1..1, in the order of the images.

    Raises:
        DamagedImage: an image cannot be decoded.

    Example:
        >>> import jaxsim.data
        >>> thumbnails(jaxsim.data.open_images("rendered:5")).shape
        (5, 432)
    """
    view = StatisticsView(edge, edge)
    parts = []
    for batch in load_batches(images, view.prepare, _BATCH):
        if batch.damaged:
            raise batch.damaged[0][1]
        if batch.pixels is not None:
            parts.append(batch.pixels.reshape(len(batch.pixels), -1))
    pictures = np.concatenate(parts)
    return pictures - pictures.mean(axis=1, keepdims=True)
