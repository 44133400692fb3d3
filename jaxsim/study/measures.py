"""Which measures a study takes beside the information imbalance, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxsim.metrics import CondensedDistances, LayerMeasure, Measure, find_measures
from jaxsim.metrics.condensed import check_condensed
from jaxsim.metrics.measure_checks import neighbours_of, takes_all_pairs
from jaxsim.metrics.orientation import check_turnable


def checked_measures(ks: tuple[int, ...], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Further measures than the information imbalance, which is always there, and measures of one layer.

    Args:
        ks: Numbers of neighbours.
        fields: Of the settings: `measures`, `describe` and `n_queries`, as given.

    Returns:
        `measures` and `describe` as tuples of measures.

    Raises:
        ValueError: For an unknown measure, a similarity that cannot be turned into a dissimilarity, a measure of all
            pairs of samples where query rows are asked for, or too small a k.

    Example:
        >>> [each.name for each in checked_measures((1,), {"measures": "cka"})["measures"]]
        ['cka']
    """
    found: dict[str, Any] = {}
    for name, kind in (("measures", Measure), ("describe", LayerMeasure)):
        given = fields.get(name)
        if given is None or (isinstance(given, (tuple, list)) and not given):
            found[name] = ()
            continue
        found[name] = tuple(each for each in find_measures(given, kind) if each.name != "information_imbalance")
    for each in found["measures"]:
        check_turnable(each)
        if fields.get("n_queries") is not None and takes_all_pairs(each):
            raise ValueError(
                f"{each.name!r} takes all pairs of samples, expected no n_queries, got {fields['n_queries']!r}; leave "
                "n_queries out, or take fewer images with n_samples"
            )
    for each in (*found["measures"], *found["describe"]):
        if each.uses_k and min(ks) < each.least_k:
            raise ValueError(
                f"expected k of at least {each.least_k} for {each.name!r}, got k={min(ks)}; give a larger k or leave "
                "the measure out"
            )
    return found


def check_measures_fit(
    measures: Sequence[Measure | LayerMeasure],
    *,
    n_samples: int,
    ks: Sequence[int],
    n_splits: int,
    widths: Mapping[str, Sequence[int]],
) -> None:
    """Refuses measures that the samples or the features of a study do not allow.

    Args:
        measures: Which.
        n_samples: Number of samples N.
        ks: Numbers of neighbours.
        n_splits: Number of splits into halves.
        widths: Model name -> number of features of every step.

    Raises:
        ValueError: For steps of one feature where rows are correlated, halves that are too small, or pairs of samples
            that do not fit the memory.

    Example:
        >>> check_measures_fit((), n_samples=100, ks=(1,), n_splits=8, widths={})
    """
    # Halves of 16 groups may differ by a group's rest.
    smallest = n_samples if n_splits == 0 else n_samples // 2 - 8
    for each in measures:
        if any(getattr(need, "metric", None) == "correlation" for need in each.needs):
            narrow = next((name for name, own in widths.items() if min(own) < 2), None)
            if narrow is not None:
                raise ValueError(
                    f"expected at least two features a step where rows are correlated ({each.name!r}), but {narrow!r} "
                    "has a step with one; leave the step (drop_steps) or the measure out"
                )
        needed = max(each.least_samples, neighbours_of(each, max(ks)) + 2)
        if n_splits and smallest < needed:
            raise ValueError(
                f"expected halves of at least {needed} samples for {each.name!r}, got about {smallest}; use "
                "n_splits=0, more images, or a smaller k"
            )
        if any(isinstance(need, CondensedDistances) for need in each.needs):
            check_condensed(n_samples, sum(len(own) for own in widths.values()))
