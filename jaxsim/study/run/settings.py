"""The settings of a comparison, checked before any work is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from jaxsim.arguments import (
    MOST_EDGE,
    as_count,
    check_choice,
    check_count,
    check_flag,
    check_image_size,
    neighbour_counts,
    shown,
)
from jaxsim.metrics import LayerMeasure, Measure
from jaxsim.metrics.half_samples import MOST_SPLITS
from jaxsim.metrics.preprocessing import checked_quantiles
from jaxsim.study.run.measures import checked_measures
from jaxsim.study.selection import Globs, checked_globs

Metric = Literal["euclidean", "cosine", "correlation"]
Ties = Literal["index", "expected"]
Granularity = Literal["block", "hf"]
Precision = Literal["float64", "highest", "high", "fast"]
Passes = Literal["one-pass", "two-pass"]

#: Fewer splits into halves leave too few degrees of freedom for an interval.
LEAST_SPLITS = 2

#: Integer fields and their least values.
COUNTS = {"n_samples": 1, "n_queries": 2, "devices": 1, "batch_size": 1, "seed": 0}
FLAGS = ("strict", "overwrite", "drop_duplicates", "verify_images", "intersect")

#: Called as `progress(done, total, what)`.
Progress = Callable[[int, int, str], None]

CHOICES = {
    "metric": get_args(Metric),
    "ties": get_args(Ties),
    "granularity": get_args(Granularity),
    "precision": get_args(Precision),
    "plan": get_args(Passes),
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
    steps: Globs | None = None
    drop_steps: Globs | None = None
    verify_images: bool = False
    intersect: bool = False
    measures: tuple[Measure, ...] = ()
    describe: tuple[LayerMeasure, ...] = ()


def checked_settings(*, k: Any, **fields: Any) -> Settings:
    """Settings whose values are possible on their own.

    Integers may be Python's or NumPy's; True and False are no integers here.

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
    ks = tuple(sorted(neighbour_counts(k)))
    pool = fields.get("pool", "mean")
    if not isinstance(pool, str):
        raise ValueError(f"expected pool to be 'mean', 'cls', 'flatten' or 'spatial:P', got {shown(pool)}")
    for name, least in COUNTS.items():
        if name in fields and fields[name] is not None:
            fields[name] = _checked_count(name, fields[name], least)
        elif name in ("batch_size", "seed") and name in fields:
            raise ValueError(f"expected {name} to be an integer of at least {least}, got None")
    if fields.get("n_splits") is not None:
        fields["n_splits"] = _checked_splits(fields["n_splits"])
    for name in FLAGS:
        if name in fields:
            fields[name] = check_flag(name, fields[name])
    if "verify" in fields and not isinstance(fields["verify"], bool | np.bool_):
        fields["verify"] = check_count("verify", fields["verify"], 1, "; True takes 32 rows, False none")
    fields |= checked_measures(ks, fields)
    for name in ("steps", "drop_steps"):
        if name in fields:
            fields[name] = checked_globs(name, fields[name])
    if fields.get("image_size") is not None:
        height_and_width, edge = check_image_size(fields["image_size"]), as_count(fields["image_size"])
        fields["image_size"] = height_and_width if edge is None else edge
    for name, choices in CHOICES.items():
        if name in fields and not (name == "plan" and fields[name] is None):
            check_choice(name, fields[name], choices)
    if fields.get("clip") is not None:
        fields["clip"] = checked_quantiles(fields["clip"])
    statistics = fields.get("statistics", False)
    if not isinstance(statistics, bool):
        sizes = [as_count(size) for size in (statistics if isinstance(statistics, tuple) else (statistics,))]
        if len(sizes) > 2 or any(size is None or not 8 <= size <= MOST_EDGE for size in sizes):
            raise ValueError(
                "expected statistics to be True, False, or the size of the images as an edge or (height, width) of 8 "
                f"to {MOST_EDGE} pixels, got {shown(statistics)}"
            )
        fields["statistics"] = tuple(sizes) if isinstance(statistics, tuple) else sizes[0]
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
    for each in (*settings.measures, *settings.describe):
        if n < each.least_samples:
            raise ValueError(
                f"expected at least {each.least_samples} samples for {each.name!r}, got {n}; give more images or leave "
                "the measure out"
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


def _checked_count(name: str, value: Any, least: int) -> int:
    optional = name in ("n_samples", "n_queries", "devices")
    return check_count(name, value, least, "; leave it out to use all there are" if optional else "")


def _checked_splits(value: Any) -> int:
    count = as_count(value)
    if count is None or not (count == 0 or LEAST_SPLITS <= count <= MOST_SPLITS):
        raise ValueError(
            f"expected n_splits to be an integer from {LEAST_SPLITS} to {MOST_SPLITS}, or 0 for no intervals, got "
            f"{shown(value)}; leave it out for 8 where there are samples enough"
        )
    return count
