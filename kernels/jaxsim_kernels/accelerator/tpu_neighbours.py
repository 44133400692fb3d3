"""Neighbours of a strip on TPU, by Mosaic: the strip comes into the chip's memory once, whatever k."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from .cost import strip_cost
from .running_list import empty_list, in_order, take_in
from .tiles import largest_tile

LANES = 128
"""A row's list is one register wide."""

_ROWS, _COLUMNS = 256, 1024
"""Of a tile: 1 MiB, twice in the chip's memory, once coming and once in use."""


def nearest_by_mosaic(
    strip: jax.Array, half_norms: jax.Array, k: int, *, interpret: bool = False
) -> tuple[jax.Array, jax.Array]:
    """K smallest scores of each row, ties in index order.

    Args:
        strip: Gram strip `[n_rows, n_columns]`, float32, columns a multiple of 128; `-inf` where a sample is left out.
        half_norms: Half squared norms `[n_columns]`, `inf` for padding.
        k: How many, at most 128.
        interpret: Run the kernel's steps one by one on any platform.

    Returns:
        Scores `[n_rows, k]` and columns `[n_rows, k]` (int32).

    Example:
        >>> nearest_by_mosaic(jnp.zeros((8, 128)), jnp.arange(128.0), 2, interpret=True)[1][0].tolist()
        [0, 1]
    """
    n_rows, n_columns = strip.shape
    rows, width = min(_ROWS, n_rows), largest_tile(n_columns, _COLUMNS, LANES)
    row_blocks = pl.cdiv(n_rows, rows)
    lists = pl.BlockSpec((rows, LANES), lambda i, j: (i, 0))
    scores, columns = pl.pallas_call(
        partial(_step, k=k, width=width),
        grid=(row_blocks, n_columns // width),
        # Every tile of the strip belongs to one step of the grid, which reads it once.
        in_specs=[pl.BlockSpec((1, width), lambda i, j: (0, j)), pl.BlockSpec((rows, width), lambda i, j: (i, j))],
        out_specs=[lists, lists],
        out_shape=[jax.ShapeDtypeStruct((n_rows, LANES), dtype) for dtype in (jnp.float32, jnp.int32)],
        compiler_params=pltpu.CompilerParams(dimension_semantics=(pltpu.PARALLEL, pltpu.ARBITRARY)),
        cost_estimate=strip_cost(
            n_rows, n_columns, operations=8, readings_of_norms=pl.cdiv(n_rows, rows), kept=2 * LANES
        ),
        name=f"neighbours_{k}",
        interpret=interpret,
    )(half_norms[None], strip)
    return in_order(scores, columns, k, n_columns)


def _step(norms, strip, scores, columns, *, k: int, width: int) -> None:
    tile = pl.program_id(1)

    @pl.when(tile == 0)
    def _():
        scores[...], columns[...] = empty_list(scores.shape[0], LANES, k)

    found = norms[...] - strip[...]
    ids = tile * width + lax.broadcasted_iota(jnp.int32, found.shape, 1)
    scores[...], columns[...] = take_in(found, ids, scores[...], columns[...])
