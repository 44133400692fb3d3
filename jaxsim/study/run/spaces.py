"""Spaces beside the models' steps: low-level statistics of the images, and spaces a user brings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxsim.metrics.dissimilarities import Dissimilarities
from jaxsim.study.run.settings import Settings
from jaxsim.study.run.space_kinds import explain_categories, given_dissimilarities, refuse_dissimilarities
from jaxsim.study.run.statistics import STATISTICS, Statistics

Arrays = dict[str, np.ndarray | Dissimilarities]


@dataclass(frozen=True)
class Spaces:
    """Spaces to measure beside the models' steps, not yet computed.

    Attributes:
        names: Of the spaces, in order.
        origins: Name -> "low-level statistics" or "given".
        key: JSON-able, changes whenever the arrays would.
        view: JSON-able account of the pixels behind the statistics; empty without statistics.
        make: Computes the arrays `[n_kept, n_features]` of the rows that are kept of the study's samples, in order; of
            a space of dissimilarities, those between them.
        messages: What a user should know of the spaces given.
    """

    names: tuple[str, ...]
    origins: dict[str, str]
    key: list[Any]
    view: dict[str, Any]
    make: Callable[[np.ndarray], Arrays]
    messages: tuple[str, ...] = ()


def check_spaces(given: Any, settings: Settings) -> None:
    """Refuses what can be known to be wrong before any work is done.

    Args:
        given: The user's spaces, None for none.
        settings: The settings; `statistics` says whether low-level statistics are wanted.

    Raises:
        ValueError: If names clash, or a space is not an array of one row per sample, or looks like a matrix of
            dissimilarities.
    """
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise ValueError(
            f"expected spaces as a mapping from name to array [n_samples, n_features], got a {type(given).__name__}"
        )
    for name, value in given.items():
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(f"expected the name of a space to be a text without '/', got {name!r}; rename it")
        if settings.statistics is not False and name in STATISTICS:
            raise ValueError(f"the name {name!r} is that of a low-level statistic; rename the space")
        if not isinstance(value, Mapping | Dissimilarities):
            refuse_dissimilarities(name, _as_rows(name, value))


def open_spaces(
    given: Mapping[str, Any] | None,
    *,
    statistics: Statistics | None,
    ids: Sequence[str],
    source_ids: Sequence[str],
) -> Spaces | None:
    """The spaces of a study, aligned with its samples.

    Args:
        given: Name -> array with one row per sample of the study, or per sample it was drawn from; or name ->
            mapping from sample id to a row; or name -> `Dissimilarities` between these samples.
        statistics: The low-level statistics of the samples, if wanted; z-scored over the rows that are kept.
        ids: The samples of the study.
        source_ids: The samples it was drawn from, before a subset was drawn and damaged images were left out.

    Returns:
        The spaces, None if there are none.

    Raises:
        ValueError: If a space has another number of rows, lacks a sample, or is not numeric.
    """
    arrays: Arrays = {
        name: given_dissimilarities(name, value, ids, source_ids)
        if isinstance(value, Dissimilarities)
        else given_rows(name, value, ids, source_ids)
        for name, value in (given or {}).items()
    }
    names = (() if statistics is None else STATISTICS) + tuple(arrays)
    if not names:
        return None

    def make(rows: np.ndarray) -> Arrays:
        found = {} if statistics is None else statistics.spaces([ids[int(i)] for i in rows])
        return found | {
            name: x.select(rows) if isinstance(x, Dissimilarities) else x[rows] for name, x in arrays.items()
        }

    return Spaces(
        names=names,
        origins={name: "given" if name in arrays else "low-level statistics" for name in names},
        key=[*([] if statistics is None else statistics.key), *_hashes(arrays)],
        view={} if statistics is None else statistics.view,
        make=make,
        messages=tuple(said for name, x in arrays.items() if (said := explain_categories(name, x))),
    )


def given_rows(
    name: str, value: Any, ids: Sequence[str], source_ids: Sequence[str]
) -> Float[np.ndarray, "n_samples n_features"]:
    """A user's space with one row per sample of the study, in its order.

    Args:
        name: Of the space.
        value: Array `[n, n_features]` or `[n]`, with one row for each of `ids` or for each of `source_ids`; or a
            mapping from sample id to a row.
        ids: The samples of the study.
        source_ids: The samples it was drawn from.

    Returns:
        The rows, float64.

    Raises:
        ValueError: For another number of rows, a sample without a row, or values that are not finite numbers.

    Example:
        >>> given_rows("scale", [1.0, 2.0, 3.0], ids=["a", "c"], source_ids=["a", "b", "c"]).tolist()
        [[1.0], [3.0]]
    """
    if isinstance(value, Mapping):
        missing = next((each for each in ids if each not in value), None)
        if missing is not None:
            raise ValueError(
                f"expected a row for every sample in the space {name!r}, but {missing!r} has none; "
                "give a mapping from every sample id to its row"
            )
        return _as_rows(name, [value[each] for each in ids])
    rows = _as_rows(name, value)
    if len(rows) == len(ids):
        return rows
    if len(rows) == len(source_ids):
        place = {each: i for i, each in enumerate(source_ids)}
        return rows[[place[each] for each in ids]]
    there = f"{len(ids)} samples of the study" + (
        f" or the {len(source_ids)} it was drawn from" if len(source_ids) != len(ids) else ""
    )
    raise ValueError(
        f"expected one row for each of the {there} in the space {name!r}, got {len(rows)}; "
        "a mapping from sample id to row aligns by itself"
    )


def _as_rows(name: str, value: Any) -> np.ndarray:
    try:
        given = np.asarray(value)
        texts = given.dtype.kind == "O" and any(isinstance(each, str | bytes) for each in given.flat)
        if given.dtype.kind in "SU" or texts:
            raise ValueError("it holds text; categories are given as labels=")
        rows = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected numbers in the space {name!r}, got {type(value).__name__}: {error}") from error
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(
            f"expected the space {name!r} as an array [n_samples, n_features] or [n_samples], got {list(rows.shape)}"
        )
    if not np.isfinite(rows).all():
        first = int(np.argmin(np.isfinite(rows).all(axis=1)))
        raise ValueError(f"expected finite numbers in the space {name!r}, but row {first} has NaN or infinity")
    return rows


def _hashes(arrays: Arrays) -> list[Any]:
    return [
        [name, hashlib.sha256(np.ascontiguousarray(np.asarray(x)).tobytes()).hexdigest()] for name, x in arrays.items()
    ]
