"""Information imbalance between all layers, of all samples and within halves of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from .agreement import agree_on_call
from .halves import Halves
from .kernel_sums import KernelMoments
from .layer_source import LayerSource
from .memory import agreed_budget
from .options import Options
from .padding import COLUMN_MULTIPLE, padded_samples
from .placement import Placement
from .plan import Plan, Workload, make_plan
from .plan_costs import feature_bytes
from .prepare import taken_layer
from .processes import explained_failures
from .scores import arithmetic
from .streaming import Progress, Run

__all__ = ["AllPairs", "Options", "Progress", "agreed_options", "all_pairs", "plan_for"]


@dataclass(frozen=True)
class AllPairs:
    """Sums over query rows, turned into the measure.

    Attributes:
        values: Delta(source -> target) `[n_k, n_layers, n_layers]` float64.
        standard_error: Same shape, over query rows.
        tied_neighbours: Fraction of rows whose k-th neighbour ties with the next `[n_k, n_layers]`.
        tied_ranks: Fraction of ranks that another sample shares `[n_k, n_layers, n_layers]`.
        rows: Mean rank of each query row's k neighbours, `[n_k, n_layers, n_layers, n_queries]`, if asked for.
        plan: How it was done.
        notes: What happened on the way that a user should know, such as a halved block.
        halves: Delta within both halves of every split, `[n_splits, 2, n_k, n_layers, n_layers]`; None without splits.
        neighbours: Columns of every query row's neighbours `[n_layers, n_queries, max(ks)]`, if asked for.
        half_neighbours: The same within the row's own half of every split
            `[n_splits, n_layers, n_queries, max(ks)]`, if asked for and there are splits.
        kernels: Sums over pairs of samples of the kernels asked for.
        half_kernels: The same within both halves of every split, `[n_splits][2][n_kernels]`.
    """

    values: np.ndarray
    standard_error: np.ndarray
    tied_neighbours: np.ndarray
    tied_ranks: np.ndarray
    rows: np.ndarray | None
    plan: Plan
    notes: tuple[str, ...] = ()
    halves: np.ndarray | None = None
    neighbours: np.ndarray | None = None
    half_neighbours: np.ndarray | None = None
    kernels: tuple[KernelMoments, ...] = ()
    half_kernels: tuple[tuple[tuple[KernelMoments, ...], ...], ...] = ()


def all_pairs(
    layers: Sequence[Any],
    queries: np.ndarray | None = None,
    options: Options | None = None,
    placement: Placement | None = None,
    progress: Progress | None = None,
    *,
    sides: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> AllPairs:
    """Information imbalance between all ordered pairs of layers.

    Args:
        layers: Representations `[n_samples, n_features]` of any widths, finite, with `shape`, `dtype` and row slices
            (arrays, memory maps, arrays on disk).
        queries: Sample indices whose neighbours and ranks are worked out; all by default.
        options: See `Options`.
        placement: Devices.
        progress: Called as `progress(done, total, what)`.
        sides: Splits of the samples into two halves, `[n_splits, n_samples]` of bool: Delta is also worked out within
            each half, with the integers of a computation on that half alone.
        groups: Group of every sample `[n_samples]` int: samples of one group are neither each other's neighbours nor
            counted in each other's ranks. A row with N' others counts as one of N' + 1 samples.

    Returns:
        The values and what goes with them.

    Raises:
        ValueError: If the memory budget does not hold a single block, splits do not deal groups of samples, or the
            processes that share the samples were called differently (names what differs).
        LostProcessError: If another process of the computation ended or hung.

    Source:
        Glielmo et al., PNAS Nexus 2022, eq. 1, averaged over the k nearest.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> all_pairs([x, x[:, :1]]).values[0, 0, 0]
        np.float64(0.04)
        >>> all_pairs([x], sides=np.arange(50)[None] < 20).halves.ravel().round(4).tolist()
        [0.0667, 0.1]
    """
    options, placement = options or Options(), placement or Placement()
    n_samples = layers[0].shape[0]
    queries = np.arange(n_samples) if queries is None else np.asarray(queries)
    halves = None if sides is None else Halves(np.asarray(sides, bool))
    work = Workload(
        n_samples,
        len(queries),
        tuple(x.shape[1] for x in layers),
        options.ks[-1],
        n_splits=0 if halves is None else halves.n_splits,
        grouped=groups is not None,
    )
    dtype = arithmetic(options.precision, n_samples, placement.platform)
    agree_on_call(
        "all_pairs",
        dict(enumerate(layers)),
        placement,
        **{field.name: getattr(options, field.name) for field in fields(options)},
        queries=queries,
        n_splits=work.n_splits,
        sides=None if halves is None else halves.sides,
        groups=None if groups is None else np.asarray(groups),
    )

    options = agreed_options(work, options, placement)
    plan = plan_for(work, options, placement)
    placement = replace(placement, rows_sharded=plan.sharded == "rows")

    source = LayerSource(layers, options, plan.n_padded, dtype, placement, plan.layers_in_order(len(layers)))

    run = Run(source.layer, queries, options, placement, work, plan, progress, groups)
    run.halves = halves if plan.sharing else None
    if placement.on_one_cpu:
        run.kernel_halves = halves
    in_float64 = dtype == np.float64 or bool(options.float64_layers)
    with explained_failures(placement.n_processes), jax.enable_x64(in_float64), source:
        run.go()
        if halves is None:
            return _result(run)
        if run.in_halves is not None:
            return _result(run, _HalfResults(run.in_halves.values(), run.in_halves.neighbours))
        return _result(run, _one_by_one(run, halves, progress))


def plan_for(work: Workload, options: Options, placement: Placement) -> Plan:
    """The plan that `all_pairs` follows; expected ties need the strips of all layers at once.

    Example:
        >>> plan_for(Workload(100, 100, (8,), 1), Options(ties="expected"), Placement()).passes
        'one-pass'
    """
    passes, sharing = options.passes, options.sharing
    if options.ties == "expected":
        if passes == "two-pass":
            raise ValueError("ties='expected' needs plan='one-pass': a tie group's members are known only there.")
        if placement.n_processes > 1:
            raise ValueError("ties='expected' runs in one process; use ties='index' on several hosts.")
        # A tie group within a half is settled where that half is measured by itself.
        passes, sharing = "one-pass", False
    work = replace(
        work,
        rounded=options.precision in ("high", "fast"),
        symmetric=options.symmetric,
        rows_may_be_sharded=options.ties == "index" and not options.kernels,
    )
    return make_plan(
        work,
        placement,
        budget=options.budget,
        passes=passes,
        ranking=options.ranking,
        itemsize=_itemsize(work, options, placement),
        sharing=sharing,
        sharded=options.sharded,
    )


def agreed_options(work: Workload, options: Options, placement: Placement) -> Options:
    """The options with a memory budget that suits all processes, where several share the samples and none is given.

    Plans follow from options, and processes with different plans would run different programs. Every process calls it,
    after they have agreed on the rest of the call.

    Example:
        >>> agreed_options(Workload(100, 100, (8,), 1), Options(), Placement()).budget  # one process: its own business
    """
    if options.budget is not None or placement.n_processes == 1:
        return options
    n_padded = padded_samples(work.n_samples, COLUMN_MULTIPLE)
    features = sum(feature_bytes(work, n_padded, _itemsize(work, options, placement)))
    return replace(options, budget=agreed_budget(features, placement))


def _itemsize(work: Workload, options: Options, placement: Placement) -> int:
    dtype = arithmetic(options.precision, work.n_samples, placement.platform)
    return np.dtype(np.float64).itemsize if options.float64_layers else dtype.itemsize


class _HalfResults(NamedTuple):
    """What is found within halves."""

    values: np.ndarray
    neighbours: np.ndarray | None
    kernels: tuple[tuple[tuple[KernelMoments, ...], ...], ...] = ()


def _result(run: Run, halves: _HalfResults | None = None) -> AllPairs:
    sums, n, m = run.sums, run.work.n_samples, run.work.n_queries
    ks = np.asarray(run.options.ks, np.float64)[:, None, None]
    mean = sums.total / (2 * ks * m)
    variance = np.maximum(sums.squares / (2 * ks) ** 2 - m * mean**2, 0) / max(m - 1, 1)
    return AllPairs(
        values=run.values(),
        standard_error=2 / n * np.sqrt(variance / m),
        tied_neighbours=sums.tied_neighbours / m,
        tied_ranks=sums.tied / (m * ks),
        rows=None if sums.rows is None else sums.rows / (2 * ks[..., None]).astype(np.float32),
        plan=run.blocks.plan,
        notes=tuple(run.blocks.notes),
        halves=None if halves is None else halves.values,
        neighbours=run.neighbours,
        half_neighbours=None if halves is None else halves.neighbours,
        kernels=() if run.kernels is None else run.kernels.whole(),
        half_kernels=() if halves is None else halves.kernels or _halves_of_kernels(run),
    )


def _halves_of_kernels(run: Run) -> tuple[tuple[tuple[KernelMoments, ...], ...], ...]:
    return () if run.kernels is None else run.kernels.in_halves()


def _one_by_one(run: Run, halves: Halves, progress: Progress | None) -> _HalfResults:
    """Every half by itself, from the layers as they were prepared for the whole: the same bits, on any device."""
    options, placement, work = run.options, run.placement, run.work
    n_layers, k = len(work.widths), options.ks[-1]
    values = np.empty((halves.n_splits, 2, len(options.ks), n_layers, n_layers))
    neighbours = None
    if options.keep_neighbours:
        neighbours = np.empty((halves.n_splits, n_layers, work.n_queries, k), np.int32)
    plain = replace(options, keep_rows=False, passes=run.plan.passes, ranking=None)
    if run.kernel_halves is not None:
        # The sums of kernels within halves follow from those of the whole.
        plain = replace(plain, kernels=())
    kernels: list[list[tuple[KernelMoments, ...]]] = [[] for _ in range(halves.n_splits)]
    done, in_all = 0, 2 * halves.n_splits
    for split, sides in enumerate(halves.sides):
        for side in (False, True):
            members = np.flatnonzero(sides == side)
            at = np.flatnonzero(sides[run.queries] == side)
            own = replace(work, n_samples=len(members), n_queries=len(at), n_splits=0)
            own = replace(own, rounded=options.precision in ("high", "fast"), symmetric=options.symmetric)
            own = replace(own, rows_may_be_sharded=placement.rows_sharded)
            plan = make_plan(
                own,
                placement,
                budget=options.budget,
                passes=run.plan.passes,
                itemsize=run.plan.itemsize,
                sharded=run.plan.sharded,
            )

            def half_layer(layer: int, members: np.ndarray = members, plan: Plan = plan) -> Any:
                given = options.metric_of(layer) == "precomputed"
                return taken_layer(run.layer(layer), members, plan.n_padded, placement, given)

            half = Run(
                half_layer,
                np.searchsorted(members, run.queries[at]),
                plain,
                placement,
                own,
                plan,
                _within(progress, done, in_all),
                None if run.groups is None else run.groups[members],
            )
            half.go()
            values[split, int(side)] = half.values()
            if half.kernels is not None:
                kernels[split].append(half.kernels.whole())
            if neighbours is not None and half.neighbours is not None:
                neighbours[split][:, at] = members[half.neighbours]
            notes = run.blocks.notes
            notes += [note for note in half.blocks.notes if note not in notes]
            done += 1
    return _HalfResults(values, neighbours, tuple(map(tuple, kernels)) if plain.kernels else ())


def _within(progress: Progress | None, place: int, of: int) -> Callable[[int, int, str], None] | None:
    """Progress of the place-th of several halves."""
    if progress is None:
        return None
    return lambda done, total, _what: progress(place * total + done, of * total, "measuring halves")
