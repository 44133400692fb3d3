"""Rendered images with known factors: ten shapes on a striped ground, unlimited, each made from seed and index."""

import functools
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from jaxsim.arguments import check_count, shown, whole_number
from jaxsim.data.image_statistics import LUMA
from jaxsim.data.rendered_factors import IMAGE_SIZE, MOST_IMAGES, drawn, factors_of, labels_of, stream
from jaxsim.data.rendered_shapes import SHAPES, signed_distance
from jaxsim.data.source import ImageSource, checked_position, fingerprint_of

SCHEME = "rendered"
DEFAULT_N = 2000
BACKGROUND_SATURATION = 0.05
STRIPES = 0.07
NOISE = 0.03
# Raise it when pixels change: stored features of older images must not be taken for those of newer ones.
_VERSION = "1"
_BLOCK = 64


class RenderedSource(ImageSource):
    """Images of 32 x 32 pixels, each a shape on a striped, coloured ground, whose making is known.

    Object class and every low-level factor are drawn uniformly and independently. Image `i` of a seed is the same
    whatever the number of images. The class is a shape of known area, so no low-level factor tells it. Colours are
    a grey of the drawn Rec. 709 luma plus a step in the plane of equal luma, so colour and luminance are independent,
    too, and nothing is ever clipped. Uniform noise (+-0.03) is on every pixel.

    Args:
        n: number of images, 1..2,000,000.
        seed: which set, not negative. The shipped reference models are trained on seed 1 and held out from all others.

    Raises:
        ValueError: `n` or `seed` out of range.

    Example:
        >>> images = RenderedSource(100, seed=0)
        >>> images.ids[7], images.load(7).shape
        ('rendered/0/000007', (32, 32, 3))
        >>> images.factors["position_x"].shape, images.factors["object_hue"].shape
        ((100,), (100, 2))
    """

    def __init__(self, n: Any = DEFAULT_N, seed: Any = 0):
        self.n = check_count("n of rendered images", n, 1, most=MOST_IMAGES)
        self.seed = check_count("seed of rendered images", seed, 0)
        self._ids = tuple(f"{SCHEME}/{self.seed}/{i:06d}" for i in range(self.n))

    @property
    def ids(self) -> tuple[str, ...]:
        """`rendered/SEED/INDEX`."""
        return self._ids

    @property
    def description(self) -> dict[str, Any]:
        """Kind, seed and number; the fingerprint is of these and of the way of rendering."""
        fingerprint = fingerprint_of([SCHEME, _VERSION, str(self.seed), str(self.n)])
        return {"kind": SCHEME, "seed": self.seed, "n_images": self.n, "fingerprint": fingerprint}

    @functools.cached_property
    def labels(self) -> Int[np.ndarray, " n"]:
        """`[n]`, position of the object's class in `jaxsim.data.SHAPES`."""
        return labels_of(drawn(self.seed, 0, self.n))

    @functools.cached_property
    def factors(self) -> dict[str, Float[np.ndarray, "n ..."]]:
        """The low-level factors, each `[n]`, or `[n, 2]` for angles (cosine and sine), float64.

        - `object_hue`, `background_hue`: direction in the plane of equal luma, 0 towards red, 90 degrees towards
          yellow. `object_saturation`: distance from grey in it, 0.03 to 0.2 (the ground's is 0.05).
        - `background_luminance`: luma of the ground, 0.17 to 0.47. `contrast`: how much more the object's is, 0.1
          to 0.3.
        - `texture_frequency`: of the ground's stripes, log2 of cycles per image, 2.5 to 8 cycles.
          `texture_orientation`: of the stripes, counterclockwise from horizontal, cosine and sine of twice the angle.
        - `position_x`, `position_y`: of the object's centroid from the middle, pixels, right and up, -4.5 to 4.5.
        - `scale`: radius in pixels of a disc of the object's area, 4.5 to 7.
        - `rotation`: degrees counterclockwise, -25 to 25. It cannot be seen in circles and rings.

        The phase of the stripes and the noise are drawn, too, and not listed.
        """
        return factors_of(drawn(self.seed, 0, self.n))

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Render the image at a position."""
        index = checked_position(index, self.n)
        return _block(self.seed, index // _BLOCK)[index % _BLOCK].copy()

    def image_size(self, index: int) -> tuple[int, int]:
        """(32, 32) at every position."""
        return IMAGE_SIZE, IMAGE_SIZE


def rendered(n: Any = DEFAULT_N, seed: Any = 0) -> RenderedSource:
    """Return rendered images with known factors; see `RenderedSource`.

    Args:
        n: number of images, 1..2,000,000.
        seed: which set, not negative.

    Example:
        >>> images = rendered(3, seed=5)
        >>> images.ids
        ('rendered/5/000000', 'rendered/5/000001', 'rendered/5/000002')
        >>> images.labels.shape
        (3,)
    """
    return RenderedSource(n, seed)


def parse_rendered(source: str) -> RenderedSource | None:
    """Return what `rendered`, `rendered:N` or `rendered:N:SEED` asks for; None if the text is something else.

    Raises:
        ValueError: what follows the colon is not one or two whole numbers.

    Example:
        >>> parse_rendered("rendered:50:3").description["seed"]
        3
    """
    scheme, *numbers = source.split(":")
    if scheme != SCHEME:
        return None
    counts = [whole_number(number) for number in numbers]
    if len(numbers) > 2 or None in counts:
        raise ValueError(
            "expected rendered, rendered:N or rendered:N:SEED with whole numbers (N of at most "
            f"{MOST_IMAGES:,}, SEED below 2^63), got {shown(source)}"
        )
    return RenderedSource(*counts)


@functools.lru_cache(maxsize=512)
def _block(seed: int, block: int) -> np.ndarray:
    return render(seed, block * _BLOCK, (block + 1) * _BLOCK)


def render(seed: int, start: int, stop: int) -> UInt8[np.ndarray, "n 32 32 3"]:
    """Return the pixels of consecutive images of a set.

    Args:
        seed: of the set.
        start: index of the first.
        stop: index after the last.

    Example:
        >>> bool((render(0, 0, 9)[5] == render(0, 5, 6)[0]).all())
        True
    """
    values = drawn(seed, start, stop)
    labels = labels_of(values)
    column = {name: value.astype(np.float32)[:, None, None] for name, value in values.items()}
    places = np.arange(IMAGE_SIZE, dtype=np.float32) + 0.5 - IMAGE_SIZE / 2
    right, up = places[None, None, :], -places[None, :, None]

    across = column["texture_orientation"] + np.float32(np.pi / 2)
    along = right * np.cos(across) + up * np.sin(across)
    turns = 2 ** column["texture_frequency"] * (2 * np.pi / IMAGE_SIZE) * along
    stripes = STRIPES * np.sin(turns + column["texture_phase"])

    x, y = right - column["position_x"], up - column["position_y"]
    angle = np.deg2rad(column["rotation"])
    turned = (
        (x * np.cos(angle) + y * np.sin(angle)) / column["scale"],
        (y * np.cos(angle) - x * np.sin(angle)) / column["scale"],
    )
    distance = np.empty(stripes.shape, np.float32)
    for label in np.unique(labels):
        of_class = labels == label
        distance[of_class] = signed_distance(SHAPES[label], turned[0][of_class], turned[1][of_class])
    # A pixel is covered in proportion to its distance from the outline: one pixel of soft edge.
    covered = np.clip(0.5 - distance * column["scale"], 0, 1)[..., None]

    ground = values["background_luminance"]
    background = _colour(ground, values["background_hue"], np.full(len(labels), BACKGROUND_SATURATION))
    object_ = _colour(ground + values["contrast"], values["object_hue"], values["object_saturation"])
    picture = covered * object_ + (1 - covered) * (background + stripes[..., None])
    numbers = picture[0].size
    noise = stream(seed, 1, start, numbers // 2).random(picture.shape, np.float32)
    return np.rint(255 * np.clip(picture + NOISE * (2 * noise - 1), 0, 1)).astype(np.uint8)


def _colour(luminance: np.ndarray, hue: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    """`[n, 1, 1, 3]`: grey of a luma, moved in the plane of equal luma."""
    step = np.cos(hue)[:, None] * _RED + np.sin(hue)[:, None] * _YELLOW
    return (luminance[:, None] + saturation[:, None] * step)[:, None, None].astype(np.float32)


def _equal_luma_axes() -> tuple[np.ndarray, np.ndarray]:
    red = np.array([LUMA[1], -LUMA[0], 0.0])
    yellow = np.cross(np.array(LUMA), red)
    return red / np.linalg.norm(red), yellow / np.linalg.norm(yellow)


_RED, _YELLOW = _equal_luma_axes()
