"""Neighbours of a strip on NVIDIA GPUs, by Triton: every row is read once by one block of threads, whatever k."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from .cost import strip_cost
from .running_list import empty_list, in_order, take_in
from .tiles import largest_tile

_COLUMNS = 1024
"""Of a tile: eight scores for each of 128 threads."""


def nearest_by_triton(
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
        >>> nearest_by_triton(jnp.zeros((8, 128)), jnp.arange(128.0), 2, interpret=True)[1][0].tolist()
        [0, 1]
    """
    n_rows, n_columns = strip.shape
    width, places = largest_tile(n_columns, _COLUMNS, 128), pl.next_power_of_2(k)
    list_ = pl.BlockSpec((1, places), lambda i: (i, 0))
    scores, columns = pl.pallas_call(
        partial(_row, k=k, width=width),
        grid=(n_rows,),
        # One row of the strip belongs to one program, which goes along it once.
        in_specs=[pl.BlockSpec((1, n_columns), lambda i: (0, 0)), pl.BlockSpec((1, n_columns), lambda i: (i, 0))],
        out_specs=[list_, list_],
        out_shape=[jax.ShapeDtypeStruct((n_rows, places), dtype) for dtype in (jnp.float32, jnp.int32)],
        compiler_params=plgpu.CompilerParams(num_warps=4),
        # The half norms stay in the second cache.
        cost_estimate=strip_cost(n_rows, n_columns, operations=8, kept=2 * places),
        name=f"neighbours_{k}",
        interpret=interpret,
    )(half_norms[None], strip)
    return in_order(scores, columns, k, n_columns)


def _row(norms, strip, scores, columns, *, k: int, width: int) -> None:
    lane = lax.broadcasted_iota(jnp.int32, (1, width), 1)

    def tile(number: jax.Array, kept: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        at = pl.ds(number * width, width)
        return take_in(norms[:, at] - strip[:, at], number * width + lane, *kept)

    kept = lax.fori_loop(0, strip.shape[1] // width, tile, empty_list(1, scores.shape[1], k))
    scores[...], columns[...] = kept
