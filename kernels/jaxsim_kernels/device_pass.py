"""A measurement on devices: every block is one program, and the next is under way before the last is looked at.

The host sends nothing between blocks. Sums over rows are fetched once, at the end; results of every row are fetched
while the devices work on the next block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .block_program import BlockForm, OfBlock, Queries, RowSums, block_program, neighbour_program, no_sums, rank_program
from .wide_sums import wide_value

if TYPE_CHECKING:
    from .streaming import Run


class _Sent(NamedTuple):
    """A block on its way: where it begins, what was known before it, and what its program gives."""

    first: int
    start: jax.Array
    sums: RowSums
    result: Any


def measure_on_devices(run: Run) -> None:
    """Measure all query rows, in one pass or two.

    Args:
        run: What is measured; its sums, neighbours and kernels are set.
    """
    options, blocks = run.options, run.blocks
    given = tuple(options.metric_of(number) == "precomputed" for number in range(run.n_layers))
    form = BlockForm(
        blocks.plan.rows, options.ks, options.strict, options.precision, given,
        row_by_row=options.keep_rows or run.groups is not None,
        kernels=() if run.kernels is None else run.kernels.names,
    )  # fmt: skip
    grid = _Grid(run)
    if run.plan.passes == "one-pass":
        _one_pass(run, grid, form)
    else:
        _two_passes(run, grid, replace(form, kernels=()))


class _Grid:
    """The query rows on the devices, and the loop over them.

    Attributes:
        ahead: How many blocks are sent before the first is waited for.
    """

    ahead = 1

    def __init__(self, run: Run) -> None:
        blocks, placement = run.blocks, run.placement
        self._blocks, self._placement = blocks, placement
        most = blocks.plan.rows * placement.n_row_shards
        samples = np.zeros(-(-len(blocks.queries) // most) * most, np.int32)
        samples[: len(blocks.queries)] = blocks.queries
        groups = None if blocks.groups is None else placement.replicate(blocks.groups[samples])
        n_valid = placement.replicate(np.asarray(len(blocks.queries), np.int32))
        self.n_padded = len(samples)
        self.queries = Queries(placement.replicate(samples), n_valid, groups)
        self._start = placement.replicate(np.asarray(0, np.int32))
        if placement.platform == "cpu" and placement.n_devices > 1:
            # Collectives of two programs at once can wait for each other on the threads of one host.
            self.ahead = 0

    def run(
        self,
        send: Callable[[int, jax.Array, RowSums], tuple[jax.Array, RowSums, Any]],
        sums: RowSums,
        take: Callable[[np.ndarray, Any], None],
        what: str,
        layers_done: int,
    ) -> RowSums:
        """Send every block after the other, and take what each gives once it is there.

        Where a device runs out of memory, the blocks that are not there yet are sent again with half the rows, from
        the sums that were known before them.

        Args:
            send: `(rows of a device, start, sums) -> (next start, sums, result)`.
            sums: To begin with.
            take: Called as `take(places among the queries, result)`, in order.
            what: Told with the progress.
            layers_done: How many layers of these rows are done after each block.

        Returns:
            The sums after the last block.
        """
        m, first, start = len(self._blocks.queries), 0, self._start
        sent: deque[_Sent] = deque()
        while first < m or sent:
            try:
                if first < m:
                    n_rows = self._blocks.plan.rows
                    then, total, result = send(n_rows, start, sums)
                    sent.append(_Sent(first, start, sums, result))
                    start, sums = then, total
                    first += n_rows * self._placement.n_row_shards
                if len(sent) <= self.ahead and first < m:
                    continue
                until = sent[1].first if len(sent) > 1 else first
                wait_for((sent[0].result, sums if len(sent) == 1 else sent[1].sums))
                block = sent[0]
                take(np.arange(block.first, min(until, m)), block.result)
                sent.popleft()
            except jax.errors.JaxRuntimeError as error:
                if sent:
                    first, start, sums = sent[0].first, sent[0].start, sent[0].sums
                    sent.clear()
                self._blocks.halve(error)
                continue
            self._blocks.advance(layers_done, what)
        return sums


def wait_for(found: Any) -> None:
    """Until devices have worked something out."""
    jax.block_until_ready(found)


def _one_pass(run: Run, grid: _Grid, form: BlockForm) -> None:
    layers = [run.layer(number) for number in range(run.n_layers)]
    features, norms = tuple(x.features for x in layers), tuple(x.half_norms for x in layers)
    place = run.placement.replicate
    coefficients = place(np.zeros((0, 0), np.float32) if run.kernels is None else run.kernels.coefficients)
    k, groups = run.options.ks[-1], run.blocks.column_groups

    def send(n_rows: int, start: jax.Array, sums: RowSums) -> Any:
        program = block_program(run.placement, replace(form, n_rows=n_rows))
        return program(features, norms, groups, grid.queries, start, coefficients, sums)

    def take(at: np.ndarray, found: OfBlock) -> None:
        # Whatever is fetched is there before anything is added.
        fetched = jax.device_get(found._replace(columns=found.columns if run.neighbours is not None else ()))
        for number, columns in enumerate(fetched.columns):
            run.neighbours[number, at] = columns[: len(at), :k]  # pyright: ignore[reportOptionalSubscript]
        if run.kernels is not None and fetched.kernels is not None:
            products, row_sums = fetched.kernels
            run.kernels.add_sums(products, row_sums, run.blocks.queries[at])
        _take_rows(run, at, fetched, 0)

    sums = jax.tree.map(place, no_sums(run.n_layers, len(form.ks), run.n_layers))
    sums = grid.run(send, sums, take, "ranking", run.n_layers)
    if not form.row_by_row:
        kept = jax.device_get(sums)
        _keep(run, kept, 0)
        run.sums.tied_neighbours[:] = kept.tied_neighbours.T


def _two_passes(run: Run, grid: _Grid, form: BlockForm) -> None:
    wanted = place_columns(run, [_neighbours(run, grid, form, number) for number in range(run.n_layers)], grid)
    for target in range(run.n_layers):
        _ranks(run, grid, replace(form, given=(form.given[target],)), target, wanted)


def _ranks(run: Run, grid: _Grid, own: BlockForm, target: int, wanted: jax.Array) -> None:
    """The ranks of all sources' neighbours in one layer, added up; the layer goes before the next one comes."""
    layer, groups = run.layer(target), run.blocks.column_groups

    def send(n_rows: int, start: jax.Array, sums: RowSums) -> Any:
        program = rank_program(run.placement, replace(own, n_rows=n_rows))
        return program(layer.features, layer.half_norms, groups, grid.queries, start, wanted, sums)

    def take(at: np.ndarray, found: OfBlock) -> None:
        _take_rows(run, at, jax.device_get(found), target)

    sums = jax.tree.map(run.placement.replicate, no_sums(run.n_layers, len(own.ks), 1))
    sums = grid.run(send, sums, take, "ranking", 1)
    if not own.row_by_row:
        _keep(run, jax.device_get(sums), target)


