"""The settings of a comparison, checked before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from jaxsim.metrics.half_samples import MOST_SPLITS
from jaxsim.metrics.preprocessing import checked_quantiles

Metric = Literal["euclidean", "cosine", "correlation"]
Ties = Literal["index", "expected"]
Granularity = Literal["block", "hf"]
Precision = Literal["float64", "highest", "high", "fast"]
Passes = Literal["one-pass", "two-pass"]

#: Fewer splits into halves leave too few degrees of freedom for an interval.
LEAST_SPLITS = 2

#: Called as `progress(done, total, what)`.
Progress = Callable[[int, int, str], None]

CHOICES = {
    "metric": get_args(Metric),
    "ties": get_args(Ties),
    "granularity": get_args(Granularity),
    "precision": get_args(Precision),
    "plan": (None, *get_args(Passes)),
}


@dataclass(frozen=True)
class Settings:
    """How models are compared; see `compare` for the meaning of each field."""

    n_samples: int | None = None
    pool: str = "mean"
    k: tuple[int, ...] = (1,)
    metric: Metric = "euclidean"
    n_queries: int | None = None
    ties: Ties = "index"
    seed: int = 0
    granularity: Granularity = "block"
    batch_size: int = 32
    strict: bool = False
    image_size: tuple[int, int] | int | None = None
    overwrite: bool = False
    precision: Precision = "highest"
    plan: Passes | None = None
    devices: int | None = None
    verify: bool = False
    clip: tuple[float, float] | None = None
    drop_duplicates: bool = False
    statistics: bool | int | tuple[int, int] = False
    n_splits: int | None = None


def checked_settings(*, k: int | Sequence[int], **fields: Any) -> Settings:
    """Settings whose values are possible on their own.

    Args:
        k: One number of neighbours or several.
        **fields: The other fields of `Settings`.

    Returns:
        The settings, with `k` as a tuple in increasing order.

    Raises:
        ValueError: If a value is out of range or not among the choices.

    Example:
        >>> checked_settings(k=[10, 1]).k
        (1, 10)
        >>> checked_settings(k=0)
        Traceback (most recent call last):
        ...
        ValueError: expected every k to be an integer of at least 1, got 0; k=1 is the nearest neighbour alone
    """
    ks = (k,) if isinstance(k, int) else tuple(sorted(k))
    for each in ks:
        if not _is_count(each):
            raise ValueError(
                f"expected every k to be an integer of at least 1, got {each!r}; k=1 is the nearest neighbour alone"
            )
    if not ks or len(set(ks)) != len(ks):
        raise ValueError(f"expected at least one k and each once, got {list(ks)}")
    for name, least in (("n_samples", 1), ("n_queries", 2), ("devices", 1)):
        value = fields.get(name)
        if value is not None and not _is_count(value, least):
            raise ValueError(
                f"expected {name} to be an integer of at least {least}, got {value!r}; leave it out to use "
                "all there are"
            )
    if not _is_count(fields.get("batch_size", 1)):
        raise ValueError(f"expected batch_size to be an integer of at least 1, got {fields['batch_size']!r}")
    if not _is_count(fields.get("seed", 0), 0):
        raise ValueError(f"expected seed to be an integer of at least 0, got {fields['seed']!r}")
    if fields.get("n_splits") is not None and not _is_count(fields["n_splits"], 0):
        raise ValueError(f"expected n_splits to be an integer of at least 0, got {fields['n_splits']!r}")
    if fields.get("n_splits") and not LEAST_SPLITS <= fields["n_splits"] <= MOST_SPLITS:
        raise ValueError(
            f"expected n_splits from {LEAST_SPLITS} to {MOST_SPLITS}, or 0 for no intervals, got {fields['n_splits']!r}"
        )
    for name, choices in CHOICES.items():
        if name in fields and fields[name] not in choices:
            raise ValueError(
                f"expected {name} to be one of {', '.join(str(c) for c in choices if c)}, got {fields[name]!r}"
            )
    if fields.get("clip") is not None:
        fields["clip"] = checked_quantiles(fields["clip"])
    statistics = fields.get("statistics", False)
    sizes = statistics if isinstance(statistics, tuple) else (statistics,)
    if not isinstance(statistics, bool) and (len(sizes) > 2 or not all(_is_count(size, 8) for size in sizes)):
        raise ValueError(
            "expected statistics to be True, False, or the size of the images as an edge or (height, width) of at "
            f"least 8 pixels, got {statistics!r}"
        )
    return Settings(k=ks, **fields)


def check_sample_count(n: int, settings: Settings) -> None:
    """Refuses settings that need more samples than there are.

    Args:
        n: Number of samples all models share.
        settings: The settings.

    Raises:
        ValueError: If there are fewer than k + 2 samples, or fewer than queries.
    """
    k = max(settings.k)
    if n < k + 2:
        raise ValueError(
            f"expected at least k + 2 = {k + 2} samples for k={k}, got {n}; give more images or a smaller k"
        )
    if settings.n_queries is not None and settings.n_queries > n:
        raise ValueError(f"expected n_queries of at most the {n} samples, got {settings.n_queries}; lower or omit it")


def renamed(progress: Progress | None, what: str) -> Progress | None:
    """The same callable with a `what` of the study's own, which names the model.

    Example:
        >>> renamed(lambda *each: print(each), "features of vit")(1, 2, "images")
        (1, 2, 'features of vit')
    """
    return None if progress is None else lambda done, total, _what: progress(done, total, what)


def _is_count(value: object, least: int = 1) -> bool:
    """Whether a value is an integer of at least `least` (True is not a number here)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
