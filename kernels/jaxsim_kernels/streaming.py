"""One measurement, streamed in blocks of query rows.

A block's strips give the neighbours, the thresholds and the counts; only sums over rows outlive it. See the design
notes in `plan` for the two regimes; both give the same integers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .half_run import HalfRun
from .halves import Halves
from .host.sorting import Columns, distinct_columns, ranks_by_sorting
from .host.tiles import ranks_from_tiles
from .kernel_pass import stream_kernels
from .kernel_run import KernelRun
from .options import Options
from .padding import TILE
from .placement import Placement
from .plan import Plan, Workload, halved
from .prepare import Layer
from .programs import count_program, strip_program, tile_program, triangle_program
from .strips import RowRanks
from .sums import Sums, row_weights
from .ties import expected_contributions

Progress = Callable[[int, int, str], None]


class Rows(NamedTuple):
    """A block of query rows on its devices, padded.

    Attributes:
        samples: Which samples they are `[n_rows]`.
        groups: Their groups `[n_rows]`, None where there are none.
    """

    samples: jax.Array
    groups: jax.Array | None


@dataclass
class Run:
    """A measurement on its way.

    Attributes:
        prepare: The layer of a number, on its devices.
        queries: Sample indices of the query rows.
        options: What is asked for.
        placement: Devices.
        work: Its shape.
        plan: How it is done; blocks are halved where a device runs out of memory.
        dtype: Of the scores.
        progress: Called as `progress(done, total, what)`.
        groups: Group of every sample, or None.
        halves: Splits whose halves are measured from the same strips, or None.
        notes: What happened on the way.
        neighbours: Columns of every query row's neighbours `[n_layers, n_queries, k]`, if asked for.
        in_halves: The measurement within halves, from the same strips; None where there is none.
        kernels: Sums of kernels; None where none are asked for.
        kernel_halves: Splits whose halves' sums of kernels follow from the same sums, or None.
    """

    prepare: Callable[[int], Layer]
    queries: np.ndarray
    options: Options
    placement: Placement
    work: Workload
    plan: Plan
    dtype: np.dtype
    progress: Progress | None = None
    groups: np.ndarray | None = None
    halves: Halves | None = None
    kernel_halves: Halves | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out the sums."""
        self.queries = self.queries.astype(np.int32)
        self.n_layers = len(self.work.widths)
        n, n_k, m = self.work.n_samples, len(self.options.ks), len(self.queries)
        weights = None if self.groups is None else row_weights(n, self.queries, self.groups)
        self.sums = Sums(n_k, self.n_layers, m, self.options.keep_rows, weights)
        self.neighbours: np.ndarray | None = None
        self.in_halves: HalfRun | None = None
        self.kernels: KernelRun | None = None
        self._kept: list[Layer | None] = [None] * self.n_layers
        blocks = -(-m // self.plan.rows)
        self._done, self._total = 0, blocks * self.n_layers * (1 if self.plan.passes == "one-pass" else 2)

    def go(self) -> None:
        """Do the work."""
        shape, k = (self.n_layers, len(self.queries)), self.options.ks[-1]
        if self.halves is not None:
            self.in_halves = HalfRun(self.halves, self.queries, self.options, self.n_layers, self.groups)
        if self.options.keep_neighbours:
            self.neighbours = np.empty((*shape, k), np.int32)
        self._column_groups = None
        if self.groups is not None:
            padded = np.full(self.plan.n_padded, -1, np.int32)
            padded[: self.work.n_samples] = np.unique(self.groups, return_inverse=True)[1].reshape(-1)
            self._numbered, self._column_groups = padded, self.placement.place(padded)
        if self.plan.passes == "one-pass":
            self._one_pass()
        else:
            self._two_passes()
        if self.options.kernels and self.kernels is None:
            self.kernels = self._begin_kernels(strips_at_hand=False)
            precision, n = self.options.precision, self.work.n_samples
            if self.kernels.needs_strips:
                stream_kernels(self.kernels, self.layer, n, self._given, self.placement, precision, self.progress)
        if self.kernels is not None:
            self.kernels.complete(self.layer, self.progress)

    def values(self) -> np.ndarray:
        """Delta `[n_k, n_layers, n_layers]`."""
        ks = np.asarray(self.options.ks, np.float64)[:, None, None]
        # One division of exact integers: equal spaces give the very float (k + 1) / N.
        return self.sums.total / (self.work.n_samples * len(self.queries) * ks)

    def layer(self, number: int) -> Layer:
        """A layer on its devices, kept where the plan has the memory for it."""
        kept = self._kept[number]
        if kept is None:
            kept = self.prepare(number)
            if self.plan.passes == "one-pass" or self.plan.keeps_layers:
                self._kept[number] = kept
        return kept

    @property
    def _given(self) -> tuple[bool, ...]:
        return tuple(self.options.metric_of(number) == "precomputed" for number in range(self.n_layers))

    def _begin_kernels(self, strips_at_hand: bool) -> KernelRun:
        layers = [self.layer(number) for number in range(self.n_layers)]
        n = self.work.n_samples
        return KernelRun(
            self.options.kernels, layers, self._given, self.placement, n, self.kernel_halves, strips_at_hand
        )

    # The two regimes.

    def _one_pass(self) -> None:
        prepared = [self.layer(number) for number in range(self.n_layers)]
        # Strips leave out the other samples of a row's group, which kernels do not.
        if self.options.kernels and self.groups is None:
            self.kernels = self._begin_kernels(strips_at_hand=True)
        # One more neighbour than asked for tells whether the last place was tied.
        strip_of = self._strips(self.options.ks[-1] + 1)

        def block(at: np.ndarray, rows: Rows) -> None:
            strips, scores, columns = zip(
                *(strip_of(number, layer, rows, number) for number, layer in enumerate(prepared)), strict=True
            )
            self._keep_neighbours(columns, at)
            wanted = self._wanted(self._join(columns))
            ranks = [self._ranked(strip, layer, wanted) for strip, layer in zip(strips, prepared, strict=True)]
            blocks = [(np.asarray(r.doubled)[: len(at)], np.asarray(r.tied)[: len(at)]) for r in ranks]
            host_scores = [np.asarray(s)[: len(at)] for s in scores]
            if self.options.ties == "expected":
                # Views of the strips; a row's scores are worked out only where there is a tie to settle.
                on_demand = [
                    lambda row, strip=strip, layer=layer: np.asarray(layer.half_norms) - np.asarray(strip)[row]
                    for strip, layer in zip(strips, prepared, strict=True)
                ]
                blocks = expected_contributions(blocks, host_scores, on_demand, self.options.ks)
            if self.kernels is not None:
                self.kernels.add(strips, prepared, rows.samples, len(at), self.queries[at])
            # Nothing is added before the last step that can run out of memory: such a block is done again.
            self._count_tied_neighbours(host_scores)
            for target, (doubled, tied) in enumerate(blocks):
                self.sums.add(target, doubled, tied, at)
            if self.in_halves is not None:
                on_host = [_on_host(strip, layer, at) for strip, layer in zip(strips, prepared, strict=True)]
                near = [self.in_halves.near(number, *each, at) for number, each in enumerate(on_host)]
                in_halves = self.in_halves.wanted(np.stack(near, axis=1))
                for target, each in enumerate(on_host):
                    self.in_halves.rank(target, *each, at, in_halves)

        self._for_each_block(block, np.arange(len(self.queries)), "ranking", units=self.n_layers)

    def _two_passes(self) -> None:
        k = self.options.ks[-1]
        neighbours = np.empty((len(self.queries), self.n_layers, k), np.int32)
        n_splits = 0 if self.halves is None else self.halves.n_splits
        near = np.empty((len(self.queries), self.n_layers, n_splits, k), np.int32)
        for source in range(self.n_layers):
            layer = self.layer(source)
            scores, columns = self._neighbours(source, layer, near[:, source])
            neighbours[:, source] = columns[:, :k]
            self._count_tied_neighbours([scores], source)
        if self.neighbours is not None:
            self.neighbours[:] = neighbours.transpose(1, 0, 2)
        in_order = np.array_equal(self.queries, np.arange(self.work.n_samples))
        by_tiles = self._by_tiles(neighbours) if self.plan.ranking == "tile" and in_order else None
        strip_of = self._strips(0)
        for target in range(self.n_layers):
            layer = self.layer(target)
            rows = np.arange(len(self.queries)) if by_tiles is None else by_tiles(layer, target)

            def block(at: np.ndarray, rows: Rows, target: int = target, layer: Layer = layer) -> None:
                wanted = np.zeros((self.plan.rows, neighbours.shape[1] * k), np.int32)
                wanted[: len(at)] = neighbours[at].reshape(len(at), -1)
                strip = strip_of(target, layer, rows)
                ranks = self._ranked(strip, layer, self._wanted(wanted))
                self.sums.add(target, np.asarray(ranks.doubled)[: len(at)], np.asarray(ranks.tied)[: len(at)], at)
                if self.in_halves is not None:
                    in_halves = self.in_halves.wanted(near[at])
                    self.in_halves.rank(target, *_on_host(strip, layer, at), at, in_halves)

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

    # Steps that both share.

    def _strips(self, k: int) -> Callable[..., Any]:
        """`(number, layer, rows, slot) -> strip_program's result`; takes the memory of the slot's last strip."""
        used: dict[int, jax.Array] = {}
        grouped = self._column_groups is not None

        def strip_of(number: int, layer: Layer, rows: Rows, slot: int = 0) -> Any:
            given = self.options.metric_of(number) == "precomputed"
            program = strip_program(self.placement, k, self.options.precision, given, reuse=True, grouped=grouped)
            scratch = used.pop(slot, None)
            dtype = layer.half_norms.dtype
            if scratch is None or scratch.shape[0] != len(rows.samples) or scratch.dtype != dtype:
                scratch = self.placement.empty_strip(len(rows.samples), self.plan.n_padded, dtype)
            of_groups = (rows.groups, self._column_groups) if grouped else ()
            found = program(layer.features, layer.half_norms, rows.samples, *of_groups, scratch)
            used[slot] = found if k == 0 else found[0]
            return found

        return strip_of

    def _keep_neighbours(self, columns: Sequence[jax.Array], at: np.ndarray) -> None:
        if self.neighbours is not None:
            for number, each in enumerate(columns):
                self.neighbours[number, at] = np.asarray(each)[: len(at), : self.options.ks[-1]]

    def _for_each_block(
        self, block: Callable[[np.ndarray, Rows], None], at: np.ndarray, what: str, units: int = 1
    ) -> None:
        """Call `block(places among the queries, padded samples)` for the places `at`, some at a time."""
        start = 0
        while start < len(at):
            here = at[start : start + self.plan.rows]
            samples = np.zeros(self.plan.rows, np.int32)
            samples[: len(here)] = self.queries[here]
            try:
                block(here, Rows(self.placement.replicate(samples), self._groups_of(samples)))
            except jax.errors.JaxRuntimeError as error:
                self._halve(error)
                continue
            start += len(here)
            self._advance(units, what)

    def _groups_of(self, samples: np.ndarray) -> jax.Array | None:
        return None if self._column_groups is None else self.placement.replicate(self._numbered[samples])

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
        return count_program(self.placement, self.n_layers, ks, strict)(strip, layer.half_norms, wanted)

    def _neighbours(self, number: int, layer: Layer, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores and columns of one more neighbour than asked for; those within halves are written to `near`."""
        k, n = self.options.ks[-1] + 1, self.work.n_samples
        # A given matrix of distances need not be symmetric, and the samples that a row leaves out differ.
        symmetric = self.options.metric_of(number) != "precomputed" and self.groups is None
        if self.placement.mesh is None and len(self.queries) == n and symmetric and self.in_halves is None:
            scores, columns = self._neighbours_by_triangle(layer, k)
            return np.asarray(scores)[self.queries], np.asarray(columns)[self.queries]
        strip_of = self._strips(k)
        scores, columns = (
            np.empty((len(self.queries), k), layer.half_norms.dtype),
            np.empty((len(self.queries), k), np.int32),
        )

        def block(at: np.ndarray, rows: Rows) -> None:
            strip, block_scores, block_columns = strip_of(number, layer, rows)
            scores[at] = np.asarray(block_scores)[: len(at)]
            columns[at] = np.asarray(block_columns)[: len(at)]
            if self.in_halves is not None:
                near[at] = self.in_halves.near(number, *_on_host(strip, layer, at), at)

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


def _on_host(strip: jax.Array, layer: Layer, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The valid rows of a block's strip and the half norms, as the host sees them."""
    return np.asarray(strip)[: len(at)], np.asarray(layer.half_norms)
