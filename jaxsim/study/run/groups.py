"""Samples that belong together: groups that a user names, and near copies found before anything is measured."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxsim_kernels import nearest_samples
from jaxtyping import Int

from jaxsim.features import FeatureSet
from jaxsim.features.statistics import THUMBNAIL
from jaxsim.metrics import DegenerateLayerWarning, NearDuplicates, near_duplicates
from jaxsim.metrics.inputs import check_values
from jaxsim.metrics.near_duplicates import NEIGHBOURS, scale_and_dimension
from jaxsim.rows import SelectedRows
from jaxsim.study.run.samples import rows_of
from jaxsim.study.run.statistics import Statistics

NEAR_DUPLICATES = "near_duplicates"
#: Part of the samples that may have a near copy without a warning: as much as may have a tie.
QUIET_SHARE = 0.01
#: And so many in any case: chance alone brings half a pair.
QUIET_COPIES = 5
_MOST_LOOKED_AT = 512


class NearDuplicateWarning(UserWarning):
    """So many near copies among the samples that they decide the neighbours at small k."""


def check_groups(given: Any) -> None:
    """Refuses groups that are of no kind that `open_groups` takes, before any work is done.

    Args:
        given: The user's `groups`.

    Raises:
        ValueError: Says what kinds there are.

    Example:
        >>> check_groups("near_duplicates")
    """
    text = isinstance(given, str | bytes)
    if given is None or (text and given == NEAR_DUPLICATES) or isinstance(given, Mapping):
        return
    if text or not hasattr(given, "__len__"):
        came = repr(given) if text else f"a {type(given).__name__}"
        raise ValueError(
            f"expected groups as {NEAR_DUPLICATES!r}, 'column:NAME' for a column of the images, a sequence with the "
            f"group of every sample, or a mapping from sample id to group, got {came}"
        )


def open_groups(
    given: Any, ids: Sequence[str], source_ids: Sequence[str], *, copies: Callable[[], NearDuplicates]
) -> Int[np.ndarray, " n_samples"] | None:
    """The group of every sample of a study.

    Args:
        given: None; "near_duplicates"; a sequence with the group (any text or number) of each of `ids` or of each of
            `source_ids`; or a mapping from sample id to group.
        ids: The samples of the study.
        source_ids: The samples it was drawn from.
        copies: Finds the near copies among `ids`; called for "near_duplicates" alone.

    Returns:
        Group numbers `[n_samples]` (int64), counted in order of first appearance; None for None.

    Raises:
        ValueError: For another number of groups, a sample without one, or fewer than two groups.

    Example:
        >>> film = ["a", "a", "b", "a"]
        >>> open_groups(film, ["0", "2", "3"], ["0", "1", "2", "3"], copies=lambda: near_duplicates([[0.0]])).tolist()
        [0, 1, 0]
    """
    check_groups(given)
    if given is None:
        return None
    if isinstance(given, str):
        return copies().groups
    values = _aligned(given, ids, source_ids)
    numbers: dict[Any, int] = {}
    for sample, value in zip(ids, values, strict=True):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise ValueError(
                f"expected a group for every sample, but that of {sample!r} is {value!r}; give a sample that belongs "
                "to no other a group of its own"
            )
        try:
            numbers.setdefault(value, len(numbers))
        except TypeError as error:
            raise ValueError(
                f"expected every group as a text or a number, got a {type(value).__name__} for {sample!r}"
            ) from error
    if len(numbers) < 2:
        raise ValueError(f"expected at least two groups, but all {len(ids)} samples are in {next(iter(numbers))!r}")
    return np.array([numbers[value] for value in values], np.int64)


def find_copies(
    features: Mapping[str, FeatureSet], ids: Sequence[str], statistics: Statistics | None = None
) -> NearDuplicates:
    """Looks for near copies among the samples of a study, in one space that is there already.

    With low-level statistics it is that of the thumbnails, which were made in the same reading of the images. Without,
    no image is decoded for it: it is the step, of all models, that has the highest intrinsic dimension (on up to 512
    samples), for the more dimensions, the clearer a copy stands out from neighbours.

    Args:
        features: Model name -> features; hold all of `ids`.
        ids: The samples.
        statistics: The statistics of the samples, if there are any.

    Returns:
        What was found; its `rule` names the space.

    Raises:
        ValueError: As `near_duplicates`.
    """
    if statistics is not None:
        where, space, own = "thumbnails of the images", statistics.features[THUMBNAIL], statistics.features.sample_ids
    else:
        model, step = _most_dimensions(features, ids)
        where, space, own = f"step {model}/{step}", features[model][step], features[model].sample_ids
    rows = rows_of(ids, own)
    with warnings.catch_warnings():
        # Of a space without variance it is said where it is measured.
        warnings.simplefilter("ignore", DegenerateLayerWarning)
        if statistics is None:
            _check_step(where.removeprefix("step "), space, rows)
        found = near_duplicates(np.asarray(space if rows is None else SelectedRows(space, rows)), ids)
    return dataclasses.replace(found, rule=f"in {where}: {found.rule}")


def warning_of(copies: NearDuplicates) -> NearDuplicateWarning | None:
    """What to say about near copies: nothing if less than 1 % of the samples has one.

    Example:
        >>> twice = near_duplicates([[0.0], [1.0], [2.0]] * 2)
        >>> str(warning_of(twice)).partition(":")[0]
        '6 of 6 samples are near copies, in 3 groups'
    """
    n_samples = len(copies.groups)
    if copies.n_copies <= QUIET_COPIES or copies.n_copies < QUIET_SHARE * n_samples:
        return None
    # Thumbnails know of pictures alone; a step may also hold what it was trained to.
    doubt = (
        " A step may hold a class as tightly as copies: look at the pictures of one group first."
        if copies.rule.startswith("in step ")
        else ""
    )
    return NearDuplicateWarning(
        f"{copies.n_copies:,} of {n_samples:,} samples are near copies, in {copies.shown()}.{doubt} Copies are nearest "
        "neighbours of each other in nearly every step, so at small k they answer for each other and steps look more "
        f"alike than they are. Pass groups={NEAR_DUPLICATES!r} to leave neighbours of the same group out, groups= to "
        "name groups of your own, or drop_duplicates=True to drop those that are equal in every step. "
        f"({copies.rule[:1].upper()}{copies.rule[1:]}.)"
    )


def _aligned(given: Any, ids: Sequence[str], source_ids: Sequence[str]) -> list[Any]:
    """The groups as given, one for each of `ids`."""
    if isinstance(given, Mapping):
        missing = next((each for each in ids if each not in given), None)
        if missing is not None:
            raise ValueError(
                f"expected a group for every sample, but {missing!r} has none; give a mapping from every sample id to "
                "its group"
            )
        return [given[each] for each in ids]
    values = np.asarray(given).tolist() if hasattr(given, "__array__") else list(given)
    if len(values) == len(ids):
        return values
    if len(values) == len(source_ids):
        place = {each: i for i, each in enumerate(source_ids)}
        return [values[place[each]] for each in ids]
    there = f"{len(ids)} samples of the study" + (
        f" or the {len(source_ids)} it was drawn from" if len(source_ids) != len(ids) else ""
    )
    raise ValueError(
        f"expected a group for each of the {there}, got {len(values)}; a mapping from sample id to group aligns by "
        "itself"
    )


def _check_step(name: str, step: Any, rows: np.ndarray | None) -> None:
    """Refuses values that are not finite, under the name and the sample that a user knows."""
    check_values({name: step if rows is None else SelectedRows(step, rows)}, "euclidean")


def _most_dimensions(features: Mapping[str, FeatureSet], ids: Sequence[str]) -> tuple[str, str]:
    """Model and step of the highest intrinsic dimension; of equal ones the first by name, whatever the order."""
    looked_at = np.unique(np.linspace(0, len(ids) - 1, min(len(ids), _MOST_LOOKED_AT)).round().astype(np.int64))
    k = min(NEIGHBOURS, max(2, len(looked_at) // 4), len(looked_at) - 1)
    found: list[tuple[float, str, str]] = []
    for model, each in features.items():
        rows = rows_of(ids, each.sample_ids)
        chosen = looked_at if rows is None else rows[looked_at]
        for step in each:
            values = np.asarray(each[step][chosen], np.float64)
            if not np.isfinite(values).all():
                _check_step(f"{model}/{step}", each[step], rows)
            dimension = scale_and_dimension(values, nearest_samples(values, k, np.float64)[0])[1]
            # Without distances, or with all alike, there is nothing that a copy could stand out from.
            found.append((-dimension if np.isfinite(dimension) else 0.0, model, step))
    _, model, step = min(found)
    return model, step
