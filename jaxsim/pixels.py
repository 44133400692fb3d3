"""Pillow images of every mode to RGB, uint8: one rule, whether a file is read or a picture is handed to a model.

- EXIF orientation is applied, and no other tag is looked at; colour profiles are not applied (no common vision
  pipeline does).
- Transparency (RGBA, LA, palette or colour-key) is composited on white: the colour under a transparent
  pixel is arbitrary.
- 16-bit grey is scaled from its whole range to 0..255 and rounded, never clipped.
- 32-bit integer and float images are refused: nothing in the file says which value is white.
- Of an animation or a file of several pages, the first frame.
"""

import struct

import numpy as np
import PIL.Image
from jaxtyping import UInt8

_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_ORIENTATION = 274
_WITH_ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})
_TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = (5, 6, 7, 8)


def rgb_pixels(image: PIL.Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    """Convert a Pillow image of any mode by the rules of this module.

    Args:
        image: first frame is taken.

    Returns:
        RGB, uint8, 0..255.

    Raises:
        ValueError: a mode without a defined white (32-bit integer, float) or one that Pillow cannot convert.

    Example:
        >>> rgb_pixels(PIL.Image.new("RGBA", (1, 1), (255, 0, 0, 0))).tolist()
        [[[255, 255, 255]]]
    """
    white = _sixteen_bit_white(image)
    inverted = white is not None and _is_white_zero(image)
    # Pillow turns TIFFs by itself as it loads them, so the tag counts after that.
    image.load()
    turn = _TURNS.get(_orientation(image))
    image = image if turn is None else image.transpose(turn)
    if white is not None:
        # By a table: as float64 a large image would take eight times its memory.
        shades = np.clip(np.rint(np.arange(2**16, dtype=np.float64) * (255.0 / white)), 0, 255).astype(np.uint8)
        grey = shades[np.asarray(image)]
        grey = 255 - grey if inverted else grey
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(f"mode {image.mode} (32 bits) has no defined white: save it with 8 or 16 bits per channel")
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        opaque = PIL.Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = PIL.Image.alpha_composite(opaque, image)
    return np.array(image.convert("RGB"))


def shown_size(image: PIL.Image.Image) -> tuple[int, int]:
    """(height, width) of `rgb_pixels`, without a look at the pixels.

    Example:
        >>> shown_size(PIL.Image.new("L", (3, 2)))
        (2, 3)
    """
    on_its_side = _orientation(image) in _ON_THEIR_SIDE
    return (image.width, image.height) if on_its_side else (image.height, image.width)


def _orientation(image: PIL.Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or the block that holds it cannot be read."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except (SyntaxError, struct.error, ValueError, TypeError, KeyError, IndexError, OverflowError):
        return 1
    return int(found) if isinstance(found, (int, float)) and found in _TURNS else 1


def _sixteen_bit_white(image: PIL.Image.Image) -> int | None:
    """The value of full intensity of 16-bit grey (a TIFF may use fewer bits), None for any other mode."""
    if not image.mode.startswith("I;16"):
        return None
    tags = getattr(image, "tag_v2", {})
    return 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1


def _is_white_zero(image: PIL.Image.Image) -> bool:
    """Whether a TIFF counts darkness; Pillow turns 8-bit ones around and leaves 16-bit ones as they are."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
