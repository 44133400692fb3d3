"""What the values of settings may be, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxsim.arguments import MOST_EDGE, as_count, check_count, check_flag, check_image_size, is_flag, shown

#: Fewer splits into halves leave too few degrees of freedom for an interval.
LEAST_SPLITS = 2


def check_optional_count(name: str, value: Any, *, least: int) -> int:
    """An integer of at least `least`, for an option that may be left out.

    Example:
        >>> check_optional_count("n_samples", 0, least=1)
        Traceback (most recent call last):
        ...
        ValueError: expected n_samples to be an integer of at least 1, got 0; leave it out to use all there are
    """
    return check_count(name, value, least, "; leave it out to use all there are")


def check_required_count(name: str, value: Any, *, least: int) -> int:
    """An integer of at least `least`."""
    return check_count(name, value, least)


def check_verify(name: str, value: Any) -> bool | int:
    """True, False or a number of rows."""
    return bool(value) if is_flag(value) else check_count(name, value, 1, "; True takes 32 rows, False none")


def check_clip(_: str, value: Any) -> tuple[float, float]:
    """Two quantiles."""
    from jaxsim.metrics.preprocessing import checked_quantiles

    return checked_quantiles(value)


def check_splits(name: str, value: Any) -> int:
    """A number of splits into halves.

    Example:
        >>> check_splits("n_splits", 8)
        8
    """
    from jaxsim.metrics.half_samples import MOST_SPLITS

    count = as_count(value)
    if count is None or not (count == 0 or LEAST_SPLITS <= count <= MOST_SPLITS):
        raise ValueError(
            f"expected {name} to be an integer from {LEAST_SPLITS} to {MOST_SPLITS}, or 0 for no intervals, got "
            f"{shown(value)}; leave it out for 8 where there are samples enough"
        )
    return count


def check_statistics_size(name: str, value: Any) -> bool | int | tuple[int, int]:
    """True, False, or the size of the images that statistics are computed from.

    Example:
        >>> check_statistics_size("statistics", [96, 64])
        (96, 64)
    """
    if is_flag(value):
        return check_flag(name, value)
    several = isinstance(value, (tuple, list))
    sizes = [as_count(size) for size in (value if several else (value,))]
    found = [size for size in sizes if size is not None and 8 <= size <= MOST_EDGE]
    if len(found) != len(sizes) or len(found) != (2 if several else 1):
        raise ValueError(
            f"expected {name} to be True, False, or the size of the images as an edge or (height, width) of 8 to "
            f"{MOST_EDGE} pixels, got {shown(value)}"
        )
    return (found[0], found[-1]) if several else found[0]


def checked_pool(name: str, value: Any) -> str | dict[str, str]:
    """A pooling, or one for each of some models.

    Example:
        >>> checked_pool("pool", {"vit": "cls"})
        {'vit': 'cls'}
    """
    from jaxsim.features.pools import rows_per_image

    by_model = dict(value) if isinstance(value, Mapping) else {"": value}
    odd = [each for each in by_model.values() if not isinstance(each, str)]
    if odd or not by_model or not all(isinstance(each, str) for each in by_model):
        raise ValueError(
            f"expected {name} as 'mean', 'cls', 'max', 'spatial:P' or another pooling, or a mapping from models to "
            f"these, got {shown(odd[0] if odd else value)}"
        )
    if (tokens := next((each for each in by_model.values() if rows_per_image(each) > 1), None)) is not None:
        raise ValueError(
            f"expected {name} to make one sample of an image, got {tokens!r}; extract features with it "
            "(jaxsim.features.extract) and compare those, with their groups"
        )
    return by_model if isinstance(value, Mapping) else value


def checked_size(_: str, value: Any) -> tuple[int, int] | int | dict[str, tuple[int, int] | int]:
    """A size of images, or one for each of some models.

    Example:
        >>> checked_size("image_size", {"vit": [96, 64]})
        {'vit': (96, 64)}
    """
    if isinstance(value, Mapping):
        if not value:
            raise ValueError("expected image_size to name at least one model, got an empty mapping; leave it out")
        return {str(model): _one_size(size) for model, size in value.items()}
    return _one_size(value)


def _one_size(value: Any) -> tuple[int, int] | int:
    height_and_width, edge = check_image_size(value), as_count(value)
    if height_and_width is None:
        raise ValueError(f"expected image_size as an edge or (height, width) of 1 to {MOST_EDGE} pixels, got None")
    return height_and_width if edge is None else edge
