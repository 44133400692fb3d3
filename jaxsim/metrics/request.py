"""What a measurement of several layers is asked for, checked before any work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.sharding import Mesh
from jaxsim_kernels import Metric, Options, Placement, Progress, check_metric, check_precision, make_placement
from jaxsim_kernels.plan import check_passes

from jaxsim.arguments import check_count, check_flag, check_progress

from .dissimilarities import Dissimilarities, select_samples
from .half_samples import balanced_halves, check_groups
from .information_imbalance import check_ties
from .inputs import as_distances, as_layers, check_ks, check_same_samples, plain_k
from .preprocessing import clip_quantiles, distinct_samples


@dataclass(frozen=True)
class Request:
    """What a pass is asked for, checked; see `imbalance_matrix` for what each means.

    Attributes:
        named: Layers by name, as they are measured.
        metrics: Of each layer.
        metric: The one asked for.
        ks: Numbers of neighbours, as given.
        several: Whether they were given as a tuple.
        kept: Samples that are measured, numbers among those given.
        n_given: Number of samples given.
        queries: Query rows among the samples measured, or None for all.
        sides: Splits into halves, or None.
        groups: Group of every sample measured, or None.
        placement: Devices.
        options: For the kernels, but for the layers in float64.
        seed: That drew query rows and halves.
        progress: Called on the way.
    """

    named: dict[str, Any]
    metrics: tuple[Metric, ...]
    metric: Metric
    ks: tuple[int, ...]
    several: bool
    kept: np.ndarray
    n_given: int
    queries: np.ndarray | None
    sides: np.ndarray | None
    groups: np.ndarray | None
    placement: Placement
    options: Options
    seed: int
    progress: Progress | None

    @property
    def n_samples(self) -> int:
        """Number of samples N that are measured."""
        return len(self.kept)

    @property
    def ordered(self) -> tuple[int, ...]:
        """Numbers of neighbours, increasing: the order of what is found."""
        return tuple(sorted(self.ks))

    @property
    def places(self) -> Any:
        """Where the numbers of neighbours as given stand among the ordered ones; one number if one was given."""
        return [self.ordered.index(value) for value in self.ks] if self.several else 0

    @property
    def dropped(self) -> np.ndarray:
        """Samples that were dropped as duplicates."""
        return np.setdiff1d(np.arange(self.n_given), self.kept)

    @property
    def arrays(self) -> list[Any]:
        """The layers in order."""
        return list(self.named.values())


def check_request(
    layers: Any,
    *,
    k: Any = 1,
    metric: str = "euclidean",
    clip: Any = None,
    drop_duplicates: bool = False,
    n_queries: int | None = None,
    seed: int = 0,
    ties: str = "index",
    strict: bool = False,
    precision: str = "highest",
    plan: str | None = None,
    budget: int | None = None,
    devices: Sequence[Any] | int | None = None,
    mesh: Mesh | None = None,
    n_splits: int = 0,
    groups: Any = None,
    keep_rows: bool = False,
    keep_neighbours: bool = False,
    progress: Progress | None = None,
) -> Request:
    """Check everything that `imbalance_matrix` and `measure` share, before any work.

    Raises:
        ValueError: See `imbalance_matrix`.

    Example:
        >>> check_request([np.ones((4, 2))], k=(2, 1)).ordered
        (1, 2)
    """
    checked_metric, checked_precision = check_metric(metric), check_precision(precision)
    checked_ties = check_ties(ties)
    strict, drop_duplicates = check_flag("strict", strict), check_flag("drop_duplicates", drop_duplicates)
    keep_rows, keep_neighbours = check_flag("keep_rows", keep_rows), check_flag("keep_neighbours", keep_neighbours)
    seed, n_splits = check_count("seed", seed, 0), check_count("n_splits", n_splits, 0)
    if budget is not None:
        budget = check_count("budget", budget, 1, " (bytes); leave it out for the memory there is")
    check_passes(plan)
    check_progress(progress)
    named = as_layers(layers)
    n_given = check_same_samples(named)
    # A layer of dissimilarities is what it is, whatever the metric of the others.
    metrics: tuple[Metric, ...] = tuple(
        "precomputed" if isinstance(x, Dissimilarities) else checked_metric for x in named.values()
    )
    kept = np.arange(n_given)
    if drop_duplicates or clip is not None:
        named, kept = _preprocessed(named, clip, drop_duplicates, metrics)
    n = len(kept)
    for (name, x), own in zip(tuple(named.items()), metrics, strict=True):
        named[name] = as_distances({name: x})[name] if own == "precomputed" else x
    ks = check_ks(k, n)
    queries = draw_queries(n, n_queries, seed)
    numbers = None if groups is None else check_groups(groups, n_given)[kept]
    _check_group_sizes(numbers, ks)
    return Request(
        named=named,
        metrics=metrics,
        metric=checked_metric,
        ks=ks,
        several=isinstance(plain_k(k), tuple),
        kept=kept,
        n_given=n_given,
        queries=queries,
        sides=_drawn_sides(n, n_splits, seed, numbers, queries, ks),
        groups=numbers,
        placement=make_placement(devices, mesh),
        options=Options(
            ks=tuple(sorted(ks)),
            metric=checked_metric if set(metrics) == {checked_metric} else metrics,
            ties=checked_ties,
            strict=strict,
            precision=checked_precision,
            budget=budget,
            passes=check_passes(plan),
            keep_rows=keep_rows,
            keep_neighbours=keep_neighbours,
        ),
        seed=seed,
        progress=progress,
    )


def _check_group_sizes(groups: np.ndarray | None, ks: tuple[int, ...]) -> None:
    """Refuses groups that leave a sample fewer than k + 1 others."""
    if groups is None:
        return
    sizes = np.bincount(groups)
    if len(groups) - sizes.max() < max(ks) + 1:
        raise ValueError(
            f"expected at least k + 1 = {max(ks) + 1} samples outside of every group, but one holds {sizes.max()} of "
            f"the {len(groups)} samples; use smaller groups or a smaller k."
        )


def _drawn_sides(
    n: int, n_splits: int, seed: int, groups: np.ndarray | None, queries: np.ndarray | None, ks: tuple[int, ...]
) -> np.ndarray | None:
    """Splits into halves that are large enough to be measured, or None where none were asked for."""
    if n_splits == 0:
        return None
    sides = balanced_halves(n, n_splits, seed=seed, groups=groups)
    rows = sides if queries is None else sides[:, queries]
    smallest = min(int(min(half.sum(), len(half) - half.sum())) for half in rows)
    largest_group = 1 if groups is None else int(np.bincount(groups).max())
    needed = max(ks) + 1 + largest_group
    least = min(int(min(half.sum(), len(half) - half.sum())) for half in sides)
    if least < needed or smallest < 2:
        raise ValueError(
            f"expected halves of at least {needed} samples and 2 query rows for half-samples with k={max(ks)}, got "
            f"{least} and {smallest}; use n_splits=0, more samples or query rows, or a smaller k."
        )
    return sides


def _preprocessed(
    named: dict[str, Any], clip: Any, drop_duplicates: bool, metrics: tuple[Metric, ...]
) -> tuple[dict[str, Any], np.ndarray]:
    """The layers as they are to be measured, and the samples kept."""
    if "precomputed" in metrics:
        raise ValueError(
            "clip and drop_duplicates work on representations, not on distances (metric='precomputed', "
            "Dissimilarities); apply them before the distances are computed."
        )
    if clip is not None:
        named = {name: clip_quantiles(x, clip) for name, x in named.items()}
    n = next(iter(named.values())).shape[0]
    kept = distinct_samples(named) if drop_duplicates else np.arange(n)
    if len(kept) < n:
        named = {name: select_samples(x, kept) for name, x in named.items()}
    return named, kept


def draw_queries(n_samples: int, n_queries: int | None, seed: int) -> np.ndarray | None:
    """Sorted sample indices of the query rows, or None for all of them.

    Raises:
        ValueError: If `n_queries` is not between 2 and the number of samples.

    Example:
        >>> len(draw_queries(100, 10, seed=0))
        10
    """
    if n_queries is None:
        return None
    n_queries = check_count("n_queries", n_queries, 0)
    if not 2 <= n_queries <= n_samples:
        raise ValueError(f"n_queries must be between 2 and the number of samples {n_samples}, got {n_queries}.")
    if n_queries == n_samples:
        return None
    return np.sort(np.random.default_rng(seed).choice(n_samples, n_queries, replace=False))
