"""What a computation will hold and cost, decided before it starts."""

import os
from dataclasses import dataclass, replace
from typing import Literal

import jax

from .counting import check_row_sums, sums_fit
from .halves import half_bytes
from .host.tiles import tile_bytes
from .padding import COLUMN_MULTIPLE, padded_features, padded_samples
from .placement import Placement

Passes = Literal["one-pass", "two-pass"]
Ranking = Literal["count", "sort", "tile"]

_ROW_STEPS = (1024, 512, 256, 128, 64, 32, 16, 8)
_ENOUGH_ROWS = 128
_CPU_BLOCK_BUDGET = 1 << 30
_CPU_FEATURE_SHARE = 0.25
SORT_FROM_THRESHOLDS = 24
"""On CPU, from this many thresholds per row on, sorting the row once beats counting against each. Measured by
`python -m benchmarks crossover`."""


_MOST_TILED = 1 << 18
"""Above this many samples too many scores lie within the bounds that tiles compare with."""

_WORDS = {"count": "counting", "sort": "sorting", "tile": "tiles"}
_HALVES = {True: "from the same strips", False: "one by one"}


@dataclass(frozen=True)
class Workload:
    """The shape of an all-pairs computation.

    Attributes:
        n_samples: Samples, the columns of every strip.
        n_queries: Rows that are worked out, at most `n_samples`.
        widths: Number of features of every layer.
        k: Largest number of neighbours.
        symmetric: Whether a pair of samples has one product, whichever comes first; given distances need not.
        rounded: Whether features are rounded before they are multiplied.
        n_splits: Splits of the samples whose halves are measured, too.
        grouped: Whether rows leave out the samples of their group.
        shares: Whether halves are measured from the strips of the whole.
    """

    n_samples: int
    n_queries: int
    widths: tuple[int, ...]
    k: int
    symmetric: bool = True
    rounded: bool = False
    n_splits: int = 0
    grouped: bool = False
    shares: bool = False

    @property
    def n_thresholds(self) -> int:
        """Thresholds per row and target layer."""
        return len(self.widths) * self.k


@dataclass(frozen=True)
class Plan:
    """How a workload will be done.

    Attributes:
        passes: `one-pass` keeps the strips of all layers of a block of rows; `two-pass` finds all neighbours first
            and then holds one layer at a time.
        rows: Query rows per block.
        ranking: `count` against each threshold, a bucket `sort` of each row, or, in the second of two passes, from
            each `tile` of the symmetric matrix for its rows and its columns; the last two on one CPU device.
        n_padded: Columns, padding included.
        n_bytes: Peak device memory of features and blocks, over all devices.
        distances: Number of scores that are worked out.
        flops: Multiplications and additions of the Gram products.
        itemsize: Bytes of a score.
        keeps_layers: Whether two passes keep every layer on its devices in between, rather than read it twice.
        n_splits: Splits of the samples whose halves are measured, too.
        sharing: Whether the halves are measured from the strips of the whole, on one CPU device, rather than one by
            one.
    """

    passes: Passes
    rows: int
    ranking: Ranking
    n_padded: int
    n_bytes: int
    distances: int
    flops: int
    itemsize: int = 4
    keeps_layers: bool = False
    n_splits: int = 0
    sharing: bool = False

    def __str__(self) -> str:
        """One line for a person."""
        halves = "" if not self.n_splits else f"{2 * self.n_splits} halves {_HALVES[self.sharing]}, "
        return (
            f"{self.passes}, blocks of {self.rows} rows, ranks by {_WORDS[self.ranking]}, {halves}"
            f"{self.distances:.3g} distances, {self.flops / 1e12:.3g} TFLOP, about {self.n_bytes / 2**20:.0f} MiB"
        )


