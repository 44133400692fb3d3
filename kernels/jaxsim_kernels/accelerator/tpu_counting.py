"""Counts below thresholds on TPU, by Mosaic: the strip comes into the chip's memory once, however many thresholds.

All thresholds are compared. A search of sorted ones would need what a TPU does not have, adding at places that are
worked out: a sort of the strip moves it nine times, and products of indicators take twice the bytes of this.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from .cost import strip_cost
from .tiles import largest_tile

LANES, SUBLANES = 128, 8
"""Of a register: a row of thresholds meets 128 columns of eight rows at once."""

_BLOCK_COLUMNS, TILE_COLUMNS = 16_384, 1024
"""Columns that come together, half a MiB, and columns whose scores stay in registers while thresholds pass by."""

MOST_AT_ONCE = 2048
"""Thresholds that have two registers of the chip's memory each, 16 MiB together; more are counted in parts, which
read the strip once each."""

CHIP_BYTES = 64 * 2**20
"""Of the chip's memory, half of a v5e's, for a kernel's blocks and registers."""

_UPTO = 1 << 16
MOST_COLUMNS = LANES * (1 << 15)
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
    if n_thresholds > MOST_AT_ONCE:
        return in_parts(partial(counts_by_mosaic, interpret=interpret), strip, half_norms, thresholds)
    width = largest_tile(n_columns, _BLOCK_COLUMNS, LANES)
    padded = pl.cdiv(n_thresholds, LANES) * LANES
    bounds = jnp.pad(thresholds, ((0, 0), (0, padded - n_thresholds)))
    row_blocks = pl.cdiv(n_rows, SUBLANES)
    of_rows = pl.BlockSpec((SUBLANES, padded), lambda i, j: (i, 0))
    registers = pltpu.VMEM((n_thresholds, SUBLANES, LANES), jnp.float32)
    less, upto = pl.pallas_call(
        partial(_step, width=largest_tile(width, TILE_COLUMNS, LANES)),
        grid=(row_blocks, n_columns // width),
        # Every block of the strip belongs to one step of the grid, which reads it once.
        in_specs=[
            pl.BlockSpec((1, width), lambda i, j: (0, j)),
            pl.BlockSpec((SUBLANES, width), lambda i, j: (i, j)),
            of_rows,
        ],
        out_specs=[of_rows, of_rows],
        out_shape=[jax.ShapeDtypeStruct((n_rows, padded), jnp.int32)] * 2,
        scratch_shapes=[registers, pltpu.VMEM(registers.shape, jnp.int32)],
        compiler_params=pltpu.CompilerParams(
            dimension_semantics=(pltpu.PARALLEL, pltpu.ARBITRARY), vmem_limit_bytes=CHIP_BYTES
        ),
        cost_estimate=strip_cost(
            n_rows, n_columns, operations=5 * n_thresholds, readings_of_norms=row_blocks, kept=3 * padded
        ),
        name=f"counts_{n_thresholds}",
        interpret=interpret,
    )(half_norms[None], strip, bounds)
    return less[:, :n_thresholds], upto[:, :n_thresholds]


def in_parts(
    count: Callable[..., tuple[jax.Array, jax.Array]], strip: jax.Array, half_norms: jax.Array, of_rows: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """What `count(strip, half_norms, of_rows)` gives, for as many thresholds at once as the chip has room for."""
    starts = range(0, of_rows.shape[1], MOST_AT_ONCE)
    found = [count(strip, half_norms, of_rows[:, start : start + MOST_AT_ONCE]) for start in starts]
    less, upto = (jnp.concatenate(each, axis=1) for each in zip(*found, strict=True))
    return less, upto


def _step(norms, strip, bounds, less, upto, wide, packed, *, width: int) -> None:
    """One block of columns."""

    @pl.when(pl.program_id(1) == 0)
    def _():
        begin_counts(bounds, wide, packed)

    count_block(norms, strip, wide, packed, width)

    @pl.when(pl.program_id(1) == pl.num_programs(1) - 1)
    def _():
        end_counts(packed, less, upto)


def begin_counts(bounds, wide, packed) -> None:
    """Spread every threshold over a register of its own, and set all counts to zero."""
    packed[...] = jnp.zeros(packed.shape, jnp.int32)
    _for_each(wide.shape[0], partial(_spread, bounds, wide))


def count_block(norms, strip, wide, packed, width: int) -> None:
    """Thresholds, each in a register, against tiles of scores."""

    def tile(number: jax.Array, carry: jax.Array) -> jax.Array:
        at = pl.ds(pl.multiple_of(number * width, width), width)
        scores = norms[:, at] - strip[:, at]
        parts = [scores[:, start : start + LANES] for start in range(0, width, LANES)]

        def compare(place: jax.Array) -> None:
            bound, count = wide[place], packed[place]
            for part in parts:
                # One unit in each half of the integer, so that one addition counts for both.
                count = count + jnp.where(part < bound, _UPTO + 1, jnp.where(part <= bound, _UPTO, 0))
            packed[place] = count

        _for_each(wide.shape[0], compare)
        return carry

    lax.fori_loop(0, strip.shape[1] // width, tile, jnp.int32(0))


def end_counts(packed, less, upto) -> None:
    """Add up the lanes of every threshold's counts."""
    less[...] = jnp.zeros(less.shape, jnp.int32)
    upto[...] = jnp.zeros(upto.shape, jnp.int32)
    _for_each(packed.shape[0], partial(_gather, packed, less, upto))


def _for_each(n: int, do) -> None:
    def step(place: jax.Array, carry: jax.Array) -> jax.Array:
        do(place)
        return carry

    lax.fori_loop(0, n, step, jnp.int32(0))


def _chunk(place: jax.Array) -> tuple[Any, jax.Array]:
    """The register that a threshold lies in, and where in it."""
    lane = place & (LANES - 1)
    start = pl.multiple_of(place - lane, LANES)
    return pl.ds(start, LANES), lax.broadcasted_iota(jnp.int32, (SUBLANES, LANES), 1) == lane


def _spread(bounds, wide, place: jax.Array) -> None:
    at, here = _chunk(place)
    own = jnp.sum(jnp.where(here, bounds[:, at], 0.0), axis=1, keepdims=True)
    wide[place] = jnp.broadcast_to(own, (SUBLANES, LANES))


def _gather(packed, less, upto, place: jax.Array) -> None:
    at, here = _chunk(place)
    counts = packed[place]
    halves = counts & (_UPTO - 1), lax.shift_right_logical(counts, jnp.full(counts.shape, 16, jnp.int32))
    for out, half in zip((less, upto), halves, strict=True):
        out[:, at] = jnp.where(here, jnp.sum(half, axis=1, keepdims=True, dtype=jnp.int32), out[:, at])
