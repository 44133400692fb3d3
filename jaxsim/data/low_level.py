"""Low-level image statistics as spaces, to be compared with the steps of a model."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

from jaxsim.data.image_statistics import GROUPS, image_statistics

# Resampling in float32 may leave the range by a rounding error, never by more.
_OUTSIDE = 1e-3
# Deviations below this part of the largest value are rounding errors of float32.
_CONSTANT = 1e-6


def low_level_spaces(
    pixels: np.ndarray | Iterable[np.ndarray],
) -> dict[str, Float[np.ndarray, "n_samples n_statistics"]]:
    """Return the low-level statistics of images as spaces: one for each group, and `all` together.

    Every statistic is z-scored over the images (population standard deviation), so each has the same weight in the
    distances; one that is the same for all images (hue in grey pictures) becomes 0 and has none.
    `information_imbalance(step, space)` then tells how much a step knows of it.

    Args:
        pixels: `[N, H, W, 3]`, RGB, 0..1, as `StatisticsView.prepare` makes them of images; or batches of them,
            which are read one at a time.

    Returns:
        float32 arrays `[N, n]`, keys `luminance`, `colour`, `frequency`, `orientation`, `layout` (see
        `image_statistics`) and `all`.

    Raises:
        ValueError: no images, not `[N, H, W, 3]`, values outside 0..1 (normalised pixels), NaN.

    Example:
        >>> import jaxsim.data
        >>> images = jaxsim.data.open_images("digits").subset(50)
        >>> view = jaxsim.data.statistics_view(images)
        >>> spaces = low_level_spaces(batch.pixels for batch in jaxsim.data.load_batches(images, view.prepare, 32))
        >>> {group: space.shape[1] for group, space in spaces.items()}
        {'luminance': 5, 'colour': 19, 'frequency': 7, 'orientation': 9, 'layout': 16, 'all': 56}
    """
    batches = [pixels] if isinstance(pixels, np.ndarray) else pixels
    collected: dict[str, list[np.ndarray]] = {group: [] for group in GROUPS}
    for batch in batches:
        _check_pixels(batch)
        for group, values in image_statistics(batch).items():
            collected[group].append(np.asarray(values))
    if not collected[GROUPS[0]]:
        raise ValueError("expected at least one batch of images, came none")
    return scored_spaces({group: np.concatenate(parts) for group, parts in collected.items()})


def scored_spaces(
    statistics: Mapping[str, Float[np.ndarray, "n_samples _"]],
) -> dict[str, Float[np.ndarray, "n_samples _"]]:
    """Return statistics as spaces: z-scored over these samples, and `all` of them side by side.

    Args:
        statistics: group -> values `[N, n]`, as `image_statistics` gives them.

    Example:
        >>> spaces = scored_spaces({"luminance": np.array([[1.0], [3.0]]), "colour": np.array([[1.0], [0.0]])})
        >>> spaces["all"].tolist()
        [[-1.0, 1.0], [1.0, -1.0]]
    """
    spaces = {group: z_scored(values) for group, values in statistics.items()}
    return spaces | {"all": np.concatenate(list(spaces.values()), axis=1)}


def z_scored(values: Float[np.ndarray, "n_samples n_features"]) -> Float[np.ndarray, "n_samples n_features"]:
    """Shift and scale every column to mean 0 and standard deviation 1; a constant column becomes 0.

    Example:
        >>> z_scored(np.array([[1.0, 7.0], [3.0, 7.0]])).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    wide = values.astype(np.float64)
    deviation = wide.std(axis=0)
    constant = deviation <= _CONSTANT * np.abs(wide).max(axis=0)
    scaled = (wide - wide.mean(axis=0)) / np.where(constant, 1, deviation)
    return np.where(constant, 0, scaled).astype(values.dtype)


def _check_pixels(pixels: np.ndarray) -> None:
    expected = "expected pixels [N, H, W, 3] from 0 to 1, not normalised"
    if pixels.ndim != 4 or pixels.shape[-1] != 3 or 0 in pixels.shape:
        raise ValueError(f"{expected}, came an array of shape {list(pixels.shape)}")
    if not np.issubdtype(pixels.dtype, np.floating):
        raise ValueError(f"{expected}, came {pixels.dtype}: divide 8-bit pixels by 255")
    low, high = pixels.min(), pixels.max()
    # Written so that NaN is refused, too.
    if not (low >= -_OUTSIDE and high <= 1 + _OUTSIDE):
        raise ValueError(f"{expected}, came values from {low:.3g} to {high:.3g}: undo the normalisation")