def make_plan(
    work: Workload,
    placement: Placement | None = None,
    *,
    budget: int | None = None,
    passes: Passes | None = None,
    ranking: Ranking | None = None,
    itemsize: int = 4,
    sharing: bool | None = None,
) -> Plan:
    """Choose passes, block size and ranking for a workload, and how halves are measured.

    Args:
        work: The workload.
        placement: Devices; default one.
        budget: Bytes that features and blocks may take on all devices together. Default on CPU: 1 GiB for the
            blocks and, for the features, what they take up to a quarter of the machine's memory; on other
            devices 60 % of their memory.
        passes: Force the number of passes.
        ranking: Force the way ranks are found.
        itemsize: Bytes of a score, 4 or 8.
        sharing: Force halves to be measured from the strips of the whole, or one by one.

    Returns:
        The plan.

    Raises:
        ValueError: If not even the smallest block fits the budget (says the smallest budget that works), or for a
            ranking that does not exist for this workload.

    Example:
        >>> make_plan(Workload(1000, 1000, (64, 64), 1)).passes
        'one-pass'
    """
    placement = placement or Placement()
    n_padded = padded_samples(work.n_samples, COLUMN_MULTIPLE * placement.n_shards)
    budget = budget if budget is not None else _default_budget(work, placement, n_padded, itemsize)
    regimes: tuple[Passes, ...] = ("one-pass", "two-pass") if passes is None else (passes,)
    on_host = placement.on_one_cpu
    if sharing and not on_host:
        raise ValueError("sharing=True does not exist here: halves share strips on one CPU device; leave it out.")
    shares = [each for each in (True, False) if sharing in (None, each) and (on_host or not each)]
    works = [replace(work, shares=each and work.n_splits > 0) for each in (shares if work.n_splits else [False])]
    ways: list[tuple[Workload, Passes, Ranking]] = [
        (each, regime, way)
        for each in works
        for regime in regimes
        for way in _rankings(each, placement, regime, ranking)
    ]
    if not ways:
        if ranking == "count" or not on_host:
            check_row_sums(work.n_samples, work.k)
        raise ValueError(
            f"ranking={ranking!r} does not exist here: 'sort' and 'tile' run on one CPU device, 'tile' in two passes "
            "over all samples, at full precision, without groups or halves and not on given distances. Use 'count', "
            "or leave it to the planner."
        )
    all_rows = _row_choices(work)
    # Small blocks make poor matrix products: two passes over large ones cost less.
    large = tuple(r for r in all_rows if r >= min(_ENOUGH_ROWS, all_rows[0]))
    for choices in (large, all_rows[len(large) :]):
        for each, regime, way in ways:
            for rows in choices:
                n_bytes = _bytes(each, regime, way, rows, n_padded, itemsize)
                if n_bytes <= budget:
                    plan = Plan(
                        regime, rows, way, n_padded, n_bytes, *_cost(each, regime, way), itemsize,
                        n_splits=work.n_splits, sharing=each.shares,
                    )  # fmt: skip
                    return _with_layers_kept(plan, work, budget)
    smallest = min(_bytes(*way, all_rows[-1], n_padded, itemsize) for way in ways)
    raise ValueError(
        f"a memory budget of {budget:,} bytes does not hold one block of rows for {len(work.widths)} layers of "
        f"{work.n_samples:,} samples; the smallest that works is {smallest:,} bytes."
    )


def check_passes(passes: str | None) -> Passes | None:
    """The regime by its name, or None.

    Raises:
        ValueError: For any other name.

    Example:
        >>> check_passes("one-pass")
        'one-pass'
    """
    if passes not in (None, "one-pass", "two-pass"):
        raise ValueError(f"plan must be 'one-pass', 'two-pass' or None, got {passes!r}.")
    return passes  # pyright: ignore[reportReturnType]


