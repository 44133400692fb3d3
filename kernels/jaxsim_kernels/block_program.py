"""A block of query rows as one program: strips of all layers, neighbours, ranks, sums of kernels, and sums over rows.

Nothing leaves the devices between its steps. What is added up over rows stays there, in integers of any width, until
the last block; what a caller wants row by row is a result of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from .kernel_program import kernel_sums_of_strips
from .kernel_sums import KernelName
from .placement import Placement
from .programs import compiled_for, mapped_over
from .scores import Precision
from .strips import RowRanks, counts_at_columns, gram_strip, nearest_in_strip, row_ranks
from .wide_sums import carried, wide_sum, wide_sum_of_squares


@dataclass(frozen=True)
class BlockForm:
    """What a program of blocks does, apart from its arrays.

    Attributes:
        n_rows: Rows of a block, on each device where rows are sharded.
        ks: Numbers of neighbours, increasing.
        strict: Give tied thresholds their first rank.
        precision: Of the products.
        given: Whether a layer is given by distances, one for each.
        row_by_row: Results of every row in place of sums over rows.
        kernels: Kernels whose sums are worked out.
    """

    n_rows: int
    ks: tuple[int, ...]
    strict: bool
    precision: Precision
    given: tuple[bool, ...]
    row_by_row: bool = False
    kernels: tuple[KernelName, ...] = ()


class Queries(NamedTuple):
    """The query rows of a measurement, on every device.

    Attributes:
        samples: Which samples they are, padded by a block at least `[n_padded]`.
        n_valid: How many they are.
        groups: Their groups, padded alike; None where there are none.
    """

    samples: jax.Array
    n_valid: jax.Array
    groups: jax.Array | None


class RowSums(NamedTuple):
    """Sums over rows, in limbs, see `wide_sums`.

    Attributes:
        doubled: Of doubled rank sums `[3, n_sources, n_k, n_targets]`.
        squares: Of their squares `[5, n_sources, n_k, n_targets]`.
        tied: Number of ranks that another sample shares `[n_sources, n_k, n_targets]`.
        tied_neighbours: Number of rows whose k-th neighbour ties with the next `[n_sources, n_k]`.
    """

    doubled: jax.Array | np.ndarray
    squares: jax.Array | np.ndarray
    tied: jax.Array | np.ndarray
    tied_neighbours: jax.Array | np.ndarray


class OfBlock(NamedTuple):
    """What is known of the rows of one block.

    Attributes:
        ranks: Of every row `[n_rows, n_sources, n_k]`, one for each target; empty where sums over rows are kept.
        tied_neighbours: Whether a row's k-th neighbour ties with the next `[n_rows, n_sources, n_k]`, or None.
        columns: Every source's neighbours `[n_rows, max(ks)]`.
        kernels: Products `[n_kernels, n_layers, n_layers]` and row sums `[n_kernels, n_layers, n_rows]`, or None.
    """

    ranks: tuple[RowRanks, ...]
    tied_neighbours: jax.Array | None
    columns: tuple[jax.Array, ...]
    kernels: tuple[jax.Array, jax.Array] | None


def no_sums(n_sources: int, n_k: int, n_targets: int) -> RowSums:
    """Zeros.

    Example:
        >>> no_sums(3, 1, 2).doubled.shape
        (3, 3, 1, 2)
    """
    shape = (n_sources, n_k, n_targets)
    widths = ((3, *shape), (5, *shape), shape, shape[:2])
    return RowSums(*(np.zeros(each, np.int32) for each in widths))


@cache
def block_program(placement: Placement, form: BlockForm) -> Any:
    """`(features, half_norms, column_groups, queries, start, coefficients, sums) -> (next start, sums, OfBlock)`.

    All of one pass. Features and half norms are tuples with one of each layer; coefficients `[n_kernels, n_layers]` are
    those of `rbf`; `column_groups` are those of the samples, None where there are none.
    """
    axis, across = placement.axis, placement.rows_axis

    def step(features, half_norms, column_groups, queries, start, coefficients, sums):
        rows, valid, groups = _rows(form, queries, column_groups, start, across)
        strips = [
            gram_strip(x, rows, form.precision, axis, given, groups)
            for x, given in zip(features, form.given, strict=True)
        ]
        # One more neighbour than asked for tells whether the last place was tied.
        near = [nearest_in_strip(s, h, form.ks[-1] + 1, axis) for s, h in zip(strips, half_norms, strict=True)]
        columns = tuple(columns[:, : form.ks[-1]] for _, columns in near)
        wanted = jnp.concatenate(columns, axis=1)
        ranks = tuple(_ranks(form, s, h, wanted, axis) for s, h in zip(strips, half_norms, strict=True))
        ties, kernels = _ties(form, [scores for scores, _ in near], valid), None
        if form.kernels:
            # Rows are not sharded then, see `plan`.
            kernels = kernel_sums_of_strips(
                strips, half_norms, rows, valid, coefficients, form.kernels, form.given, axis
            )
        columns = _all_rows(across, columns)
        if form.row_by_row:
            found = OfBlock(_all_rows(across, ranks), _all_rows(across, ties), columns, kernels)
            return _next(form, placement, start), sums, found
        sums = _added(sums, ranks, valid, across)
        tied = sums.tied_neighbours + _over(across, ties.sum(0, dtype=jnp.int32))
        return _next(form, placement, start), sums._replace(tied_neighbours=tied), OfBlock((), None, columns, kernels)

    inputs = (P(axis), P(axis), P(axis), P(), P(), P(), P())
    return _on_devices(placement, step, inputs)


@cache
def neighbour_program(placement: Placement, form: BlockForm) -> Any:
    """`(features, half_norms, column_groups, queries, start) -> (next start, ties, columns)`, the first of two passes.

    Of one layer: whether the k-th neighbour ties with the next `[n_rows, 1, n_k]`, and columns `[n_rows, max(ks)]`.
    """
    axis, across = placement.axis, placement.rows_axis

    def step(features, half_norms, column_groups, queries, start):
        rows, valid, groups = _rows(form, queries, column_groups, start, across)
        strip = gram_strip(features, rows, form.precision, axis, form.given[0], groups)
        scores, columns = nearest_in_strip(strip, half_norms, form.ks[-1] + 1, axis)
        found = _ties(form, [scores], valid), columns[:, : form.ks[-1]]
        return _next(form, placement, start), *_all_rows(across, found)

    return _on_devices(placement, step, (P(axis), P(axis), P(axis), P(), P()))


@cache
def rank_program(placement: Placement, form: BlockForm) -> Any:
    """`(features, half_norms, column_groups, queries, start, wanted, sums) -> (next start, sums, OfBlock)`.

    The second of two passes, of one target; `wanted` are all sources' neighbours of all query rows,
    `[n_padded, n_sources * max(ks)]`.
    """
    axis, across = placement.axis, placement.rows_axis

    def step(features, half_norms, column_groups, queries, start, wanted, sums):
        rows, valid, groups = _rows(form, queries, column_groups, start, across)
        strip = gram_strip(features, rows, form.precision, axis, form.given[0], groups)
        here = lax.dynamic_slice_in_dim(wanted, _own(form, start, across), form.n_rows)
        ranks = (_ranks(form, strip, half_norms, here, axis),)
        if form.row_by_row:
            return _next(form, placement, start), sums, OfBlock(_all_rows(across, ranks), None, (), None)
        return _next(form, placement, start), _added(sums, ranks, valid, across), OfBlock((), None, (), None)

    return _on_devices(placement, step, (P(axis), P(axis), P(axis), P(), P(), P(), P()))


def _on_devices(placement: Placement, step: Any, inputs: Any) -> Any:
    """The step mapped over a mesh; a specification serves every leaf of its argument, and all devices end up alike."""
    if placement.mesh is None:
        return compiled_for(placement, step)
    return compiled_for(placement, mapped_over(placement, step, inputs, P()))


def _own(form: BlockForm, start: jax.Array, across: str | None) -> jax.Array:
    """Where this device's rows begin."""
    return start if across is None else start + lax.axis_index(across) * form.n_rows


