"""The one view of the images that low-level statistics are computed from: it depends on no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from jaxtyping import Float

from jaxsim.data.source import DamagedImage, ImageSource
from jaxsim.wording import counted

MOST_EDGE, LEAST_EDGE = 224, 8
LARGE_ENOUGH = 0.95
_MOST_MEASURED = 1000


@dataclass(frozen=True)
class StatisticsView:
    """How decoded images become the pixels of the statistics: covered by one size, the middle cut out.

    The aspect is kept, because stretching would move energy between orientations and spatial frequencies, by another
    amount in every image. What is cut off a long image is cut off by nearly every model's own preprocessing, too.

    Attributes:
        height: of the pixels, at least 8.
        width: of the pixels, at least 8.
        chosen_by: why it is this size.

    Example:
        >>> view = StatisticsView(2, 3)
        >>> view.prepare([np.full((40, 90, 3), 255, np.uint8)]).shape
        (1, 2, 3, 3)
    """

    height: int
    width: int
    chosen_by: str = "stated"

    @property
    def description(self) -> dict[str, Any]:
        """JSON-able account of what is done to the images."""
        return {
            "view": "decoded pixels, aspect kept, centre cropped",
            "image_size": [self.height, self.width],
            "size": self.chosen_by,
            "resampling": "bicubic, antialiased (Pillow, 8 bits)",
        }

    def prepare(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "batch height width 3"]:
        """Return the pixels, float32 in 0..1; images that have the size already are left as they are.

        Args:
            images: uint8, `[H, W, 3]` each, of any sizes.
        """
        size, bicubic = (self.width, self.height), PIL.Image.Resampling.BICUBIC
        fitted = [
            image
            if image.shape[:2] == (self.height, self.width)
            else np.asarray(PIL.ImageOps.fit(PIL.Image.fromarray(image), size, bicubic))
            for image in images
        ]
        return np.stack(fitted).astype(np.float32) / 255


def statistics_view(images: ImageSource, size: bool | int | tuple[int, int] = True) -> StatisticsView:
    """Return the view of a set of images.

    Args:
        images: the images; their sizes decide where no size is stated.
        size: an edge or (height, width), at least 8; or True for a square of the edge that `own_edge` finds.

    Raises:
        ValueError: a size below 8 pixels; or no image can be decoded.

    Example:
        >>> import jaxsim.data
        >>> statistics_view(jaxsim.data.open_images("rendered:10")).description["image_size"]
        [32, 32]
        >>> statistics_view(jaxsim.data.open_images("rendered:10"), (16, 24)).description["image_size"]
        [16, 24]
    """
    if size is True:
        edge = own_edge(images)
        return StatisticsView(edge, edge, f"the short edge of the images, at most {MOST_EDGE}")
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < LEAST_EDGE:
        raise ValueError(
            f"expected a size of at least {LEAST_EDGE} pixels for the statistics, came {height} x {width}: "
            "smaller pictures hold no band of frequencies"
        )
    return StatisticsView(height, width)


def own_edge(images: ImageSource) -> int:
    """Return the edge that images are brought to by default: their own resolution, up to 224 pixels.

    It is the short edge that 95 % of the images reach (of up to 1,000 images, evenly spaced in the source), not more
    than 224 and not less than 8. Enlarging would add nothing but empty bands of high frequencies, the same in every
    image; the resolution of a few small ones should not take the detail from all the others.

    Args:
        images: the images; damaged ones are left out.

    Raises:
        ValueError: none of them can be decoded.

    Example:
        >>> import jaxsim.data
        >>> own_edge(jaxsim.data.open_images("digits"))
        8
    """
    places = np.unique(np.linspace(0, len(images) - 1, min(len(images), _MOST_MEASURED)).round().astype(int))
    edges = []
    for place in places.tolist():
        try:
            edges.append(min(images.image_size(place)))
        except DamagedImage:
            continue
    if not edges:
        raise ValueError(
            f"none of {counted(len(places), 'image')} could be decoded: see jaxsim.data.load_batches for the reasons"
        )
    reached = int(np.quantile(edges, 1 - LARGE_ENOUGH, method="lower"))
    return min(max(reached, LEAST_EDGE), MOST_EDGE)
