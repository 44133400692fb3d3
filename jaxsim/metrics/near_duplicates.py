"""Samples that are near copies of each other: crops, frames, re-encodings, augmentations of one picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from jaxsim_kernels import nearest_samples
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components

from jaxsim.arguments import check_count, shown
from jaxsim.metrics.inputs import as_representation, check_values
from jaxsim.wording import counted

NEIGHBOURS = 32
HIGHEST_RATIO = 0.4
CHANCE_PAIRS = 0.5
_FEWEST_SAMPLES = 8
_FLOAT64_UPTO = 1024
_SHOWN_GROUPS, _SHOWN_IDS = 3, 4
_CHUNK_VALUES = 1 << 23
# Parts of a sample's length: what float32 loses of distances, where neighbours get lost, and how many may.
_ROUNDING, _LOST, _MOST_LOST = 2e-3, 5e-3, 0.01


@dataclass(frozen=True)
class NearDuplicates:
    """Which samples are near copies of each other.

    Attributes:
        groups: `[n_samples]`, number of each sample's group, counted in order of first appearance; a sample without
            copies is a group of its own.
        pairs: `[n_pairs, 2]`, the pairs of near copies, smaller index first.
        n_groups: Number of groups of at least two samples.
        threshold: Largest distance of near copies, as a ratio of the distance of the K-th neighbour; 0 where only
            equal samples count.
        dimension: Intrinsic dimension of the samples that the threshold was chosen for, NaN for fewer than 8 samples.
        rule: The rule in words.
        ids: Of the samples, in order.
    """

    groups: Int[np.ndarray, " n_samples"]
    pairs: Int[np.ndarray, "n_pairs 2"]
    n_groups: int
    threshold: float
    dimension: float
    rule: str
    ids: tuple[str, ...]

    @property
    def n_copies(self) -> int:
        """Number of samples that have a near copy."""
        return sum(len(members) for members in self.members())

    def members(self) -> list[tuple[str, ...]]:
        """The ids in each group of at least two samples, largest group first."""
        order = np.argsort(self.groups, kind="stable")
        _, starts = np.unique(self.groups[order], return_index=True)
        groups = [part for part in np.split(order, starts[1:]) if len(part) > 1]
        groups.sort(key=lambda part: (-len(part), int(part[0])))
        return [tuple(self.ids[int(i)] for i in part) for part in groups]

    def __str__(self) -> str:
        """What was found, in two lines."""
        n = len(self.groups)
        if not self.n_groups:
            return f"no near copies among {n:,} samples\nrule: {self.rule}"
        return f"{self.n_copies:,} of {n:,} samples are near copies, in {self.shown()}\nrule: {self.rule}"

    def shown(self) -> str:
        """The number of groups, and the largest by their ids."""
        parts = []
        for group in self.members()[:_SHOWN_GROUPS]:
            more = len(group) - _SHOWN_IDS
            parts.append("(" + ", ".join(group[:_SHOWN_IDS]) + (f" and {more:,} more)" if more > 0 else ")"))
        others = " and others" if self.n_groups > _SHOWN_GROUPS else ""
        return f"{counted(self.n_groups, 'group')}: {', '.join(parts)}{others}"


def near_duplicates(
    x: Any, ids: Sequence[str] | None = None, *, ratio: float | None = None, neighbours: int = NEIGHBOURS
) -> NearDuplicates:
    """Finds groups of samples that are near copies of each other.

    Two samples are near copies when they are equal, or when their distance is below `ratio` times the distance from
    either of them to its K-th neighbour (K = 32, a quarter of the samples if there are fewer than 128). The K-th
    neighbour lies beyond the copies, so the scale is that of the samples around, also where every sample has copies. In
    a space of intrinsic dimension d, where distances to neighbours grow as K^(1/d), chance alone brings a pair of N
    samples that near about N (K - 1) ratio^d times. So the default ratio is 0.4, or less where more than 0.5
    such pairs would be expected. The dimension is that of the median sample, log 2 / log(d_K / d_(K/2)).

    Copies are joined to groups along chains of pairs. More than K copies of one picture are a dense region to this
    rule, and not found unless they are equal or `neighbours` is raised: name long films instead of looking for them.

    On thumbnails (`jaxsim.data.thumbnails`) of photographs, re-encodings, noise, resizing and changes of brightness are
    found nearly all, crops of 95 % of the edge three times in four, of 90 % once in three, of 75 % hardly ever. A
    space of few dimensions, such as a mean-pooled step of a small model, tells copies from neighbours less well.

    Args:
        x: `[n_samples, n_features]`: thumbnails, pixels, or any step.
        ids: One for each sample; their positions by default.
        ratio: Of distances, above 0 and below 1, instead of the default.
        neighbours: K, at least 2.

    Returns:
        The groups, pairs, and the rule that was used.

    Raises:
        ValueError: If `x` is not two-dimensional, numeric and finite, or an argument is out of range.

    Source:
        The chance of near pairs: for a uniform density (d_1 / d_K)^d follows Beta(1, K - 1), as in Facco et al., Sci.
        Rep. 2017, and Denti et al., Sci. Rep. 2022.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 20))
        >>> x[60] = x[3] + 0.01
        >>> found = near_duplicates(x)
        >>> found.pairs.tolist(), found.n_groups
        ([[3, 60]], 1)
    """
    real = isinstance(ratio, int | float | np.integer | np.floating) and not isinstance(ratio, bool)
    if ratio is not None and not (real and 0 < float(ratio) < 1):
        raise ValueError(f"ratio must be above 0 and below 1, got {ratio!r}; leave it out for the default.")
    neighbours = check_count("neighbours", neighbours, 2)
    layer = as_representation(x, "x")
    n_samples = int(layer.shape[0])
    if ids is not None and (isinstance(ids, str) or not isinstance(ids, Iterable)):
        raise ValueError(f"expected ids as a sequence with one for each sample, got {shown(ids)}.")
    names = tuple(str(i) for i in range(n_samples)) if ids is None else tuple(ids)
    if len(names) != n_samples:
        raise ValueError(f"expected one id for each of {n_samples} samples, got {len(names)}.")
    check_values({"x": layer}, "euclidean")
    values = np.asarray(layer)
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    if n_samples < _FEWEST_SAMPLES:
        return _grouped(_equal_pairs(values), names, 0.0, float("nan"), "equal samples, too few for distances")
    k = min(int(neighbours), max(2, n_samples // 4))
    dtype = np.float64 if n_samples <= _FLOAT64_UPTO else np.float32
    columns, distances = nearest_samples(values, k, dtype)
    scale, dimension = scale_and_dimension(values, columns)
    if dtype is np.float32 and np.mean((scale > 0) & (scale < _LOST * _norms(values))) > _MOST_LOST:
        columns, distances = nearest_samples(values, k, np.float64)
        scale, dimension = scale_and_dimension(values, columns)
    chosen = float(ratio) if ratio is not None else chance_ratio(n_samples, k, dimension)
    limit = chosen * np.minimum(scale[:, None], scale[columns])
    # The distances of the search only decide which pairs are looked at closely.
    rows, places = np.nonzero(distances <= 1.01 * limit + _ROUNDING * _norms(values)[:, None])
    others = columns[rows, places].astype(np.int64)
    near = exact_distances(values, rows, others) < limit[rows, places]
    pairs = np.sort(np.stack([rows[near], others[near]], axis=1), axis=1)
    rule = (
        f"equal, or nearer than {chosen:.3g} of the distance to neighbour {k} of either, in a space of intrinsic "
        f"dimension {dimension:.1f}"
    )
    return _grouped(np.concatenate([pairs, _equal_pairs(values)]), names, chosen, dimension, rule)


def scale_and_dimension(
    values: Float[np.ndarray, "n_samples n_features"], columns: Int[np.ndarray, "n_samples k"]
) -> tuple[Float[np.ndarray, " n_samples"], float]:
    """Distance of every sample's last neighbour, and the intrinsic dimension that distances grow with.

    Args:
        values: The samples.
        columns: The neighbours of each, nearest first, at least two.

    Returns:
        Distances `[n_samples]` (float64) and log(K / (K/2)) / log(d_K / d_(K/2)) of the median sample: infinite where
        neighbours are all equally far, NaN where most samples have K equal ones.

    Example:
        >>> line = np.arange(100.0)[:, None]
        >>> columns = nearest_samples(line, 8)[0]
        >>> scale_and_dimension(line, columns)[1]
        1.0
    """
    k = columns.shape[1]
    inner = k // 2
    rows = np.arange(len(values))
    outer_distance, inner_distance = (exact_distances(values, rows, columns[:, i - 1]) for i in (k, inner))
    if not np.median(inner_distance) > 0:
        return outer_distance, float("nan")
    growth = float(np.median(outer_distance[inner_distance > 0] / inner_distance[inner_distance > 0]))
    return outer_distance, float(np.log(k / inner) / np.log(growth)) if growth > 1 else float("inf")


def chance_ratio(n_samples: int, k: int, dimension: float) -> float:
    """The ratio of distances below which chance brings at most 0.5 pairs, and at most 0.4.

    Args:
        n_samples: Number of samples N.
        k: Number of neighbours K.
        dimension: Intrinsic dimension d; NaN gives 0.4.

    Example:
        >>> round(chance_ratio(1000, 32, 6.0), 3), chance_ratio(1000, 32, 30.0)
        (0.159, 0.4)
    """
    if np.isnan(dimension):
        return HIGHEST_RATIO
    return float(min(HIGHEST_RATIO, (CHANCE_PAIRS / (n_samples * (k - 1))) ** (1 / dimension)))


def exact_distances(
    values: Float[np.ndarray, "n_samples n_features"],
    first: Int[np.ndarray, " n_pairs"],
    second: Int[np.ndarray, " n_pairs"],
) -> Float[np.ndarray, " n_pairs"]:
    """Euclidean distances of some pairs, from their differences in float64.

    Example:
        >>> exact_distances(np.array([[1e8, 0.0], [1e8, 3.0], [1e8, 4.0]]), np.array([0, 1]), np.array([1, 2])).tolist()
        [3.0, 1.0]
    """
    found = np.empty(len(first))
    step = max(1, _CHUNK_VALUES // values.shape[1])
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        difference = values[first[part]].astype(np.float64) - values[second[part]]
        found[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return found


def _norms(values: np.ndarray) -> np.ndarray:
    """Length of every sample, from the mean of all."""
    mean = values.mean(axis=0, dtype=np.float64)
    step = max(1, _CHUNK_VALUES // values.shape[1])
    parts = [np.linalg.norm(values[start : start + step] - mean, axis=1) for start in range(0, len(values), step)]
    return np.concatenate(parts)


def _equal_pairs(values: np.ndarray) -> np.ndarray:
    """Every sample that is equal to an earlier one, with the first such: any number of copies is found."""
    first: dict[bytes, int] = {}
    pairs = []
    for i, row in enumerate(values):
        # Adding 0 makes -0 and 0 the same bits.
        seen = first.setdefault(hashlib.sha256((row + 0.0).tobytes()).digest(), i)
        if seen != i:
            pairs.append((seen, i))
    return np.array(pairs, np.int64).reshape(-1, 2)


def _grouped(pairs: np.ndarray, ids: tuple[str, ...], threshold: float, dimension: float, rule: str) -> NearDuplicates:
    pairs = np.unique(pairs, axis=0)
    n = len(ids)
    graph = scipy.sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    groups = np.argsort(np.argsort(first))[inverse].astype(np.int64)
    n_groups = int((np.bincount(groups) > 1).sum())
    return NearDuplicates(groups, pairs, n_groups, threshold, dimension, rule, ids)
