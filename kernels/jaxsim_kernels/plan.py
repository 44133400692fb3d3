"""What a computation will hold and cost, decided before it starts."""

from dataclasses import dataclass, replace
from itertools import product

from .counting import check_row_sums, sums_fit
from .memory import default_budget
from .padding import COLUMN_MULTIPLE, padded_samples
from .placement import Placement
from .plan_costs import arithmetic_of, feature_bytes, nanoseconds_of_tiles, peak_bytes
from .workload import Passes, Ranking, Sharded, Workload

__all__ = ["Passes", "Plan", "Ranking", "Sharded", "Workload", "check_passes", "halved", "make_plan"]

_ROW_STEPS = (1024, 512, 256, 128, 64, 32, 16, 8)
_MORE_ROWS = (4096, 2048)
"""Blocks that only devices other than CPUs take: of few samples, smaller ones would leave them idle."""

_ENOUGH_ROWS = 128
_LEAST_ROWS = 8
SORT_FROM_THRESHOLDS = 24
"""On CPU, from this many thresholds per row on, sorting the row once beats counting against each. Measured by
`python -m benchmarks crossover`."""


_MOST_TILED = 1 << 18
"""Above this many samples too many scores lie within the bounds that tiles compare with."""

_WORDS = {"count": "counting", "sort": "sorting", "tile": "tiles"}
_HALVES = {True: "from the same strips", False: "one by one"}


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
        sharded: Whether several devices share the columns of every strip, or the query rows.
        copies: How many devices hold all samples.
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
    sharded: Sharded = "columns"
    copies: int = 1

    def layers_in_order(self, n_layers: int) -> list[int]:
        """Layers as they are read: twice in two passes, unless all are kept.

        Example:
            >>> make_plan(Workload(1000, 1000, (64, 64), 1), passes="one-pass").layers_in_order(2)
            [0, 1]
        """
        again = self.passes == "two-pass" and not self.keeps_layers
        return [*range(n_layers)] * (2 if again else 1)

    def __str__(self) -> str:
        """One line for a person."""
        halves = "" if not self.n_splits else f"{2 * self.n_splits} halves {_HALVES[self.sharing]}, "
        each = " on every device, which all hold all samples" if self.copies > 1 else ""
        return (
            f"{self.passes}, blocks of {self.rows} rows{each}, ranks by {_WORDS[self.ranking]}, {halves}"
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
    sharded: Sharded | None = None,
) -> Plan:
    """Choose passes, block size and ranking for a workload, and how halves are measured.

    Args:
        work: The workload.
        placement: Devices; default one.
        budget: Bytes that features and blocks may take on all devices together. Default on CPU: 1 GiB for the
            blocks and, for the features, what they take up to a quarter of the machine's memory; on other
            devices 85 % of what is free.
        passes: Force the number of passes.
        ranking: Force the way ranks are found.
        itemsize: Bytes of a score, 4 or 8.
        sharing: Force halves to be measured from the strips of the whole, or one by one.
        sharded: Force several devices to share the columns of every strip, or the query rows.

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
    shardings = _shardings(placement, work, sharded)
    if budget is None:
        once = sum(feature_bytes(work, padded_samples(work.n_samples, COLUMN_MULTIPLE), itemsize))
        budget = default_budget(once, placement)
    on_host = placement.on_one_cpu
    if sharing and not on_host:
        raise ValueError("sharing=True does not exist here: halves share strips on one CPU device; leave it out.")
    shares = [each for each in (True, False) if sharing in (None, each) and (on_host or not each)]
    works = [replace(work, shares=each and work.n_splits > 0) for each in (shares if work.n_splits else [False])]
    regimes: tuple[Passes, ...] = ("one-pass", "two-pass") if passes is None else (passes,)
    ways = [
        _Way(shared, each, regime, way)
        for shared, each, regime in product(shardings, works, regimes)
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
    # Small blocks make poor matrix products: two passes over large ones cost less.
    for large in (True, False):
        for way in ways:
            for rows in way.rows(placement, large):
                n_bytes = way.n_bytes(rows, placement, itemsize)
                if n_bytes <= budget:
                    return _with_layers_kept(way.plan(rows, n_bytes, placement, itemsize), work, budget)
    smallest = min(way.n_bytes(way.rows(placement)[-1], placement, itemsize) for way in ways)
    raise ValueError(
        f"a memory budget of {budget:,} bytes does not hold one block of rows for {len(work.widths)} layers of "
        f"{work.n_samples:,} samples; the smallest that works is {smallest:,} bytes."
    )


@dataclass(frozen=True)
class _Way:
    """One way to do a workload, but for the size of its blocks."""

    sharded: Sharded
    work: Workload
    passes: Passes
    ranking: Ranking

    def n_padded(self, placement: Placement) -> int:
        n_shards = 1 if self.sharded == "rows" else placement.n_devices
        return padded_samples(self.work.n_samples, COLUMN_MULTIPLE * n_shards)

    def copies(self, placement: Placement) -> int:
        return placement.n_devices if self.sharded == "rows" else 1

    def rows(self, placement: Placement, large: bool | None = None) -> tuple[int, ...]:
        """Sizes of blocks, largest first: those that make good products, the others, or all."""
        of_device = -(-self.work.n_queries // self.copies(placement))
        every = _row_choices(of_device, placement.platform)
        least = min(_ENOUGH_ROWS, every[0])
        return tuple(r for r in every if large is None or (r >= least) == large)

    def n_bytes(self, rows: int, placement: Placement, itemsize: int) -> int:
        one = peak_bytes(self.work, self.passes, self.ranking, rows, self.n_padded(placement), itemsize)
        return one * self.copies(placement)

    def plan(self, rows: int, n_bytes: int, placement: Placement, itemsize: int) -> Plan:
        cost = arithmetic_of(self.work, self.passes, self.ranking, placement.on_one_cpu)
        return Plan(
            self.passes, rows, self.ranking, self.n_padded(placement), n_bytes, *cost, itemsize,
            n_splits=self.work.n_splits, sharing=self.work.shares, sharded=self.sharded,
            copies=self.copies(placement),
        )  # fmt: skip


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
        peak_bytes(replace(work, shares=plan.sharing), plan.passes, plan.ranking, rows, plan.n_padded, plan.itemsize)
        for rows in (plan.rows, plan.rows // 2)
    )
    return replace(plan, rows=plan.rows // 2, n_bytes=plan.n_bytes + plan.copies * (then - now))


def _with_layers_kept(plan: Plan, work: Workload, budget: int) -> Plan:
    """The plan with all layers resident where two passes have the memory for it."""
    features = [each * plan.copies for each in feature_bytes(work, plan.n_padded, plan.itemsize)]
    n_bytes = plan.n_bytes - max(features) + sum(features)
    if plan.passes == "one-pass" or n_bytes > budget:
        return plan
    return replace(plan, n_bytes=n_bytes, keeps_layers=True)


def _row_choices(n_rows: int, platform: str) -> tuple[int, ...]:
    steps = _ROW_STEPS if platform == "cpu" else (*_MORE_ROWS, *_ROW_STEPS)
    enough = next((r for r in reversed(steps) if r >= n_rows), steps[0])
    return tuple(r for r in steps if r <= enough)


def _rankings(work: Workload, placement: Placement, regime: Passes, forced: Ranking | None) -> tuple[Ranking, ...]:
    """The ways that exist, best first."""
    on_host = placement.on_one_cpu
    all_rows = regime == "two-pass" and work.n_queries == work.n_samples
    tiled = on_host and all_rows and work.symmetric and not (work.rounded or work.grouped or work.shares)
    exist: dict[Ranking, bool] = {"count": sums_fit(work.n_samples, work.k), "sort": on_host, "tile": tiled}
    pays = nanoseconds_of_tiles(work) < 0 and work.n_samples <= _MOST_TILED
    sorts = work.n_thresholds >= SORT_FROM_THRESHOLDS
    preferred: tuple[Ranking, ...] = ("tile",) * pays + (("sort", "count") if sorts else ("count",))
    preferred = (*preferred, "sort") if "sort" not in preferred else preferred
    return tuple(way for way in (preferred if forced is None else (forced,)) if exist[way])


def _shardings(placement: Placement, work: Workload, forced: Sharded | None) -> tuple[Sharded, ...]:
    """Rows first: devices that have all samples need nothing from each other."""
    if placement.n_devices == 1 or not work.rows_may_be_sharded:
        if forced == "rows":
            raise ValueError(
                "sharded='rows' does not exist here: it needs several devices, ties='index', no sums of kernels and at "
                f"least {_LEAST_ROWS} query rows a device. Use 'columns', or leave it to the planner."
            )
        return ("columns",)
    enough = work.n_queries >= _LEAST_ROWS * placement.n_devices
    if forced is not None:
        return (forced,)
    return ("rows", "columns") if enough else ("columns",)
