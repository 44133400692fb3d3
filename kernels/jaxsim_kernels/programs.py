"""The compiled steps, on one device or mapped over a mesh. Everything static is in the arguments' names."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from .neighbours import merged, nearest
from .placement import Placement
from .scores import Precision, gram
from .strips import counts_at_columns, gram_strip, nearest_in_strip, row_ranks


@cache
def strip_program(
    placement: Placement,
    k: int,
    precision: Precision,
    precomputed: bool = False,
    reuse: bool = False,
    grouped: bool = False,
) -> Any:
    """`(features, half_norms, rows) -> (strip, scores, columns)`; with k = 0 the strip alone is worked out.

    With `grouped` the groups of the rows and of the samples follow `rows`. With `reuse` there is one more argument, a
    strip that is not needed any more: the new one takes its memory, since fresh pages would cost a tenth of the
    product.
    """
    axis = placement.axis

    def step(features, half_norms, rows, *further):
        strip = gram_strip(features, rows, precision, axis, precomputed, further[:2] if grouped else None)
        if k == 0:
            return strip
        return strip, *nearest_in_strip(strip, half_norms, k, axis)

    options = {"donate_argnums": (5 if grouped else 3,), "keep_unused": True} if reuse else {}
    if axis is None:
        return compiled_for(placement, step, **options)
    strip_spec = P(None, axis)
    inputs = (P(axis), P(axis), P(), *((P(), P(axis)) if grouped else ()), *([strip_spec] if reuse else []))
    outputs = strip_spec if k == 0 else (strip_spec, P(), P())
    return compiled_for(placement, mapped_over(placement, step, inputs, outputs), **options)


@cache
def take_program(placement: Placement, precomputed: bool) -> Any:
    """`(features, half_norms, samples, n_valid, distances_from) -> (features, half_norms)` of some samples.

    Samples from `n_valid` on are padding. Of given distances, those from other samples are left out as well.
    """

    def step(features, half_norms, samples, n_valid, distances_from):
        valid = jnp.arange(samples.shape[0]) < n_valid
        chosen = features[samples][:, distances_from] if precomputed else features[samples]
        return jnp.where(valid[:, None], chosen, 0), jnp.where(valid, half_norms[samples], jnp.inf)

    if placement.mesh is None:
        return compiled_for(placement, step)
    sharded = NamedSharding(placement.mesh, P(placement.axis))
    return compiled_for(placement, step, out_shardings=(sharded, sharded))


@cache
def count_program(placement: Placement, n_sources: int, ks: tuple[int, ...], strict: bool) -> Any:
    """`(strip, half_norms, columns [n_rows, n_sources * max(ks)]) -> RowRanks`, by counting."""
    axis = placement.axis

    def step(strip, half_norms, columns):
        return row_ranks(counts_at_columns(strip, half_norms, columns, axis), n_sources, ks, strict)

    if axis is None:
        return compiled_for(placement, step)
    # One specification serves every leaf of the result.
    return compiled_for(placement, mapped_over(placement, step, (P(None, axis), P(axis), P()), P()))


@cache
def tile_program(placement: Placement, precision: Precision) -> Any:
    """`(features of some samples, features of others) -> their products`, on one device."""
    return compiled_for(placement, lambda rows, columns: gram(rows, columns, precision))


@cache
def triangle_program(placement: Placement, k: int, tile: int, precision: Precision) -> Any:
    """One row of tiles of the upper triangle, each tile serving its rows and its columns.

    `(features, half_norms, scores, columns, row_tile) -> (scores, columns)` with the running k nearest
    `[n_padded, k]` of every sample, donated.
    """

    def update(best, block, half_norms, tile_of_rows, tile_of_columns, axis=1):
        found, at = nearest(block, half_norms, k, axis)
        at = at + tile_of_columns * tile
        start = tile_of_rows * tile
        scores, columns = (jax.lax.dynamic_slice_in_dim(b, start, tile) for b in best)
        kept = merged(jnp.concatenate([scores, found], 1), jnp.concatenate([columns, at], 1), k)
        return tuple(jax.lax.dynamic_update_slice_in_dim(b, new, start, 0) for b, new in zip(best, kept, strict=True))

    def step(features, half_norms, scores, columns, row_tile):
        def tile_of(array, index):
            return jax.lax.dynamic_slice_in_dim(array, index * tile, tile)

        def product(column_tile):
            return gram(tile_of(features, row_tile), tile_of(features, column_tile), precision)

        diagonal = jnp.where(jnp.eye(tile, dtype=bool), -jnp.inf, product(row_tile))
        best = update((scores, columns), diagonal, tile_of(half_norms, row_tile), row_tile, row_tile)

        def body(column_tile, best):
            block = product(column_tile)
            best = update(best, block, tile_of(half_norms, column_tile), row_tile, column_tile)
            return update(best, block, tile_of(half_norms, row_tile), column_tile, row_tile, axis=0)

        return jax.lax.fori_loop(row_tile + 1, features.shape[0] // tile, body, best)

    return compiled_for(placement, step, donate_argnums=(2, 3))


def compiled_for(placement: Placement, step: Any, **options: Any) -> Any:
    """`jax.jit` with the vectors of the platform: XLA:CPU stops at 256 bits unless it is asked for more."""
    wide = {"xla_cpu_prefer_vector_width": 512} if placement.platform == "cpu" and _takes_wide_vectors() else None
    return jax.jit(step, compiler_options=wide, **options)


@cache
def _takes_wide_vectors() -> bool:
    """Whether this XLA knows the option."""
    try:
        jax.jit(lambda x: x + 1, compiler_options={"xla_cpu_prefer_vector_width": 512}).lower(0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def mapped_over(placement: Placement, step: Any, in_specs: Any, out_specs: Any) -> Any:
    """The step with samples shared by the devices of the mesh."""
    return jax.shard_map(step, mesh=placement.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)
