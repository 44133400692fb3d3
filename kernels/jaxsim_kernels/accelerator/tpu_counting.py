"""Counts below thresholds on TPU, by Mosaic: the strip comes into the chip's memory once, however many thresholds."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from .cost import strip_cost
from .tiles import largest_tile

_LANES, _SUBLANES = 128, 8
"""Of a register: a row of thresholds meets 128 columns of eight rows at once."""

_BLOCK_COLUMNS, _TILE_COLUMNS = 16_384, 1024
"""Columns that come together, half a MiB, and columns whose scores stay in registers while thresholds pass by."""

_UPTO = 1 << 16
MOST_COLUMNS = _LANES * (1 << 15)
"""A lane sees one column in 128, and both of its counts share 32 bits."""


def counts_by_mosaic(
    strip: jax.Array, half_norms: jax.Array, thresholds: jax.Array, *, interpret: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Counts of scores below, and not above, each of a row's thresholds.

    Args:
        strip: Gram strip `[n_rows, n_columns]`, float32, columns a multiple of 128 and fewer than `MOST_COLUMNS`;
            `-inf` where a sample is left out.
        half_norms: Half squared norms `[n_columns]`, `inf` for padding.
        thresholds: `[n_rows, n_thresholds]`, finite, at least one.
        interpret: Run the kernel's steps one by one on any platform.

    Returns:
        Two int32 arrays `[n_rows, n_thresholds]`: below, and not above.

    Example:
        >>> strip, norms = jnp.zeros((8, 128)), jnp.arange(128.0)
        >>> less, upto = counts_by_mosaic(strip, norms, jnp.full((8, 1), 2.0), interpret=True)
        >>> less[0].tolist(), upto[0].tolist()
        ([2], [3])
    """
    (n_rows, n_columns), n_thresholds = strip.shape, thresholds.shape[1]
    width = largest_tile(n_columns, _BLOCK_COLUMNS, _LANES)
    padded = pl.cdiv(n_thresholds, _LANES) * _LANES
    bounds = jnp.pad(thresholds, ((0, 0), (0, padded - n_thresholds)))
    row_blocks = pl.cdiv(n_rows, _SUBLANES)
    of_rows = pl.BlockSpec((_SUBLANES, padded), lambda i, j: (i, 0))
    registers = pltpu.VMEM((n_thresholds, _SUBLANES, _LANES), jnp.float32)
    less, upto = pl.pallas_call(
        partial(_step, n_thresholds=n_thresholds, width=largest_tile(width, _TILE_COLUMNS, _LANES)),
        grid=(row_blocks, n_columns // width),
        # Every block of the strip belongs to one step of the grid, which reads it once.
        in_specs=[
            pl.BlockSpec((1, width), lambda i, j: (0, j)),
            pl.BlockSpec((_SUBLANES, width), lambda i, j: (i, j)),
            of_rows,
        ],
        out_specs=[of_rows, of_rows],
        out_shape=[jax.ShapeDtypeStruct((n_rows, padded), jnp.int32)] * 2,
        scratch_shapes=[registers, pltpu.VMEM(registers.shape, jnp.int32)],
        compiler_params=pltpu.CompilerParams(dimension_semantics=(pltpu.PARALLEL, pltpu.ARBITRARY)),
        cost_estimate=strip_cost(
            n_rows, n_columns, operations=5 * n_thresholds, readings_of_norms=row_blocks, kept=3 * padded
        ),
        name=f"counts_{n_thresholds}",
        interpret=interpret,
    )(half_norms[None], strip, bounds)
    return less[:, :n_thresholds], upto[:, :n_thresholds]


def _step(norms, strip, bounds, less, upto, wide, packed, *, n_thresholds: int, width: int) -> None:
    """One block of columns: the thresholds of its rows, each spread over a register, against tiles of scores."""

    @pl.when(pl.program_id(1) == 0)
    def _():
        packed[...] = jnp.zeros(packed.shape, jnp.int32)
        _for_each(n_thresholds, partial(_spread, bounds, wide))

    def tile(number: jax.Array, carry: jax.Array) -> jax.Array:
        at = pl.ds(pl.multiple_of(number * width, width), width)
        scores = norms[:, at] - strip[:, at]
        parts = [scores[:, start : start + _LANES] for start in range(0, width, _LANES)]

        def compare(place: jax.Array) -> None:
            bound, count = wide[place], packed[place]
            for part in parts:
                # One unit in each half of the integer, so that one addition counts for both.
                count = count + jnp.where(part < bound, _UPTO + 1, jnp.where(part <= bound, _UPTO, 0))
            packed[place] = count

        _for_each(n_thresholds, compare)
        return carry

    lax.fori_loop(0, strip.shape[1] // width, tile, jnp.int32(0))

    @pl.when(pl.program_id(1) == pl.num_programs(1) - 1)
    def _():
        less[...] = jnp.zeros(less.shape, jnp.int32)
        upto[...] = jnp.zeros(upto.shape, jnp.int32)
        _for_each(n_thresholds, partial(_gather, packed, less, upto))


def _for_each(n: int, do) -> None:
    def step(place: jax.Array, carry: jax.Array) -> jax.Array:
        do(place)
        return carry

    lax.fori_loop(0, n, step, jnp.int32(0))


def _chunk(place: jax.Array) -> tuple[Any, jax.Array]:
    """The register that a threshold lies in, and where in it."""
    lane = place & (_LANES - 1)
    start = pl.multiple_of(place - lane, _LANES)
    return pl.ds(start, _LANES), lax.broadcasted_iota(jnp.int32, (_SUBLANES, _LANES), 1) == lane


def _spread(bounds, wide, place: jax.Array) -> None:
    at, here = _chunk(place)
    own = jnp.sum(jnp.where(here, bounds[:, at], 0.0), axis=1, keepdims=True)
    wide[place] = jnp.broadcast_to(own, (_SUBLANES, _LANES))


def _gather(packed, less, upto, place: jax.Array) -> None:
    at, here = _chunk(place)
    counts = packed[place]
    halves = counts & (_UPTO - 1), lax.shift_right_logical(counts, jnp.full(counts.shape, 16, jnp.int32))
    for out, half in zip((less, upto), halves, strict=True):
        out[:, at] = jnp.where(here, jnp.sum(half, axis=1, keepdims=True, dtype=jnp.int32), out[:, at])
