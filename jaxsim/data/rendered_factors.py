"""What the rendered images are made of: object class and low-level factors, drawn independently of each other."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float, Int

from jaxsim.arguments import shown, whole_number
from jaxsim.data.low_level import z_scored
from jaxsim.data.rendered_shapes import SHAPES

MOST_IMAGES = 2_000_000
IMAGE_SIZE = 32
# Ranges of the uniform draws, in the order of the columns of the stream: never reorder, only append.
RANGES: dict[str, tuple[float, float]] = {
    "label": (0, len(SHAPES)),
    "object_hue": (0, 2 * np.pi),
    "object_saturation": (0.03, 0.2),
    "background_hue": (0, 2 * np.pi),
    "background_luminance": (0.17, 0.47),
    "contrast": (0.1, 0.3),
    "texture_frequency": (np.log2(2.5), np.log2(8)),
    "texture_orientation": (0, np.pi),
    "texture_phase": (0, 2 * np.pi),
    "position_x": (-4.5, 4.5),
    "position_y": (-4.5, 4.5),
    "scale": (4.5, 7),
    "rotation": (-25, 25),
}
# Angles become cosine and sine of so many times the angle; stripes look the same after half a turn.
_TURNS = {"object_hue": 1, "background_hue": 1, "texture_orientation": 2}
_NUISANCES = ("label", "texture_phase")
# Philox makes four numbers at a time, so a row must hold a multiple of four.
_COLUMNS = 16


def stream(seed: int, kind: int, start: int, numbers_per_image: int) -> np.random.Generator:
    """Return random numbers positioned at an image, so that what an image gets depends on seed and index alone.

    Args:
        seed: of the set.
        kind: which of the set's streams.
        start: index of the image.
        numbers_per_image: 64-bit numbers that each image takes, a multiple of four.
    """
    bits = np.random.Philox(np.random.SeedSequence([seed, kind]))
    bits.advance(start * numbers_per_image // 4)
    return np.random.Generator(bits)


def drawn(seed: int, start: int, stop: int) -> dict[str, Float[np.ndarray, " n"]]:
    """Return what is drawn for consecutive images: one array for each of `RANGES`.

    Example:
        >>> bool(drawn(0, 0, 9)["scale"][7] == drawn(0, 7, 8)["scale"][0])
        True
    """
    uniform = stream(seed, 0, start, _COLUMNS).random((stop - start, _COLUMNS))
    return {
        name: low + (high - low) * column
        for (name, (low, high)), column in zip(RANGES.items(), uniform.T[: len(RANGES)], strict=True)
    }


def labels_of(values: dict[str, Float[np.ndarray, " n"]]) -> Int[np.ndarray, " n"]:
    """Return the positions of the object classes in `SHAPES`."""
    return np.floor(values["label"]).astype(np.int64)


def factors_of(values: dict[str, Float[np.ndarray, " n"]]) -> dict[str, Float[np.ndarray, "n ..."]]:
    """Return the low-level factors of what was drawn, float64; see `RenderedSource.factors`."""
    return {
        name: np.stack([np.cos(_TURNS[name] * value), np.sin(_TURNS[name] * value)], axis=-1)
        if name in _TURNS
        else value
        for name, value in values.items()
        if name not in _NUISANCES
    }


def factor_spaces(ids: Sequence[str]) -> dict[str, Float[np.ndarray, "n_samples n_features"]]:
    """Return the true factors of rendered images as spaces: one for each factor, and `all` low-level ones together.

    Like `low_level_spaces`, but nothing is estimated: an id says how its image was made. `class` is one-hot: its
    distances are full of ties, so measure it with `ties="expected"`; it is not part of `all`.

    Args:
        ids: of rendered images in any order, such as `source.subset(500).ids` or the sample ids of a study.

    Returns:
        float32 arrays `[N, d]`, d = 2 for angles (cosine and sine) and 1 for the others, z-scored by column.

    Raises:
        ValueError: no ids, or one that is not of a rendered image.

    Example:
        >>> spaces = factor_spaces(["rendered/0/000003", "rendered/0/000001"])
        >>> spaces["object_hue"].shape, spaces["all"].shape, spaces["class"].shape
        ((2, 2), (2, 14), (2, 10))
    """
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise ValueError(f"expected the ids of rendered images as a sequence of texts, got {shown(ids)}")
    made = [_parsed(name) for name in ids]
    if not made:
        raise ValueError("expected the ids of at least one rendered image, came none")
    seeds, indices = np.array([seed for seed, _ in made], object), np.array([index for _, index in made])
    labels = np.zeros(len(made), np.int64)
    factors: dict[str, np.ndarray] = {}
    for seed in dict.fromkeys(seeds.tolist()):
        rows = np.flatnonzero(seeds == seed)
        first = int(indices[rows].min())
        values = drawn(seed, first, int(indices[rows].max()) + 1)
        labels[rows] = labels_of(values)[indices[rows] - first]
        for name, value in factors_of(values).items():
            column = value.reshape(len(value), -1)
            factors.setdefault(name, np.zeros((len(made), column.shape[1])))[rows] = column[indices[rows] - first]
    spaces = {name: z_scored(value).astype(np.float32) for name, value in factors.items()}
    spaces["all"] = np.concatenate(list(spaces.values()), axis=1)
    return spaces | {"class": np.eye(len(SHAPES), dtype=np.float32)[labels]}


def _parsed(name: str) -> tuple[int, int]:
    """Seed and index of an id."""
    parts = str(name).split("/")
    seed, index = (whole_number(part) for part in parts[1:]) if len(parts) == 3 else (None, None)
    if parts[0] != "rendered" or seed is None or index is None or index >= MOST_IMAGES:
        raise ValueError(
            f"expected ids of rendered images such as 'rendered/0/000123', got {shown(name)}: "
            'true factors are known of the images of open_images("rendered") alone'
        )
    return seed, index