def halved(plan: Plan, work: Workload) -> Plan | None:
    """The same plan with blocks of half the rows, or None when there is nothing to halve.

    Example:
        >>> work = Workload(1000, 1000, (64,), 1)
        >>> halved(make_plan(work), work).rows
        512
    """
    if plan.rows <= _ROW_STEPS[-1]:
        return None
    now, then = (
        _bytes(replace(work, shares=plan.sharing), plan.passes, plan.ranking, rows, plan.n_padded, plan.itemsize)
        for rows in (plan.rows, plan.rows // 2)
    )
    return replace(plan, rows=plan.rows // 2, n_bytes=plan.n_bytes - now + then)


def _with_layers_kept(plan: Plan, work: Workload, budget: int) -> Plan:
    """The plan with all layers resident where two passes have the memory for it."""
    features = _feature_bytes(work, plan.n_padded, plan.itemsize)
    n_bytes = plan.n_bytes - max(features) + sum(features)
    if plan.passes == "one-pass" or n_bytes > budget:
        return plan
    return replace(plan, n_bytes=n_bytes, keeps_layers=True)


def _row_choices(work: Workload) -> tuple[int, ...]:
    enough = next((r for r in reversed(_ROW_STEPS) if r >= work.n_queries), _ROW_STEPS[0])
    return tuple(r for r in _ROW_STEPS if r <= enough)


def _feature_bytes(work: Workload, n_padded: int, itemsize: int) -> list[int]:
    return [itemsize * n_padded * (padded_features(d) + 1) for d in work.widths]


def _rankings(work: Workload, placement: Placement, regime: Passes, forced: Ranking | None) -> tuple[Ranking, ...]:
    """The ways that exist, best first."""
    on_host = placement.on_one_cpu
    all_rows = regime == "two-pass" and work.n_queries == work.n_samples
    tiled = on_host and all_rows and work.symmetric and not (work.rounded or work.grouped or work.shares)
    exist: dict[Ranking, bool] = {"count": sums_fit(work.n_samples, work.k), "sort": on_host, "tile": tiled}
    pays = _nanoseconds_of_tiles(work) < 0 and work.n_samples <= _MOST_TILED
    sorts = work.n_thresholds >= SORT_FROM_THRESHOLDS
    preferred: tuple[Ranking, ...] = ("tile",) * pays + (("sort", "count") if sorts else ("count",))
    preferred = (*preferred, "sort") if "sort" not in preferred else preferred
    return tuple(way for way in (preferred if forced is None else (forced,)) if exist[way])


def _nanoseconds_of_tiles(work: Workload) -> float:
    """What ranking from tiles costs more than sorting, for each score, on two cores.

    Tiles save nearly half of the products and compare every score with every threshold.
    """
    features = sum(work.widths) / len(work.widths)
    return 0.04 * work.n_thresholds - 0.0044 * features - 0.7


def _bytes(work: Workload, passes: Passes, ranking: Ranking, rows: int, n_padded: int, itemsize: int) -> int:
    features = _feature_bytes(work, n_padded, itemsize)
    strip = itemsize * rows * n_padded
    # Counting holds one accumulator of 16 lanes per threshold; the other ways the columns of a block.
    ranks = 4 * rows * work.n_thresholds * (16 if ranking == "count" else 4)
    if work.shares:
        ranks += half_bytes(rows, len(work.widths), work.n_splits, work.k)
    # Halves that are measured one by one stand beside the layers that they are taken from.
    taken = work.n_splits > 0 and not work.shares
    if passes == "one-pass":
        return sum(features) * (2 + taken) // 2 + (strip * len(work.widths) + ranks)
    if work.shares:
        ranks += 4 * work.n_queries * work.n_thresholds * work.n_splits
    neighbours = 8 * work.n_queries * work.n_thresholds
    if ranking == "tile":
        neighbours += tile_bytes(work.n_samples, work.n_thresholds, itemsize) + max(features)
    # The host's padded copy of the next layer stands beside the resident one.
    return 2 * max(features) + strip + ranks + neighbours


def _cost(work: Workload, passes: Passes, ranking: Ranking) -> tuple[int, int]:
    # The first of two passes works out half a symmetric matrix, and so does the second from tiles.
    effort = 1.5 if passes == "two-pass" and ranking != "tile" else 1.0
    if work.shares and passes == "two-pass":
        effort = 2.0
    elif work.n_splits and not work.shares:
        effort *= 1 + work.n_splits / 2
    per_layer = work.n_queries * work.n_samples
    return int(effort * per_layer * len(work.widths)), int(effort * 2 * per_layer * sum(work.widths))


def _default_budget(work: Workload, placement: Placement, n_padded: int, itemsize: int) -> int:
    if placement.platform == "cpu":
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 << 30
        features = sum(_feature_bytes(work, n_padded, itemsize))
        return _CPU_BLOCK_BUDGET + min(features, int(_CPU_FEATURE_SHARE * memory))
    device = placement.device or (placement.mesh.devices.flat[0] if placement.mesh else jax.devices()[0])
    stats = device.memory_stats() or {}
    return int(0.6 * stats.get("bytes_limit", 8 << 30)) * placement.n_shards
