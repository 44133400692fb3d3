"""Information imbalance between all layers, streamed in blocks of query rows.

A block's strips give the neighbours, the thresholds and the counts; only sums over rows outlive it. See the design
notes in `plan` for the two regimes; both give the same integers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .hosts import explain_failure
from .plan import Passes, Plan, Ranking, Workload, halved, make_plan
from .prepare import Layer, Metric, prepare_layer
from .programs import Placement, count_program, strip_program, tile_program, triangle_program
from .reference import Ties
from .scores import Precision, arithmetic
from .shapes import TILE
from .sorting import Columns, distinct_columns, ranks_by_sorting
from .strips import RowRanks
from .ties import expected_contributions
from .tiles import ranks_from_tiles

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Options:
    """Everything about an all-pairs computation that is not data.

    Attributes:
        ks: Numbers of neighbours, increasing.
        metric: `euclidean`, `cosine`, `correlation`, or `precomputed` for layers that are distance matrices.
        ties: `index` or `expected`.
        strict: Give tied thresholds their first rank instead of their mean rank.
        precision: Of the Gram products.
        budget: Bytes for features and blocks; None for the default.
        passes: Force one or two passes.
        ranking: Force the way ranks are found, see `Plan`.
        keep_rows: Also return what every query row contributes.
        float64_layers: Numbers of layers that are worked out in float64 where `precision` takes float32; not on TPU.
    """

    ks: tuple[int, ...] = (1,)
    metric: Metric = "euclidean"
    ties: Ties = "index"
    strict: bool = False
    precision: Precision = "highest"
    budget: int | None = None
    passes: Passes | None = None
    ranking: Ranking | None = None
    keep_rows: bool = False
    float64_layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class AllPairs:
    """Sums over query rows, turned into the measure.

    Attributes:
        values: Delta(source -> target) `[n_k, n_layers, n_layers]` float64.
        standard_error: Same shape.
        tied_neighbours: Fraction of rows whose k-th neighbour ties with the next `[n_k, n_layers]`.
        tied_ranks: Fraction of ranks that another sample shares `[n_k, n_layers, n_layers]`.
        rows: Mean rank of each query row's k neighbours, `[n_k, n_layers, n_layers, n_queries]`, if asked for.
        plan: How it was done.
        notes: What happened on the way that a user should know, such as a halved block.
    """

    values: np.ndarray
    standard_error: np.ndarray
    tied_neighbours: np.ndarray
    tied_ranks: np.ndarray
    rows: np.ndarray | None
    plan: Plan
    notes: tuple[str, ...] = ()


def all_pairs(
    layers: Sequence[Any],
    queries: np.ndarray | None = None,
    options: Options | None = None,
    placement: Placement | None = None,
    progress: Progress | None = None,
) -> AllPairs:
    """Information imbalance between all ordered pairs of layers.

    Args:
        layers: Representations `[n_samples, n_features]` of any widths, finite, with `shape`, `dtype` and row slices
            (arrays, memory maps, arrays on disk).
        queries: Sample indices whose neighbours and ranks are worked out; all by default.
        options: See `Options`.
        placement: Devices.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The values and what goes with them.

    Raises:
        ValueError: If the memory budget does not hold a single block.
        LostProcessError: If another process of the computation ended or hung.

    Source:
        Glielmo et al., PNAS Nexus 2022, eq. 1, averaged over the k nearest.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> all_pairs([x, x[:, :1]]).values[0, 0, 0]
        np.float64(0.04)
    """
    options, placement = options or Options(), placement or Placement()
    n_samples = layers[0].shape[0]
    queries = np.arange(n_samples) if queries is None else np.asarray(queries)
    widths = tuple(x.shape[1] for x in layers)
    work = Workload(n_samples, len(queries), widths, options.ks[-1])
    plan = plan_for(work, options, placement)
    run = _Run(layers, queries.astype(np.int32), options, placement, work, plan, progress)
    try:
        with jax.enable_x64(run.dtype == np.float64 or bool(options.float64_layers)):
            if plan.passes == "one-pass":
                run.one_pass()
            else:
                run.two_passes()
    except jax.errors.JaxRuntimeError as error:
        if placement.n_processes == 1:
            raise
        raise explain_failure(error) from error
    return run.result()


def plan_for(work: Workload, options: Options, placement: Placement) -> Plan:
    """The plan that `all_pairs` follows; expected ties need the strips of all layers at once.

    Example:
        >>> plan_for(Workload(100, 100, (8,), 1), Options(ties="expected"), Placement()).passes
        'one-pass'
    """
    passes = options.passes
    if options.ties == "expected":
        if passes == "two-pass":
            raise ValueError("ties='expected' needs plan='one-pass': a tie group's members are known only there.")
        if placement.n_processes > 1:
            raise ValueError("ties='expected' runs in one process; use ties='index' on several hosts.")
        passes = "one-pass"
    rounded, symmetric = options.precision in ("high", "fast"), options.metric != "precomputed"
    work = replace(work, rounded=rounded, symmetric=symmetric)
    itemsize = (
        8 if options.float64_layers else arithmetic(options.precision, work.n_samples, placement.platform).itemsize
    )
    return make_plan(work, placement, budget=options.budget, passes=passes, ranking=options.ranking, itemsize=itemsize)


class _Sums:
    """Sums over rows. Integers up to 2^53 are exact in float64, far above N * k * 2N."""

    def __init__(self, n_k: int, n_layers: int, n_queries: int, keep_rows: bool) -> None:
        shape = (n_k, n_layers, n_layers)
        self.total = np.zeros(shape)
        self.squares = np.zeros(shape)
        self.tied = np.zeros(shape)
        self.tied_neighbours = np.zeros((n_k, n_layers))
        self.rows = np.zeros((*shape, n_queries), np.float32) if keep_rows else None

    def add(self, target: int, doubled: np.ndarray, tied: np.ndarray, at: np.ndarray) -> None:
        """Add the query rows `at`: `[n_rows, n_sources, n_k]` for one target layer."""
        doubled = np.asarray(doubled, np.float64)
        self.total[:, :, target] += doubled.sum(0).T
        self.squares[:, :, target] += np.einsum("rak,rak->ka", doubled, doubled)
        self.tied[:, :, target] += tied.sum(0, dtype=np.int64).T
        if self.rows is not None:
            self.rows[:, :, target, at] = doubled.transpose(2, 1, 0)


@dataclass
class _Run:
    layers: Sequence[Any]
    queries: np.ndarray
    options: Options
    placement: Placement
    work: Workload
    plan: Plan
    progress: Progress | None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        n_layers = len(self.layers)
        self.dtype = arithmetic(self.options.precision, self.work.n_samples, self.placement.platform)
        self.sums = _Sums(len(self.options.ks), n_layers, len(self.queries), self.options.keep_rows)
        blocks = -(-len(self.queries) // self.plan.rows)
        self._done, self._total = 0, blocks * n_layers * (1 if self.plan.passes == "one-pass" else 2)

    # The two regimes.

    def one_pass(self) -> None:
        prepared = [self._prepare(number) for number in range(len(self.layers))]
        # One more neighbour than asked for tells whether the last place was tied.
        strip_of = self._strips(self.options.ks[-1] + 1)

        def block(at: np.ndarray, samples: jax.Array) -> None:
            strips, scores, columns = zip(
                *(strip_of(layer, samples, slot) for slot, layer in enumerate(prepared)), strict=True
            )
            wanted = self._wanted(self._join(columns))
            ranks = [self._ranked(strip, layer, wanted) for strip, layer in zip(strips, prepared, strict=True)]
            blocks = [(np.asarray(r.doubled)[: len(at)], np.asarray(r.tied)[: len(at)]) for r in ranks]
            host_scores = [np.asarray(s)[: len(at)] for s in scores]
            self._count_tied_neighbours(host_scores)
            if self.options.ties == "expected":
                # Views of the strips; a row's scores are worked out only where there is a tie to settle.
                on_demand = [
                    lambda row, strip=strip, layer=layer: np.asarray(layer.half_norms) - np.asarray(strip)[row]
                    for strip, layer in zip(strips, prepared, strict=True)
                ]
                blocks = expected_contributions(blocks, host_scores, on_demand, self.options.ks)
            for target, (doubled, tied) in enumerate(blocks):
                self.sums.add(target, doubled, tied, at)

        self._for_each_block(block, np.arange(len(self.queries)), "ranking", units=len(prepared))

    def two_passes(self) -> None:
        k = self.options.ks[-1]
        neighbours = np.empty((len(self.queries), len(self.layers), k), np.int32)
        prepared: list[Layer | None] = [None] * len(self.layers)
        for source in range(len(self.layers)):
            layer = self._prepare(source)
            scores, columns = self._neighbours(layer)
            if self.plan.keeps_layers:
                prepared[source] = layer
            neighbours[:, source] = columns[:, :k]
            self._count_tied_neighbours([scores], source)
        in_order = np.array_equal(self.queries, np.arange(self.work.n_samples))
        by_tiles = self._by_tiles(neighbours) if self.plan.ranking == "tile" and in_order else None
        strip_of = self._strips(0)
        for target in range(len(self.layers)):
            layer = prepared[target] or self._prepare(target)
            rows = np.arange(len(self.queries)) if by_tiles is None else by_tiles(layer, target)

            def block(at: np.ndarray, samples: jax.Array, target: int = target, layer: Layer = layer) -> None:
                wanted = np.zeros((self.plan.rows, neighbours.shape[1] * k), np.int32)
                wanted[: len(at)] = neighbours[at].reshape(len(at), -1)
                ranks = self._ranked(strip_of(layer, samples), layer, self._wanted(wanted))
                self.sums.add(target, np.asarray(ranks.doubled)[: len(at)], np.asarray(ranks.tied)[: len(at)], at)

            self._for_each_block(block, rows, "ranking")

    def _by_tiles(self, neighbours: np.ndarray) -> Callable[[Layer, int], np.ndarray]:
        """`(layer, target) -> rows that are still to be ranked`; adds up the others from tiles worked out once."""
        n, ks = self.work.n_samples, self.options.ks
        columns = distinct_columns(neighbours.reshape(n, -1), n)
        product = tile_program(self.placement, self.options.precision)
        blocks, worth_it = -(-n // self.plan.rows), True

        def rank(layer: Layer, target: int) -> np.ndarray:
            nonlocal worth_it
            if not worth_it:
                return np.arange(n)
            parts = [layer.features[start : start + TILE] for start in range(0, n, TILE)]
            found = ranks_from_tiles(
                layer, lambda i, j: np.asarray(product(parts[i], parts[j])), columns, ks, self.options.strict
            )
            settled = np.setdiff1d(np.arange(n), found.unsettled, assume_unique=True)
            self.sums.add(target, found.doubled[settled], found.tied[settled], settled)
            self._advance(blocks * len(settled) // n, "ranking")
            # Where many scores tie, most rows have to be worked out again; the next layer is likely the same.
            worth_it = len(settled) > n / 2
            return found.unsettled

        return rank

    def result(self) -> AllPairs:
        n, m, sums = self.work.n_samples, len(self.queries), self.sums
        ks = np.asarray(self.options.ks, np.float64)[:, None, None]
        mean = sums.total / (2 * ks * m)
        variance = np.maximum(sums.squares / (2 * ks) ** 2 - m * mean**2, 0) / max(m - 1, 1)
        rows = None if sums.rows is None else sums.rows / (2 * ks[..., None]).astype(np.float32)
        return AllPairs(
            # One division of exact integers: equal spaces give the very float (k + 1) / N.
            values=sums.total / (n * m * ks),
            standard_error=2 / n * np.sqrt(variance / m),
            tied_neighbours=sums.tied_neighbours / m,
            tied_ranks=sums.tied / (m * ks),
            rows=rows,
            plan=self.plan,
            notes=tuple(self.notes),
        )

    # Steps that both share.

    def _prepare(self, number: int) -> Layer:
        dtype = np.float64 if number in self.options.float64_layers else self.dtype
        x = self.layers[number]
        return prepare_layer(x, self.options.metric, self.plan.n_padded, self.placement.place, np.dtype(dtype))

    def _strips(self, k: int) -> Callable[..., Any]:
        """`(layer, rows, slot) -> strip_program's result`; takes the memory of the slot's last strip."""
        program = strip_program(
            self.placement, k, self.options.precision, self.options.metric == "precomputed", reuse=True
        )
        used: dict[int, jax.Array] = {}

        def strip_of(layer: Layer, rows: jax.Array, slot: int = 0) -> Any:
            scratch = used.pop(slot, None)
            dtype = layer.half_norms.dtype
            if scratch is None or scratch.shape[0] != len(rows) or scratch.dtype != dtype:
                scratch = self.placement.empty_strip(len(rows), self.plan.n_padded, dtype)
            found = program(layer.features, layer.half_norms, rows, scratch)
            used[slot] = found if k == 0 else found[0]
            return found

        return strip_of

    def _for_each_block(
        self, block: Callable[[np.ndarray, jax.Array], None], at: np.ndarray, what: str, units: int = 1
    ) -> None:
        """Call `block(places among the queries, padded samples)` for the places `at`, some at a time."""
        start = 0
        while start < len(at):
            here = at[start : start + self.plan.rows]
            samples = np.zeros(self.plan.rows, np.int32)
            samples[: len(here)] = self.queries[here]
            try:
                block(here, self.placement.replicate(samples))
            except jax.errors.JaxRuntimeError as error:
                self._halve(error)
                continue
            start += len(here)
            self._advance(units, what)

    def _halve(self, error: RuntimeError) -> None:
        smaller = halved(self.plan, self.work) if "RESOURCE_EXHAUSTED" in str(error) else None
        # A process of several would go on with other shapes than the rest.
        if smaller is None or self.placement.n_processes > 1:
            raise error
        self.notes.append(
            f"a device ran out of memory: blocks of {smaller.rows} rows from here on, not {self.plan.rows}"
        )
        self.plan = smaller

    def _join(self, columns: Sequence[jax.Array]) -> jax.Array | np.ndarray:
        """The first k neighbours by every layer side by side, where they will be used."""
        k = self.options.ks[-1]
        if self.plan.ranking != "count":
            return np.concatenate([np.asarray(each)[:, :k] for each in columns], axis=1)
        return jnp.concatenate([each[:, :k] for each in columns], axis=1)

    def _wanted(self, columns: jax.Array | np.ndarray) -> jax.Array | Columns:
        """The columns of a block as `_ranked` takes them."""
        if self.plan.ranking != "count":
            return distinct_columns(np.asarray(columns), self.work.n_samples)
        return self.placement.replicate(columns) if isinstance(columns, np.ndarray) else columns

    def _ranked(self, strip: jax.Array, layer: Layer, wanted: jax.Array | Columns) -> RowRanks:
        ks, strict = self.options.ks, self.options.strict
        if isinstance(wanted, Columns):
            norms = np.asarray(layer.half_norms)
            return ranks_by_sorting(np.asarray(strip), norms, wanted, self.work.n_samples, ks, strict)
        return count_program(self.placement, len(self.layers), ks, strict)(strip, layer.half_norms, wanted)

    def _neighbours(self, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        k, n = self.options.ks[-1] + 1, self.work.n_samples
        # A given matrix of distances need not be symmetric.
        if self.placement.mesh is None and len(self.queries) == n and self.options.metric != "precomputed":
            scores, columns = self._neighbours_by_triangle(layer, k)
            return np.asarray(scores)[self.queries], np.asarray(columns)[self.queries]
        strip_of = self._strips(k)
        scores, columns = (
            np.empty((len(self.queries), k), layer.half_norms.dtype),
            np.empty((len(self.queries), k), np.int32),
        )

        def block(at: np.ndarray, samples: jax.Array) -> None:
            _, block_scores, block_columns = strip_of(layer, samples)
            scores[at] = np.asarray(block_scores)[: len(at)]
            columns[at] = np.asarray(block_columns)[: len(at)]

        self._for_each_block(block, np.arange(len(self.queries)), "finding neighbours")
        return scores, columns

    def _neighbours_by_triangle(self, layer: Layer, k: int) -> tuple[jax.Array, jax.Array]:
        n_padded = self.plan.n_padded
        step = triangle_program(self.placement, k, TILE, self.options.precision)
        scores = self.placement.place(np.full((n_padded, k), np.inf, layer.half_norms.dtype))
        columns = self.placement.place(np.full((n_padded, k), np.iinfo(np.int32).max, np.int32))
        n_tiles = n_padded // TILE
        blocks = -(-len(self.queries) // self.plan.rows)
        for row_tile in range(n_tiles):
            scores, columns = step(layer.features, layer.half_norms, scores, columns, row_tile)
            scores.block_until_ready()
            self._advance(blocks * (row_tile + 1) // n_tiles - blocks * row_tile // n_tiles, "finding neighbours")
        return scores, columns

    def _count_tied_neighbours(self, scores: Sequence[np.ndarray], first: int = 0) -> None:
        for source, values in enumerate(scores, first):
            for place, k in enumerate(self.options.ks):
                self.sums.tied_neighbours[place, source] += np.count_nonzero(values[:, k - 1] == values[:, k])

    def _advance(self, units: int, what: str) -> None:
        self._done = min(self._done + units, self._total)
        if self.progress is not None:
            self.progress(self._done, self._total, what)