def _neighbours(run: Run, grid: _Grid, form: BlockForm, number: int) -> jax.Array:
    """The first k neighbours of all query rows by one layer, on the devices; counts ties with the next."""
    layer, own, parts = run.layer(number), replace(form, given=(form.given[number],)), list[tuple[int, jax.Array]]()

    def send(n_rows: int, start: jax.Array, sums: Any) -> Any:
        program = neighbour_program(run.placement, replace(own, n_rows=n_rows))
        groups = run.blocks.column_groups
        then, ties, columns = program(layer.features, layer.half_norms, groups, grid.queries, start)
        return then, sums, (ties, columns)

    def take(at: np.ndarray, found: tuple[jax.Array, jax.Array]) -> None:
        ties = jax.device_get(found[0])
        run.sums.tied_neighbours[:, number] += ties[: len(at), 0].sum(0)
        parts.append((len(at), found[1]))

    grid.run(send, no_sums(0, 0, 0), take, "finding neighbours", 1)
    columns = [part[:n] for n, part in parts]
    if run.neighbours is not None:
        run.neighbours[number] = np.concatenate(jax.device_get(columns))
    return jnp.concatenate(columns)


def place_columns(run: Run, columns: list[jax.Array], grid: _Grid) -> jax.Array:
    """All sources' neighbours side by side, padded like the query rows, on every device."""
    n_missing = grid.n_padded - columns[0].shape[0]
    beside = jnp.pad(jnp.concatenate(columns, axis=1), ((0, n_missing), (0, 0)))
    return run.placement.everywhere(beside)


def _take_rows(run: Run, at: np.ndarray, fetched: OfBlock, first_target: int) -> None:
    """Add results of every row, where sums over rows are not kept on the devices."""
    for target, ranks in enumerate(fetched.ranks, first_target):
        run.sums.add(target, np.asarray(ranks.doubled)[: len(at)], np.asarray(ranks.tied)[: len(at)], at)
    if fetched.tied_neighbours is not None:
        run.sums.tied_neighbours += np.asarray(fetched.tied_neighbours)[: len(at)].sum(0).T


def _keep(run: Run, sums: RowSums, first_target: int) -> None:
    """Turn limbs of ranks into the sums of a run, for the targets from `first_target` on."""
    targets = slice(first_target, first_target + sums.tied.shape[-1])
    turned = (1, 0, 2)
    run.sums.total[:, :, targets] = wide_value(np.asarray(sums.doubled)).transpose(turned)
    run.sums.squares[:, :, targets] = wide_value(np.asarray(sums.squares)).transpose(turned)
    run.sums.tied[:, :, targets] = sums.tied.transpose(turned)
