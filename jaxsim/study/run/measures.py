"""Which measures a study takes beside the information imbalance, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsim.metrics import CondensedDistances, Dissimilarities, LayerMeasure, Measure, find_measures
from jaxsim.metrics.condensed import check_condensed
from jaxsim.metrics.measure_checks import (
    correlates,
    in_index_order,
    neighbours_of,
    takes_all_pairs,
    takes_features,
)
from jaxsim.metrics.orientation import check_turnable


def checked_measures(ks: tuple[int, ...], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Further measures than the information imbalance, which is always there, and measures of one layer.

    Args:
        ks: Numbers of neighbours.
        fields: Of the settings: `measures`, `describe`, `n_queries` and `ties`, as given.

    Returns:
        `measures` and `describe` as tuples of measures.

    Raises:
        ValueError: For an unknown measure, a similarity that cannot be turned into a dissimilarity, a measure of all
            samples where query rows are asked for, one of neighbours in index order with another order, or too small
            a k.

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
    for each in (*found["measures"], *found["describe"]):
        if fields.get("n_queries") is not None and (takes_all_pairs(each) or each.all_rows):
            raise ValueError(
                f"{each.name!r} takes all pairs of samples, expected no n_queries, got {fields['n_queries']!r}; leave "
                "n_queries out, or take fewer samples with n_samples"
            )
        if fields.get("ties", "index") != "index" and in_index_order(each):
            raise ValueError(f"{each.name!r} takes neighbours in index order, expected ties='index'")
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
    spaces: Mapping[str, Any] | None = None,
) -> None:
    """Refuses measures that the samples, the features or the spaces of a study do not allow.

    Args:
        measures: Which.
        n_samples: Number of samples N.
        ks: Numbers of neighbours.
        n_splits: Number of splits into halves.
        widths: Model name -> number of features of every step.
        spaces: Spaces beside the steps, as given.

    Raises:
        ValueError: For steps or spaces of one feature where rows are correlated, spaces of dissimilarities where
            features are needed, too few samples or too small halves, or pairs of samples that do not fit the memory.

    Example:
        >>> check_measures_fit((), n_samples=100, ks=(1,), n_splits=8, widths={})
    """
    # Halves of 16 groups may differ by a group's rest.
    smallest = n_samples if n_splits == 0 else n_samples // 2 - 8
    for each in measures:
        _check_spaces(each, spaces or {})
        if correlates(each):
            narrow = next((name for name, own in widths.items() if min(own) < 2), None)
            if narrow is not None:
                raise ValueError(
                    f"expected at least two features a step where rows are correlated ({each.name!r}), but {narrow!r} "
                    "has a step with one; leave the step (drop_steps) or the measure out"
                )
        needed = max(each.least_samples, neighbours_of(each, max(ks)) + 2)
        if smallest < needed:
            which = "halves of at least" if n_splits else "at least"
            cure = "n_splits=0, more samples" if n_splits else "more samples"
            raise ValueError(
                f"expected {which} {needed} samples for {each.name!r}, got {'about ' * bool(n_splits)}{smallest}; use "
                f"{cure} or a smaller k"
            )
        if any(isinstance(need, CondensedDistances) for need in each.needs):
            check_condensed(n_samples, sum(len(own) for own in widths.values()) + len(spaces or {}))


def _check_spaces(measure: Measure | LayerMeasure, spaces: Mapping[str, Any]) -> None:
    """Refuses spaces that a measure cannot be worked out of."""
    for name, value in spaces.items():
        if isinstance(value, Dissimilarities):
            if takes_features(measure):
                option = "measures" if isinstance(measure, Measure) else "describe"
                others = (
                    "rsa, distance_correlation or mutual_knn" if option == "measures" else "twonn_likelihood or hubness"
                )
                raise ValueError(
                    f"expected features for {measure.name!r} ({option}), got the space {name!r} as dissimilarities; "
                    f"leave the space or the measure out, or take a measure of distances such as {others}"
                )
        elif correlates(measure):
            rows = next(iter(value.values()), 0.0) if isinstance(value, Mapping) else value
            shape = np.shape(rows)[0 if isinstance(value, Mapping) else 1 :]
            if int(np.prod(shape)) < 2:
                raise ValueError(
                    f"expected at least two features where rows are correlated ({measure.name!r}), got the space "
                    f"{name!r} with one; leave the space or the measure out"
                )