def _next(form: BlockForm, placement: Placement, start: jax.Array) -> jax.Array:
    return start + form.n_rows * placement.n_row_shards


def _all_rows(across: str | None, found: Any) -> Any:
    """What devices found for their rows, on every one of them."""
    if across is None:
        return found
    return jax.tree.map(lambda each: lax.all_gather(each, across, tiled=True), found)


def _over(across: str | None, sums: Any) -> Any:
    return sums if across is None else lax.psum(sums, across)


def _rows(
    form: BlockForm, queries: Queries, column_groups: jax.Array | None, start: jax.Array, across: str | None
) -> tuple[jax.Array, jax.Array, tuple[jax.Array, jax.Array] | None]:
    """Samples of this device's rows, which of them count, and the groups of rows and columns."""
    own = _own(form, start, across)
    rows = lax.dynamic_slice_in_dim(queries.samples, own, form.n_rows)
    valid = own + jnp.arange(form.n_rows, dtype=jnp.int32) < queries.n_valid
    if column_groups is None or queries.groups is None:
        return rows, valid, None
    return rows, valid, (lax.dynamic_slice_in_dim(queries.groups, own, form.n_rows), column_groups)


def _ranks(form: BlockForm, strip: jax.Array, half_norms: jax.Array, wanted: jax.Array, axis: str | None) -> RowRanks:
    counts = counts_at_columns(strip, half_norms, wanted, axis)
    return row_ranks(counts, wanted.shape[1] // form.ks[-1], form.ks, form.strict)


def _ties(form: BlockForm, scores: Sequence[jax.Array], valid: jax.Array) -> jax.Array:
    at = jnp.asarray(form.ks)
    return jnp.stack([each[:, at - 1] == each[:, at] for each in scores], axis=1) & valid[:, None, None]


def _added(sums: RowSums, ranks: tuple[RowRanks, ...], valid: jax.Array, across: str | None) -> RowSums:
    doubled, tied = (
        jnp.where(valid[:, None, None, None], jnp.stack(each, axis=-1), 0) for each in zip(*ranks, strict=True)
    )
    block = wide_sum(doubled), wide_sum_of_squares(doubled), tied.sum(0, dtype=jnp.int32)
    block = _over(across, block)
    return sums._replace(
        doubled=carried(sums.doubled + block[0]),
        squares=carried(sums.squares + block[1]),
        tied=sums.tied + block[2],
    )
