"""Counts below the scores of given columns on TPU, by Mosaic: rows stay on the chip while both are worked out.

XLA gathers single scores out of a strip by reading a tile of 4 KiB for each, six GiB for 720 of 1,024 rows. Here a row
is on the chip as a whole; the scores are picked out of it register by register and compared with all of it at once.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from .cost import strip_cost
from .tiles import largest_tile
from .tpu_counting import (
    CHIP_BYTES,
    LANES,
    MOST_AT_ONCE,
    SUBLANES,
    TILE_COLUMNS,
    begin_counts,
    count_block,
    end_counts,
    in_parts,
)  # fmt: skip

MOST_ROW_COLUMNS = 1 << 18
"""Columns of a row at most: eight rows, twice in the chip's memory, take 16 MiB then."""


def counts_of_columns_by_mosaic(
    strip: jax.Array, half_norms: jax.Array, columns: jax.Array, *, interpret: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Counts of scores below, and not above, those at given columns of each row.

    Args:
        strip: Gram strip `[n_rows, n_columns]`, float32, columns a multiple of 128 and at most `MOST_ROW_COLUMNS`;
            `-inf` where a sample is left out.
        half_norms: Half squared norms `[n_columns]`, `inf` for padding.
        columns: `[n_rows, n_wanted]`, int32, at least one a row, where scores are finite.
        interpret: Run the kernel's steps one by one on any platform.

    Returns:
        Two int32 arrays `[n_rows, n_wanted]`: below, and not above.

    Example:
        >>> strip, norms = jnp.zeros((8, 128)), jnp.arange(128.0)
        >>> less, upto = counts_of_columns_by_mosaic(strip, norms, jnp.full((8, 1), 2), interpret=True)
        >>> less[0].tolist(), upto[0].tolist()
        ([2], [3])
    """
    (n_rows, n_columns), n_wanted = strip.shape, columns.shape[1]
    if n_wanted > MOST_AT_ONCE:
        return in_parts(partial(counts_of_columns_by_mosaic, interpret=interpret), strip, half_norms, columns)
    padded = pl.cdiv(n_wanted, LANES) * LANES
    wanted = jnp.pad(columns, ((0, 0), (0, padded - n_wanted)))
    row_blocks = pl.cdiv(n_rows, SUBLANES)
    of_rows = pl.BlockSpec((SUBLANES, padded), lambda i: (i, 0))
    registers = (n_wanted, SUBLANES, LANES)
    less, upto = pl.pallas_call(
        partial(_step, width=largest_tile(n_columns, TILE_COLUMNS, LANES)),
        grid=(row_blocks,),
        # Every row of the strip belongs to one step of the grid, which reads it once.
        in_specs=[
            pl.BlockSpec((1, n_columns), lambda i: (0, 0)),
            pl.BlockSpec((SUBLANES, n_columns), lambda i: (i, 0)),
            of_rows,
        ],
        out_specs=[of_rows, of_rows],
        out_shape=[jax.ShapeDtypeStruct((n_rows, padded), jnp.int32)] * 2,
        scratch_shapes=[
            pltpu.VMEM((SUBLANES, padded), jnp.float32),
            pltpu.VMEM(registers, jnp.float32),
            pltpu.VMEM(registers, jnp.int32),
        ],
        compiler_params=pltpu.CompilerParams(dimension_semantics=(pltpu.PARALLEL,), vmem_limit_bytes=CHIP_BYTES),
        cost_estimate=strip_cost(n_rows, n_columns, operations=5 * n_wanted + 3 * padded // LANES, kept=3 * padded),
        name=f"ranks_{n_wanted}",
        interpret=interpret,
    )(half_norms[None], strip, wanted)
    return less[:, :n_wanted], upto[:, :n_wanted]


def _step(norms, strip, wanted, less, upto, bounds, wide, packed, *, width: int) -> None:
    """Eight rows: their scores at the wanted columns, then the counts."""
    for start in range(0, wanted.shape[1], LANES):
        _pick(norms, strip, wanted, bounds, pl.ds(start, LANES), width)
    begin_counts(bounds, wide, packed)
    count_block(norms, strip, wide, packed, width)
    end_counts(packed, less, upto)


def _pick(norms, strip, wanted, bounds, register, width: int) -> None:
    """Scores of one register of wanted columns, out of whichever registers of the rows they lie in."""
    columns = wanted[:, register]
    lane = columns & (LANES - 1)
    place = lax.shift_right_logical(columns, jnp.full(columns.shape, LANES.bit_length() - 1, jnp.int32))

    def tile(number: jax.Array, found: jax.Array) -> jax.Array:
        at = pl.ds(pl.multiple_of(number * width, width), width)
        scores = norms[:, at] - strip[:, at]
        for part in range(width // LANES):
            here = jnp.take_along_axis(scores[:, part * LANES : (part + 1) * LANES], lane, axis=1)
            found = jnp.where(place == number * (width // LANES) + part, here, found)
        return found

    none = jnp.zeros(columns.shape, jnp.float32)
    bounds[:, register] = lax.fori_loop(0, strip.shape[1] // width, tile, none)
