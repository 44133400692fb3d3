"""Two passes: the neighbours by every layer first, then the ranks in one layer at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import numpy as np

from .blocks import Rows
from .host.sorting import distinct_columns
from .host.tiles import ranks_from_tiles
from .one_pass import on_host
from .padding import TILE
from .prepare import Layer
from .programs import tile_program, triangle_program
from .strip_maker import StripMaker

if TYPE_CHECKING:
    from .streaming import Run


def two_passes(run: Run) -> None:
    """Find all neighbours, then rank them in every layer.

    Args:
        run: What is measured; its sums are added to.
    """
    blocks, k = run.blocks, run.options.ks[-1]
    n_queries, n_splits = len(blocks.queries), 0 if run.halves is None else run.halves.n_splits
    neighbours = np.empty((n_queries, run.n_layers, k), np.int32)
    near = np.empty((n_queries, run.n_layers, n_splits, k), np.int32)
    for source in range(run.n_layers):
        scores, columns = _neighbours(run, source, near[:, source])
        neighbours[:, source] = columns[:, :k]
        run.sums.count_tied_neighbours([scores], run.options.ks, source)
    if run.neighbours is not None:
        run.neighbours[:] = neighbours.transpose(1, 0, 2)
    in_order = np.array_equal(blocks.queries, np.arange(run.work.n_samples))
    by_tiles = _by_tiles(run, neighbours) if run.plan.ranking == "tile" and in_order else None
    strip_of = StripMaker(0, run.options, run.placement, blocks)

    def rank_in(target: int) -> None:
        # A function of its own: the layer goes before the next one comes.
        layer = run.layer(target)
        left = blocks.every_row if by_tiles is None else by_tiles(layer, target)

        def block(at: np.ndarray, rows: Rows) -> None:
            columns = np.zeros((blocks.plan.rows, run.n_layers * k), np.int32)
            columns[: len(at)] = neighbours[at].reshape(len(at), -1)
            strip = strip_of(target, layer, rows)
            ranks = run.ranker.ranks(strip, layer, run.ranker.given(columns))
            run.sums.add(target, np.asarray(ranks.doubled)[: len(at)], np.asarray(ranks.tied)[: len(at)], at)
            if run.in_halves is not None:
                run.in_halves.rank(target, *on_host(strip, layer, at), at, run.in_halves.wanted(near[at]))

        blocks.for_each(block, left, "ranking")

    for target in range(run.n_layers):
        rank_in(target)


def _by_tiles(run: Run, neighbours: np.ndarray) -> Callable[[Layer, int], np.ndarray]:
    """`(layer, target) -> rows that are still to be ranked`; adds up the others from tiles worked out once."""
    n, options = run.work.n_samples, run.options
    columns = distinct_columns(neighbours.reshape(n, -1), n)
    product = tile_program(run.placement, options.precision)
    worth_it = True

    def rank(layer: Layer, target: int) -> np.ndarray:
        nonlocal worth_it
        if not worth_it:
            return np.arange(n)
        parts = [layer.features[start : start + TILE] for start in range(0, n, TILE)]
        found = ranks_from_tiles(
            layer, lambda i, j: np.asarray(product(parts[i], parts[j])), columns, options.ks, options.strict
        )
        settled = np.setdiff1d(np.arange(n), found.unsettled, assume_unique=True)
        run.sums.add(target, found.doubled[settled], found.tied[settled], settled)
        run.blocks.advance(run.blocks.in_all * len(settled) // n, "ranking")
        # Where many scores tie, most rows have to be worked out again; the next layer is likely the same.
        worth_it = len(settled) > n / 2
        return found.unsettled

    return rank


def _neighbours(run: Run, number: int, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and columns of one more neighbour than asked for; those within halves are written to `near`."""
    blocks, layer, k = run.blocks, run.layer(number), run.options.ks[-1] + 1
    n_queries, in_halves = len(blocks.queries), run.in_halves
    # A given matrix of distances need not be symmetric, and the samples that a row leaves out differ.
    symmetric = run.options.metric_of(number) != "precomputed" and run.groups is None
    if run.placement.mesh is None and n_queries == run.work.n_samples and symmetric and in_halves is None:
        found = _neighbours_by_triangle(run, layer, k)
        return np.asarray(found[0])[blocks.queries], np.asarray(found[1])[blocks.queries]
    strip_of = StripMaker(k, run.options, run.placement, blocks)
    scores = np.empty((n_queries, k), layer.half_norms.dtype)
    columns = np.empty((n_queries, k), np.int32)

    def block(at: np.ndarray, rows: Rows) -> None:
        strip, block_scores, block_columns = strip_of(number, layer, rows)
        scores[at] = np.asarray(block_scores)[: len(at)]
        columns[at] = np.asarray(block_columns)[: len(at)]
        if in_halves is not None:
            near[at] = in_halves.near(number, *on_host(strip, layer, at), at)

    blocks.for_each(block, blocks.every_row, "finding neighbours")
    return scores, columns


def _neighbours_by_triangle(run: Run, layer: Layer, k: int) -> tuple[jax.Array, jax.Array]:
    n_padded, placement = run.plan.n_padded, run.placement
    step = triangle_program(placement, k, TILE, run.options.precision)
    scores = placement.place(np.full((n_padded, k), np.inf, layer.half_norms.dtype))
    columns = placement.place(np.full((n_padded, k), np.iinfo(np.int32).max, np.int32))
    n_tiles, in_all = n_padded // TILE, run.blocks.in_all
    for row_tile in range(n_tiles):
        scores, columns = step(layer.features, layer.half_norms, scores, columns, row_tile)
        scores.block_until_ready()
        run.blocks.advance(in_all * (row_tile + 1) // n_tiles - in_all * row_tile // n_tiles, "finding neighbours")
    return scores, columns
