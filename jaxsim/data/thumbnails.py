"""Images as small pictures, to be compared pixel by pixel."""

import numpy as np
from jaxtyping import Float

from jaxsim.data.batches import load_batches
from jaxsim.data.source import ImageSource
from jaxsim.data.statistics_view import StatisticsView

EDGE = 16
_BATCH = 64


def thumbnails(images: ImageSource, edge: int = EDGE) -> Float[np.ndarray, "n_samples n_features"]:
    """Return every image as a small square picture, flattened: a space in which near copies are close.

    Args:
        images: all can be decoded.
        edge: of the pictures, in pixels; the images' aspect is kept and their middle cut out.

    Returns:
        float32 `[N, edge * edge * 3]`, 0..1, in the order of the images.

    Raises:
        DamagedImage: an image cannot be decoded.

    Example:
        >>> import jaxsim.data
        >>> thumbnails(jaxsim.data.open_images("rendered:5")).shape
        (5, 768)
    """
    view = StatisticsView(edge, edge)
    parts = []
    for batch in load_batches(images, view.prepare, _BATCH):
        if batch.damaged:
            raise batch.damaged[0][1]
        if batch.pixels is not None:
            parts.append(batch.pixels.reshape(len(batch.pixels), -1))
    return np.concatenate(parts)
